"""How strong payloads arrive over what soundings promise, learned from node pilots."""

import math
from pathlib import Path

import numpy as np
import pytest

import sdr_ota
from sdr_ota.rounds.arriving_level import LEAST_ROUNDS, MEMORY_ROUNDS, ArrivingLevel

N_ROUNDS = 160


def learned(levels: np.ndarray) -> ArrivingLevel:
    arriving = ArrivingLevel()
    for level in levels:
        arriving.observe(float(level))
    return arriving


def test_nothing_is_said_of_few_rounds() -> None:
    arriving = learned(np.full(LEAST_ROUNDS - 1, 1.1))
    assert arriving.expected == 1.0
    arriving.observe(1.1)
    assert arriving.expected == pytest.approx(1.1)


def test_noise_is_averaged() -> None:
    noise = 0.01 * np.random.default_rng(3).standard_normal(MEMORY_ROUNDS)
    assert learned(1.003 + noise).expected == pytest.approx(1.003, abs=5 * 0.01 / 8)


def test_old_rounds_are_forgotten() -> None:
    arriving = learned(np.concatenate([np.full(1000, 2.0), np.full(5 * MEMORY_ROUNDS, 1.0)]))
    assert arriving.expected == pytest.approx(1.0, abs=math.exp(-5))


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
    rounds = sdr_ota.run(set=settings).rounds[LEAST_ROUNDS:]
    good = [one for one in rounds if one.erasure is None]
    assert len(good) > 0.9 * len(rounds)
    true, decoded, std = (
        np.array([getattr(one, name) for one in good], float)
        for name in ("true_sum", "decoded_sum", "decoded_std")
    )
    weights = true / std**2
    slope, slope_std = weights @ (decoded - true) / (weights @ true), (weights @ true) ** -0.5
    assert abs(slope) < 4 * slope_std
