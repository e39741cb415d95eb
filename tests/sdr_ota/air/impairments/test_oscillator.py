import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from sdr_ota.air.impairments import (
    advance_phase_noise,
    apply_cfo,
    apply_frequency_drift,
    apply_phase_noise,
    awgn,
    cfo_of_clock_error,
    draw_grid_phase,
    draw_uniform_phase,
)

RATE_HZ = 1e6


def exact_phase(turns: Fraction) -> float:
    return 2 * math.pi * float(turns % 1)


@pytest.mark.parametrize("cfo_hz", [-60e3, -0.1, 0.0, 1234.567, 499e3])
@pytest.mark.parametrize("start_tick", [0, 12345, 10**12])
@pytest.mark.parametrize("phase_rad", [0.0, -2.5])
def test_cfo_turns_by_its_definition(cfo_hz: float, start_tick: int, phase_rad: float) -> None:
    turned = apply_cfo(np.ones(1000, np.complex64), cfo_hz, RATE_HZ, start_tick, phase_rad)
    for n in (0, 1, 255, 256, 257, 999):
        turns = Fraction(cfo_hz) * (start_tick + n) / Fraction(RATE_HZ)
        expected = np.exp(1j * (exact_phase(turns) + phase_rad))
        assert abs(turned[n] - expected) < 1e-6


def test_cfo_matches_the_plain_formula_with_an_odd_rate() -> None:
    samples = awgn(777, 1.0, np.random.default_rng(1))
    rate_hz = 30.72e6 / 7
    t = (5 + np.arange(777)) / rate_hz
    expected = samples * np.exp(2j * np.pi * -7e4 * t)
    np.testing.assert_allclose(apply_cfo(samples, -7e4, rate_hz, 5), expected, atol=3e-6)


def test_bursts_of_one_node_stay_in_phase() -> None:
    samples = awgn(5000, 1.0, np.random.default_rng(2))
    start = 987_654_321_012
    whole = apply_cfo(samples, 43_210.9, RATE_HZ, start, 0.7)
    parts = [
        apply_cfo(samples[i : i + 700], 43_210.9, RATE_HZ, start + i, 0.7)
        for i in range(0, 5000, 700)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=3e-6)


def test_opposite_cfo_undoes() -> None:
    samples = awgn(3000, 1.0, np.random.default_rng(3))
    there = apply_cfo(samples, 5e3, RATE_HZ, 44, 1.0)
    np.testing.assert_allclose(apply_cfo(there, -5e3, RATE_HZ, 44, -1.0), samples, atol=3e-6)


def test_clock_error_scales_with_the_carrier() -> None:
    assert cfo_of_clock_error(-25.0, 915e6) == pytest.approx(-22_875.0)
    assert cfo_of_clock_error(2.0, 2.4e9) == pytest.approx(4_800.0)


@pytest.mark.parametrize("drift", [-300.0, 15.0, 4e6])
@pytest.mark.parametrize("start_tick", [0, -77, 123_456, 10**12])
def test_drift_turns_by_its_definition(drift: float, start_tick: int) -> None:
    turned = apply_frequency_drift(np.ones(1000, np.complex64), drift, RATE_HZ, start_tick)
    for n in (0, 1, 500, 999):
        t = Fraction(start_tick + n) / Fraction(RATE_HZ)
        expected = np.exp(1j * exact_phase(Fraction(drift) / 2 * t * t))
        assert abs(turned[n] - expected) < 1e-6


def test_frequency_under_drift_is_rate_times_time() -> None:
    drift, n = 5e4, 100_000
    turned = apply_frequency_drift(np.ones(n, np.complex64), drift, RATE_HZ)
    steps = np.unwrap(np.angle(turned[::100].astype(complex)))
    frequency = np.diff(steps) / (2 * np.pi) * RATE_HZ / 100
    middle = (100 * np.arange(frequency.size) + 50) / RATE_HZ
    # Two phases, each good to 1e-6 rad, 100 us apart.
    np.testing.assert_allclose(frequency, drift * middle, atol=2e-6 / (2 * np.pi * 1e-4))


@pytest.mark.parametrize("linewidth_hz", [0.5, 50.0, 2000.0])
@pytest.mark.parametrize("rate_hz", [1e6, 2.5e6])
def test_phase_noise_increments_have_their_variance(linewidth_hz: float, rate_hz: float) -> None:
    n = 100_000
    ones = np.ones(n, np.complex64)
    turned, _ = apply_phase_noise(ones, linewidth_hz, rate_hz, 0.3, np.random.default_rng(4))
    assert abs(np.angle(turned[0]) - 0.3) < 1e-6
    # Over 20 samples the smallest walk (0.011 rad) stands clear of single precision.
    steps = np.angle(turned[20::20] * turned[:-20:20].conj())
    expected_std = math.sqrt(2 * math.pi * linewidth_hz * 20 / rate_hz)
    assert np.std(steps) == pytest.approx(expected_std, rel=4 / math.sqrt(2 * steps.size))
    assert abs(np.mean(steps)) < 4 * expected_std / math.sqrt(steps.size)


@pytest.mark.parametrize("lag", [10, 100, 400])
def test_phase_noise_decorrelates_as_a_lorentzian_line(lag: int) -> None:
    linewidth_hz, n_runs, n = 1000.0, 300, 20 * lag
    rng = np.random.default_rng(5)
    ones = np.ones(n, np.complex64)
    estimates = np.array(
        [
            np.mean(walk[lag::lag] * walk[:-lag:lag].conj())
            for walk in (
                apply_phase_noise(ones, linewidth_hz, RATE_HZ, 0.0, rng)[0] for _ in range(n_runs)
            )
        ]
    )
    expected = math.exp(-math.pi * linewidth_hz * lag / RATE_HZ)
    tolerance = 4 * np.std(estimates) / math.sqrt(n_runs)
    assert abs(np.mean(estimates) - expected) < tolerance


def test_phase_noise_goes_on_from_where_it_stopped() -> None:
    rng = np.random.default_rng(6)
    ones = np.ones(1000, np.complex64)
    phase, last, jumps = 0.4, 0.4, []
    for _ in range(400):
        turned, phase = apply_phase_noise(ones, 100.0, RATE_HZ, phase, rng)
        assert abs(turned[0] - np.exp(1j * last)) < 1e-5
        jumps.append(phase - last)
        last = phase
    expected_std = math.sqrt(2 * math.pi * 100.0 * 1000 / RATE_HZ)
    assert np.std(jumps) == pytest.approx(expected_std, rel=4 / math.sqrt(2 * len(jumps)))


@pytest.mark.parametrize(("linewidth_hz", "pause_s"), [(0.02, 1.0), (5.0, 1e-3), (5.0, 0.1)])
def test_pause_advances_the_walk(linewidth_hz: float, pause_s: float) -> None:
    rng = np.random.default_rng(7)
    steps = [advance_phase_noise(1.5, pause_s, linewidth_hz, rng) - 1.5 for _ in range(4000)]
    expected_std = math.sqrt(2 * math.pi * linewidth_hz * pause_s)
    assert np.std(steps) == pytest.approx(expected_std, rel=4 / math.sqrt(2 * len(steps)))


def test_no_linewidth_is_no_phase_noise() -> None:
    samples = awgn(500, 1.0, np.random.default_rng(8))
    same, phase = apply_phase_noise(samples, 0.0, RATE_HZ, 0.0, np.random.default_rng(9))
    np.testing.assert_allclose(same, samples, atol=1e-6)
    assert phase == 0.0


def test_negative_linewidth_and_pause_are_refused() -> None:
    rng = np.random.default_rng(10)
    with pytest.raises(ValueError, match="linewidth_hz >= 0"):
        apply_phase_noise(np.ones(3, np.complex64), -1.0, RATE_HZ, 0.0, rng)
    with pytest.raises(ValueError, match="duration >= 0"):
        advance_phase_noise(0.0, -1.0, 1.0, rng)


@pytest.mark.parametrize("n_states", [2, 8, 13])
@pytest.mark.parametrize("residual_std_rad", [0.0, 0.02, 0.08])
def test_grid_phase_populates_all_states_alike(n_states: int, residual_std_rad: float) -> None:
    rng, n = np.random.default_rng(11), 6000
    phases = np.array([draw_grid_phase(rng, n_states, residual_std_rad) for _ in range(n)])
    states = np.rint(phases * n_states / (2 * np.pi)).astype(int)
    residuals = phases - 2 * np.pi * states / n_states
    counts = np.bincount(states % n_states, minlength=n_states)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert np.std(residuals) == pytest.approx(residual_std_rad, rel=4 / math.sqrt(2 * n), abs=1e-12)


def test_uniform_phase_covers_the_circle() -> None:
    rng = np.random.default_rng(12)
    phases = np.array([draw_uniform_phase(rng) for _ in range(4000)])
    assert stats.kstest(phases / (2 * np.pi), "uniform").pvalue > 1e-4
