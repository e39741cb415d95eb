"""The receiver's noise, bounded from below by listening to a silent bench."""

import math
from unittest.mock import Mock

import numpy as np
import pytest
from ota_calibration.privacy.receiver_noise import NoiseHidden, measure_noise_bound

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.units import db_to_power

LINK = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=1e4)


def silent_bench(preset: AirPreset, seed: int) -> Bench:
    air = SimulatedAir(AirSettings(preset, 1, 1e6, 915e6, seed))
    return Bench(SimulatedRadio(air, None), (SimulatedRadio(air, 0),), 1e6)


@pytest.mark.parametrize("snr_db", [0.0, 20.0, 40.0])
def test_the_bound_lies_below_the_true_noise_of_a_chip_and_near_it(snr_db: float) -> None:
    truth = db_to_power(-snr_db) / LINK.frame.pulse.energy
    bounds = []
    for seed in range(40):
        bench = silent_bench(AirPreset("silent", snr_db=snr_db), seed)
        bounds.append(measure_noise_bound(bench, LINK))
    # Each bound fails once in a thousand runs: two failures among forty would be one in 1300.
    assert sum(bound > truth for bound in bounds) <= 1
    assert np.mean(bounds) > 0.88 * truth


@pytest.mark.parametrize(
    ("n_bits", "snr_db", "is_refused"),
    [
        (12, 58.0, False),  # 1.8 steps a branch
        (12, 62.0, False),  # 1.15
        (12, 66.0, True),  # 0.73
        (12, 70.0, True),  # 0.46
        (12, 90.0, True),  # nothing but one code and its neighbour, or that one alone
        (8, 34.0, False),  # 1.8
        (8, 38.0, False),  # 1.14
        (8, 44.0, True),  # 0.57
    ],
)
def test_what_a_converter_rounds_never_counts_as_thermal_noise(
    n_bits: int, snr_db: float, is_refused: bool
) -> None:
    """The step is 2^(1 - bits) of full scale; rounding adds a sixth of its square to the power."""
    truth = db_to_power(-snr_db) / LINK.frame.pulse.energy
    bounds, n_refused, n_trials = [], 0, 15
    for seed in range(n_trials):
        preset = AirPreset("coarse", snr_db=snr_db, adc_bits=n_bits, dc_offset_dbfs=-40.0)
        try:
            bounds.append(measure_noise_bound(silent_bench(preset, seed), LINK))
        except NoiseHidden as hidden:
            assert "raise radio.rx_gain_db" in str(hidden)
            n_refused += 1
    assert n_refused == (n_trials if is_refused else 0)
    assert sum(bound > truth for bound in bounds) <= 1  # each fails once in a thousand
    if not is_refused:
        smooth = [
            measure_noise_bound(silent_bench(AirPreset("smooth", snr_db=snr_db), seed), LINK)
            for seed in range(n_trials)
        ]
        # With rounding left in, the bound would be up to 6 % above that of the same noise.
        assert np.mean(bounds) == pytest.approx(np.mean(smooth), rel=0.015)
        assert np.mean(bounds) > 0.85 * truth


def test_noise_outside_the_occupied_band_does_not_count() -> None:
    """A neighbour a hundred times as strong as the noise, next to the band of the pulse."""
    rng = np.random.default_rng(5)
    n_samples, edge = 70_000, (1 + LINK.frame.pulse.rolloff) / LINK.frame.pulse.samples_per_chip / 2
    white = rng.standard_normal((2, 2, n_samples)) / math.sqrt(2)
    thermal, other = (part[0] + 1j * part[1] for part in white)
    spectrum = np.fft.fft(other)
    spectrum[np.abs(np.fft.fftfreq(n_samples)) < edge + 0.03] = 0.0
    neighbour = np.fft.ifft(spectrum)
    neighbour *= 10.0 / np.sqrt(np.mean(np.abs(neighbour) ** 2))
    idle = (1e-3 * (thermal + neighbour)).astype(np.complex64)
    radio = Mock()
    radio.begin_receive.side_effect = lambda n: Mock(
        result=lambda timeout_s: Mock(samples=idle[:n])
    )
    bound = measure_noise_bound(Bench(radio, (), 1e6), LINK)
    assert 0.85 * 1e-6 < bound * LINK.frame.pulse.energy < 1e-6
