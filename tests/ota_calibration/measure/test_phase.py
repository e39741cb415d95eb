"""Start states and phase walks that were imposed are found; nothing else is."""

import math

import numpy as np
import pytest
from ota_calibration.measure.cfo import allan_deviation
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.phase import phase_walk_rad2_per_s, phase_walk_std, start_states
from ota_calibration.measure.sounding_sequence import SoundingSequence, fit_sequence

from tests.ota_calibration.recordings import FRAME, RATE_HZ, Truth, recorded_sequence


@pytest.mark.parametrize("n_states", [1, 2, 4, 8])
@pytest.mark.parametrize("residual_deg", [0.75, 3.0])
def test_the_grid_of_start_phases_is_found(n_states: int, residual_deg: float) -> None:
    rng = np.random.default_rng(1)
    states = np.concatenate([np.arange(n_states), rng.integers(n_states, size=24 - n_states)])
    residual = np.radians(residual_deg) * rng.standard_normal(24)
    found = start_states(list(0.4 + 2 * np.pi * states / n_states + residual))
    assert (found.n_states, found.n_seen, found.n_starts) == (n_states, n_states, 24)
    assert found.residual_rad == pytest.approx(np.radians(residual_deg), rel=4 / math.sqrt(48))


def test_uniform_phases_are_on_no_grid() -> None:
    rng = np.random.default_rng(2)
    grids = [start_states(list(rng.uniform(0, 2 * np.pi, 12))).n_states for _ in range(1000)]
    assert np.count_nonzero(grids) <= 6  # one in a thousand is expected


def test_few_starts_claim_nothing() -> None:
    assert start_states([0.0, 0.0, 0.0]).n_states == 0


@pytest.mark.parametrize("walk", [0.0, 0.1, 1.0, 6.0])
@pytest.mark.parametrize("cfo_hz", [0.0, 8e3])
def test_an_imposed_walk_is_measured(walk: float, cfo_hz: float) -> None:
    rng = np.random.default_rng(3)
    sequence = SoundingSequence.even(FRAME, 16)
    truth = Truth(cfo_hz=cfo_hz, phase_walk_rad2_per_s=walk)
    fits = [
        fit_sequence(recorded_sequence(truth, sequence, 1000 + 20_000 * k, rng), sequence, 0.03)
        for k in range(40)
    ]
    # 40 sequences of about 4 independent differences each; bursts average over a third of their
    # length, which the model of point-like observations does not know: 10 %.
    assert phase_walk_rad2_per_s(fits, RATE_HZ) == pytest.approx(
        walk, rel=4 * math.sqrt(2 / 160) + 0.1, abs=0.02
    )


def test_the_interval_of_a_walk_holds_it() -> None:
    """Of 16 calibrations of eight sequences, 95 % each; four miss once in 100 tests."""
    rng, walk, held = np.random.default_rng(5), 1.0, 0
    sequence, truth = SoundingSequence.even(FRAME, 12), Truth(phase_walk_rad2_per_s=walk)
    for _ in range(16):
        received = [recorded_sequence(truth, sequence, 1000 + 9_000 * k, rng) for k in range(8)]
        fits = [fit_sequence(capture, sequence, 0.03) for capture in received]
        value, std = phase_walk_rad2_per_s(fits, RATE_HZ), phase_walk_std(fits, RATE_HZ)
        measured = Measurement("x", value, std, "", "", 8, freedom=7)
        held += abs(value - walk) <= measured.half_width()
    assert held >= 13


@pytest.mark.parametrize("m", [1, 4, 16])
def test_allan_deviation_is_that_of_the_noise(m: int) -> None:
    rng = np.random.default_rng(4)
    n, interval_s, center_hz = 20_000, 1e-3, 915e6
    tau_s = m * interval_s
    chance = 4 * math.sqrt(2 * m / n)
    steps = 0.05 * rng.standard_normal(n)
    white_fm = 0.05 / (2 * np.pi * center_hz) / interval_s / math.sqrt(m)
    # A constant offset changes nothing.
    phases = np.cumsum(steps) + 0.3 * np.arange(n)
    measured = allan_deviation(phases, interval_s, center_hz, m)
    assert measured == pytest.approx(white_fm, rel=chance)
    white_pm = math.sqrt(3) * 0.05 / (2 * np.pi * center_hz) / tau_s
    assert allan_deviation(steps, interval_s, center_hz, m) == pytest.approx(white_pm, rel=chance)
