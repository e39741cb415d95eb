import math
import random
import secrets

import numpy as np
import pytest
from ota_calibration.privacy.noise import SystemNoise, add_privacy_noise
from scipy.stats import kstest

# Real entropy cannot be seeded, so its tests allow six standard errors.
N_DRAWS = 20_000


def test_it_is_gaussian_with_the_spread_asked_for() -> None:
    for std in (0.3, 40.0):
        values = np.array([add_privacy_noise(5.0, std) for _ in range(N_DRAWS)])
        assert values.mean() == pytest.approx(5.0, abs=6 * std / math.sqrt(N_DRAWS))
        assert values.std() == pytest.approx(std, rel=6 / math.sqrt(2 * N_DRAWS))
        assert kstest((values - 5.0) / std, "norm").pvalue > 1e-8


def test_draws_are_independent() -> None:
    source = SystemNoise()
    values = np.array([source.standard_normal() for _ in range(N_DRAWS)])
    assert len(set(values.tolist())) == N_DRAWS
    lagged = float(np.mean(values[1:] * values[:-1]))
    assert lagged == pytest.approx(0.0, abs=6 / math.sqrt(N_DRAWS))


def test_no_seed_repeats_it() -> None:
    drawn = []
    for _ in range(3):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - shows that the global seed has no effect
        drawn.append(add_privacy_noise(0.0, 1.0))
    assert len(set(drawn)) == 3


def test_its_bits_come_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = secrets.SystemRandom.random
    monkeypatch.setattr(
        secrets.SystemRandom, "random", lambda self: asked.append(1) or original(self)
    )
    add_privacy_noise(0.0, 1.0)
    assert len(asked) >= 4


def test_a_test_may_bring_its_own_generator() -> None:
    expected = 2.0 + 3.0 * np.random.default_rng(9).standard_normal()
    assert add_privacy_noise(2.0, 3.0, np.random.default_rng(9)) == expected
    assert add_privacy_noise(2.0, 0.0) == 2.0


@pytest.mark.parametrize(
    ("scalar", "std"),
    [(math.nan, 1.0), (math.inf, 1.0), (1.0, -1.0), (1.0, math.inf), (1.0, math.nan)],
)
def test_values_that_would_leak_or_break_are_refused(scalar: float, std: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        add_privacy_noise(scalar, std)
