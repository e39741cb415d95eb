"""How strong payloads arrive over what soundings promise, learned from node pilots."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.receiver.levels import ShownLevel
from sdr_ota.rounds.arriving_level import MEMORY_ROUNDS, PRIOR_STD, ArrivingLevel

N_ROUNDS, N_LEARNING = 160, 16


def learned(levels: Sequence[float], variance: float) -> ArrivingLevel:
    arriving = ArrivingLevel()
    for level in levels:
        arriving.observe(ShownLevel(level, variance))
    return arriving


def test_nothing_is_expected_before_anything_was_seen() -> None:
    assert ArrivingLevel().expected == 1.0


def test_noise_is_averaged() -> None:
    noise = 0.005 * np.random.default_rng(3).standard_normal(10 * MEMORY_ROUNDS)
    found = learned((1.004 + noise).tolist(), 0.005**2).expected
    # A mean that forgets 1 of 64 holds as much as one of twice as many rounds.
    assert found == pytest.approx(1.004, abs=5 * 0.005 / np.sqrt(2 * MEMORY_ROUNDS - 1) + 1e-5)


@pytest.mark.parametrize("noise_std", [1.0, 100.0])
def test_pilots_far_below_their_noise_say_nothing(noise_std: float) -> None:
    draws = 1 + noise_std * np.random.default_rng(4).standard_normal(MEMORY_ROUNDS)
    # The mean of all is off by noise_std / 8 and more; what is expected, by less than the prior.
    assert learned(draws.tolist(), noise_std**2).expected == pytest.approx(1, abs=PRIOR_STD / 2)


def test_old_rounds_are_forgotten() -> None:
    levels = [1.02] * 1000 + [1.0] * 5 * MEMORY_ROUNDS
    assert learned(levels, 1e-6).expected == pytest.approx(1, abs=0.02 * math.exp(-5))


def test_sums_are_true_to_scale_behind_amplifiers_that_compress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sounding comes 0.4 % weaker through this air's amplifiers than a small payload.
    monkeypatch.chdir(tmp_path)
    settings = {
        "air.preset": "usrp-shared-clock",
        "clients.source": "synthetic",
        "link.scalar_limit": 2.0,
        "run.rounds": N_ROUNDS,
        "run.seed": 5,
    }
    rounds = sdr_ota.run(set=settings).rounds[N_LEARNING:]
    good = [one for one in rounds if one.erasure is None]
    assert len(good) > 0.9 * len(rounds)
    true, decoded, std = (
        np.array([getattr(one, name) for one in good], float)
        for name in ("true_sum", "decoded_sum", "decoded_std")
    )
    weights = true / std**2
    slope, slope_std = weights @ (decoded - true) / (weights @ true), (weights @ true) ** -0.5
    assert abs(slope) < 4 * slope_std
