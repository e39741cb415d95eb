"""What was imposed on recorded sequences is what their fit shows, at the Cramer-Rao bound."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.measure.cfo import train_cfo_hz
from ota_calibration.measure.gain import phase_line, sequence_gain_db
from ota_calibration.measure.quantities import cfo_measurements
from ota_calibration.measure.sounding_sequence import (
    BurstNotFound,
    SequenceFit,
    SoundingSequence,
    fit_sequence,
)
from ota_calibration.measure.survey import Reading, Survey, survey_of
from ota_calibration.measure.timing import clock_error_ppm, train_delay_samples
from scipy.stats import binom

from sdr_ota.receiver.burst_fit import cramer_rao_bound
from tests.ota_calibration.recordings import (
    CENTER_HZ,
    FRAME,
    RATE_HZ,
    Truth,
    random_truth,
    recorded_sequence,
)

N_BURSTS = 8
TRAIN = SoundingSequence.even(FRAME, N_BURSTS)
MAX_CFO = 0.03
N_TRIALS = 120


def fitted(truth: Truth, seed: int, tick: int = 1000, is_timed: bool = True) -> SequenceFit:
    rng = np.random.default_rng(seed)
    return fit_sequence(recorded_sequence(truth, TRAIN, tick, rng, is_timed), TRAIN, MAX_CFO)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"gain_db": -3.0},
        {"phase_rad": 2.5},
        {"cfo_hz": 17e3},
        {"cfo_hz": -9e3},
        {"delay_samples": 3.37},
        {"clock_ppm": 25.0},
        {"clock_ppm": -25.0, "cfo_hz": -22.9e3},
    ],
)
def test_what_is_imposed_is_found(change: dict[str, float]) -> None:
    truth = replace(Truth(noise_power=1e-8), **change)
    fit = fitted(truth, seed=1)
    assert sequence_gain_db(fit) == pytest.approx(truth.gain_db, abs=0.01)
    assert train_cfo_hz(fit, RATE_HZ) == pytest.approx(truth.cfo_hz, abs=0.05)
    assert clock_error_ppm(fit) == pytest.approx(truth.clock_ppm, abs=0.5)
    assert train_delay_samples(fit) == pytest.approx(truth.delay_samples, abs=0.01)
    expected = truth.phase_rad + 2 * np.pi * truth.cfo_hz * fit.middle / RATE_HZ
    turned = np.angle(np.exp(1j * (phase_line(fit)[0] - expected)))
    assert abs(turned) < 0.01


@pytest.mark.parametrize("snr_db", [6.0, 20.0])
def test_spread_is_at_the_cramer_rao_bound(snr_db: float) -> None:
    truth = Truth(cfo_hz=3e3, delay_samples=1.4)
    amplitude = 10 ** (truth.gain_db / 20)
    truth = replace(
        truth, noise_power=(amplitude * FRAME.known_amplitude) ** 2 / 10 ** (snr_db / 10)
    )
    fits = [fitted(truth, seed) for seed in range(N_TRIALS)]
    snr = amplitude**2 / truth.noise_power
    sequence = cramer_rao_bound(TRAIN.samples(), snr)
    burst = cramer_rao_bound(FRAME.sounding_burst(), snr)
    number = np.arange(N_BURSTS) - (N_BURSTS - 1) / 2
    errors = {
        "gain": [10 ** ((sequence_gain_db(f) - truth.gain_db) / 20) - 1 for f in fits],
        "cfo": [train_cfo_hz(f, RATE_HZ) - truth.cfo_hz for f in fits],
        "clock": [clock_error_ppm(f) for f in fits],
        # At the sequence's first burst, with the clock unknown: both follow from the arrivals.
        "delay": [(train_delay_samples(f) or 0.0) - truth.delay_samples for f in fits],
    }
    spread = np.sqrt(number @ number)
    bounds = {
        "gain": sequence.amplitude_std,
        "cfo": sequence.cfo_std * RATE_HZ,
        "clock": burst.start_std / spread / TRAIN.period * 1e6,
        "delay": burst.start_std * np.hypot(1 / np.sqrt(N_BURSTS), number[-1] / spread),
    }
    chance = 4 / np.sqrt(2 * N_TRIALS)
    for name, values in errors.items():
        rms = float(np.sqrt(np.mean(np.square(values))))
        assert rms / bounds[name] == pytest.approx(1.0, abs=chance + 0.05), name


def test_without_hardware_time_there_is_no_delay_but_all_else() -> None:
    truth = Truth(cfo_hz=5e3, clock_ppm=20.0, delay_samples=211.3)
    fit = fitted(truth, seed=3, is_timed=False)
    assert train_delay_samples(fit) is None
    assert train_cfo_hz(fit, RATE_HZ) == pytest.approx(5e3, abs=1.0)
    assert clock_error_ppm(fit) == pytest.approx(20.0, abs=3.0)


def test_silence_is_not_found() -> None:
    with pytest.raises(BurstNotFound):
        fitted(Truth(gain_db=-90.0), seed=4)


def surveyed(truth: Truth, n_trains: int, seed: int) -> Survey:
    rng = np.random.default_rng(seed)
    captures = [recorded_sequence(truth, TRAIN, 1000 + 20_000 * k, rng) for k in range(n_trains)]
    return survey_of(captures, Reading(TRAIN, MAX_CFO, RATE_HZ))


@pytest.mark.parametrize("drift", [0.0, 60.0, -60.0])
def test_drift_is_measured_and_the_offset_belongs_to_the_mean_time(drift: float) -> None:
    truth = Truth(cfo_hz=1e3, drift_hz_per_s=drift)
    survey = surveyed(truth, 12, 5)
    offset, slope, _ = cfo_measurements(survey, RATE_HZ, CENTER_HZ)
    mean_s = float(np.mean(survey.times_s))
    assert offset.value == pytest.approx(1e3 + drift * mean_s, abs=6 * offset.std)
    assert slope.value == pytest.approx(drift, abs=6 * slope.std)
    assert slope.std < 20


def test_a_train_that_was_hit_is_left_out() -> None:
    rng = np.random.default_rng(6)
    captures = [recorded_sequence(Truth(), TRAIN, 1000 + 20_000 * k, rng) for k in range(5)]
    captures[2].samples[900:1000] += 0.03 * rng.standard_normal(100)
    survey = survey_of(captures, Reading(TRAIN, MAX_CFO, RATE_HZ))
    assert len(survey.observations) == 4
    assert "interference" in survey.lost[0]


@pytest.mark.slow
def test_intervals_hold_at_their_rate() -> None:
    rng = np.random.default_rng(7)
    n_nodes, missed = 40, 0
    for seed in range(n_nodes):
        truth = random_truth(rng)
        survey = surveyed(truth, 6, 100 + seed)
        offset = cfo_measurements(survey, RATE_HZ, CENTER_HZ)[0]
        there = truth.cfo_hz + truth.drift_hz_per_s * float(np.mean(survey.times_s))
        missed += abs(offset.value - there) > offset.half_width()
        for name, value in (
            ("gain_db", truth.gain_db),
            ("delay_samples", truth.delay_samples),
            ("clock_error_ppm", truth.clock_ppm),
        ):
            observations = np.array(survey.series(name))
            half = 2.5706 * observations.std(ddof=1) / np.sqrt(6)
            missed += abs(observations.mean() - value) > half
    low, high = binom.ppf([1e-4, 1 - 1e-4], 4 * n_nodes, 0.05)
    assert low <= missed <= high
