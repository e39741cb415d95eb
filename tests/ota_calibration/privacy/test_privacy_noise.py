"""Noise on a grid that no scalar has any part in, of the law that the accounts take it for."""

import math
import random
import secrets
from fractions import Fraction

import numpy as np
import pytest
from ota_calibration.privacy.noise import SystemNoise, add_privacy_noise, step_exponent
from scipy.stats import kstest

from tests.ota_calibration.private import SeededNoise

# Real entropy cannot be seeded, so its tests allow six standard errors.
N_DRAWS = 8_000


def test_it_is_gaussian_with_the_spread_asked_for() -> None:
    for std in (0.3, 40.0):
        values = np.array([add_privacy_noise(5.0, std) for _ in range(N_DRAWS)])
        assert values.mean() == pytest.approx(5.0, abs=6 * std / math.sqrt(N_DRAWS))
        assert values.std() == pytest.approx(std, rel=6 / math.sqrt(2 * N_DRAWS))
        assert kstest((values - 5.0) / std, "norm").pvalue > 1e-8


def test_draws_are_independent() -> None:
    values = np.array([add_privacy_noise(0.0, 1.0) for _ in range(N_DRAWS)])
    assert len(set(values.tolist())) == N_DRAWS
    lagged = float(np.mean(values[1:] * values[:-1]))
    assert lagged == pytest.approx(0.0, abs=6 / math.sqrt(N_DRAWS))


def noise_step(std: float) -> Fraction:
    return Fraction(2) ** step_exponent(std)


SCALARS = (0.0, 1.0, -2.75, 1 / 3, math.pi, 5.0 - 2**-50, 2**-60, -1e-300, 4503.1)


@pytest.mark.parametrize("std", [0.3, 1.0, 1.9999, 40.0, 1e-9, 1e9, 1e17, 2.0**48, 1e-300])
def test_every_noisy_scalar_lies_on_a_grid_that_the_noise_alone_decides(std: float) -> None:
    """Else the last bits of what is sent would tell the scalar (Mironov, CCS 2012)."""
    step = noise_step(std)
    assert std * 2**-49 < step <= std * 2**-48
    for scalar in SCALARS:
        for _ in range(50):
            assert (Fraction(add_privacy_noise(scalar, std)) / step).denominator == 1


def test_two_neighbours_can_give_the_same_values_to_the_last_bit() -> None:
    """Whatever one scalar can become another one can, by other noise: not one value is excluded."""
    std, step = 1.0, noise_step(1.0)

    class Chosen:
        def __init__(self, steps: int) -> None:
            self.steps = steps

        def discrete_gaussian(self, std: int) -> int:
            return self.steps

    rng = np.random.default_rng(3)
    for scalar in SCALARS[:-1]:
        for value in (rng.integers(-(2**51), 2**51, 30) * step).tolist():
            noise = Chosen(int((value - round(Fraction(scalar) / step) * step) / step))
            assert add_privacy_noise(scalar, std, noise) == float(value)


def test_the_last_bits_of_what_is_sent_are_the_same_coins_whatever_the_scalar() -> None:
    """The least of 48 bits below the noise is set in half of all values, and as often for each."""
    shares = []
    for scalar in (0.0, 1 / 3, 0.7071):
        steps = [Fraction(add_privacy_noise(scalar, 1.0)) / noise_step(1.0) for _ in range(1500)]
        shares.append([np.mean([int(n) >> bit & 1 for n in steps]) for bit in range(40)])
    # 120 shares of 1500 coins: 6 standard errors are passed by chance once in four million.
    assert np.abs(np.array(shares) - 0.5).max() < 6 * 0.5 / math.sqrt(1500)


@pytest.mark.parametrize("std", [1.0, 1.5, 3e-5])
def test_the_noise_pays_for_the_rounding_of_neighbours(std: float) -> None:
    """Rounded, 256 scalars differ by a step more at most; the noise is larger by more than that."""
    asked: list[int] = []

    class Asked:
        def discrete_gaussian(self, std: int) -> int:
            asked.append(std)
            return 0

    add_privacy_noise(0.0, std, Asked())
    step, moved = noise_step(std), Fraction(std) / 2**24
    rounded = moved + 16 * step  # the root of 256
    assert moved / Fraction(std) >= rounded / (asked[0] * step)
    assert asked[0] * step / Fraction(std) < 1 + Fraction(2, 2**20)


def test_no_seed_repeats_it() -> None:
    drawn = []
    for _ in range(3):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - shows that the global seed has no effect
        drawn.append(add_privacy_noise(0.0, 1.0))
    assert len(set(drawn)) == 3


def test_its_bits_come_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = secrets.SystemRandom.getrandbits
    monkeypatch.setattr(
        secrets.SystemRandom, "getrandbits", lambda self, k: asked.append(k) or original(self, k)
    )
    SystemNoise().discrete_gaussian(2**48)
    assert sum(asked) >= 48  # a number of 48 bits holds that many


def test_a_test_may_bring_its_own_source() -> None:
    expected = 2.0 + 3.0 * np.random.default_rng(9).standard_normal()
    assert add_privacy_noise(2.0, 3.0, SeededNoise(9)) == pytest.approx(expected, rel=1e-5)
    assert add_privacy_noise(2.0, 0.0) == 2.0


@pytest.mark.parametrize(
    ("scalar", "std"),
    [(math.nan, 1.0), (math.inf, 1.0), (1.0, -1.0), (1.0, math.inf), (1.0, math.nan)],
)
def test_values_that_would_leak_or_break_are_refused(scalar: float, std: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        add_privacy_noise(scalar, std)
