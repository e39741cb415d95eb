from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.config.load import config_of_tables
from sdr_ota.config.parts import link_of
from sdr_ota.rounds.exchange import Link
from sdr_ota.study.genie import (
    Motion,
    SentRound,
    fading_correlation,
    genie_link,
    genie_squared_error,
    predicted_power,
    prediction_variance,
    scattered_share,
)

FADING = AirPreset("fading", fading="rician", rician_k_db=7.0, coherence_time_s=1.0)
SOUNDED_S = np.arange(30) * 0.3


def motion(fading: float, walk_per_s: float, start: float, noise: float) -> Motion:
    return Motion(*(np.array([value]) for value in (fading, walk_per_s, start, noise)))


def link() -> Link:
    return link_of(config_of_tables({}, {"link.scheme": "coherent"}))


def sent(payload_s: float = 0.01, n_soundings: int = 30) -> SentRound:
    sounded_s = np.arange(1 - n_soundings, 1) * 0.02
    return SentRound(np.array([0.5, -0.2, 0.9]), np.arange(3), sounded_s, payload_s)


def world(preset: AirPreset, seed: int = 1) -> SimulatedAir:
    return SimulatedAir(AirSettings(preset, 3, 1e6, 915e6, seed))


def test_a_walk_is_predicted_as_well_as_the_steady_kalman_filter_does() -> None:
    walk, noise, period_s, ahead_s = 0.02, 3e-3, 0.3, 0.1
    found = prediction_variance(
        SOUNDED_S, SOUNDED_S[-1] + ahead_s, np.ones_like, motion(0.0, walk, 3.3, noise)
    )
    one, q, r = np.eye(1), np.array([[walk * period_s]]), np.array([[noise]])
    before = float(solve_discrete_are(one, one, q, r)[0, 0])
    filtered = before * noise / (before + noise)
    assert found[0] == pytest.approx(filtered + walk * ahead_s, rel=1e-6)


def test_a_constant_is_known_as_well_as_the_mean_of_its_soundings() -> None:
    found = prediction_variance(SOUNDED_S, 100.0, np.ones_like, motion(0.0, 0.0, 1e4, 0.3))
    assert found[0] == pytest.approx(0.3 / len(SOUNDED_S), rel=1e-4)


def test_fading_is_predicted_as_well_as_a_regression_over_many_drawn_worlds() -> None:
    """The gains are sums of plane waves, the predictor is fitted to them by least squares."""
    rng = np.random.default_rng(5)
    n_worlds, noise = 60_000, 0.02
    times_s = np.array([0.0, 0.4, 0.8, 1.2, 1.5])
    angles, phases = 2 * np.pi * rng.random((2, n_worlds, 24))
    doppler = 2 * np.pi * 0.2788 * np.cos(angles)
    waves = [np.sqrt(2 / 24) * np.cos(doppler * t + phases).sum(axis=1) for t in times_s]
    past = np.stack(waves[:-1], axis=1) + np.sqrt(noise) * rng.standard_normal((n_worlds, 4))
    weights, *_ = np.linalg.lstsq(past, waves[-1], rcond=None)
    drawn = float(np.mean((waves[-1] - past @ weights) ** 2))
    found = prediction_variance(
        times_s[:-1], times_s[-1], fading_correlation(FADING), motion(1.0, 0.0, 0.0, noise)
    )
    assert found[0] == pytest.approx(drawn, rel=0.03)


def test_far_ahead_nothing_of_the_fading_is_known() -> None:
    gauss_markov = fading_correlation(replace(FADING, fading_spectrum="gauss-markov"))
    found = prediction_variance(SOUNDED_S, 1e3, gauss_markov, motion(0.7, 0.0, 0.0, 1e-3))
    assert found[0] == pytest.approx(0.7)


def test_the_scattered_share_is_that_of_the_rician_k() -> None:
    assert scattered_share(FADING) == pytest.approx(1 / (1 + 10**0.7))
    assert scattered_share(replace(FADING, fading="rayleigh")) == pytest.approx(1.0)
    assert scattered_share(replace(FADING, fading="none")) == 0.0


def test_the_predicted_power_is_between_that_of_the_gain_and_that_of_the_direct_path() -> None:
    share = scattered_share(FADING)
    gain = np.array([1.3 - 0.2j])
    assert predicted_power(gain, share, np.zeros(1)) == pytest.approx(np.abs(gain) ** 2)
    assert predicted_power(gain, share, np.ones(1)) == pytest.approx(1 - share)


def test_without_impairments_only_the_payload_noise_is_left() -> None:
    air = world(replace(air_preset("ideal"), snr_db=20.0))
    frame = link().frame
    noise = 10**-2.0 / (2 * frame.pulse.energy * frame.n_payload_chips * frame.known_amplitude**2)
    assert genie_squared_error(sent(), air, link()) == pytest.approx(noise, rel=1e-3)


def test_the_bound_falls_with_the_linewidth_and_grows_with_the_time_ahead() -> None:
    def error(linewidth_hz: float, payload_s: float) -> float:
        preset = replace(air_preset("lab-wired"), phase_noise_linewidth_hz=linewidth_hz)
        return genie_squared_error(sent(payload_s), world(preset), link())

    assert error(1e-3, 0.5) < error(1e-2, 0.5) < error(0.1, 0.5)
    assert error(1e-2, 0.01) < error(1e-2, 0.5) < error(1e-2, 2.0)


def test_start_jitter_costs_timing_and_turns_nodes_that_are_off() -> None:
    steady = air_preset("ideal")
    jittery = replace(steady, start_jitter_s=1e-6)
    rate_hz, per_chip = 1e6, link().frame.pulse.samples_per_chip
    found = genie_link(sent(), world(jittery), link())
    late = 2 * (1e-6 * rate_hz / per_chip) ** 2  # the lead is never late against itself
    assert found.gains.timing_variance_chips2 == pytest.approx((0.0, late, late))
    off = replace(jittery, shared_clock=False, clock_error_range_ppm=10.0)
    offsets_hz = np.array([path.cfo_hz for path in world(off).paths])
    turned = (2 * np.pi * 1e-6) ** 2 * offsets_hz**2
    more = genie_link(sent(), world(off), link()).gains.phase_variance_rad2
    assert np.subtract(more, found.gains.phase_variance_rad2) == pytest.approx(turned, rel=1e-3)


def test_the_fading_asked_for_is_that_of_the_bursts() -> None:
    air, other = world(replace(FADING, shared_clock=True)), world(FADING)
    burst = np.ones(64, np.complex64)
    for tick in (0, 500_000, 3_000_000):
        (arrived,) = air.paths[0].propagate(burst, tick)
        assert arrived is not None
        gain = arrived.samples[len(arrived.samples) // 2] / air.paths[0].gain
        assert other.paths[0].fading(tick) == pytest.approx(complex(gain), rel=1e-4)
