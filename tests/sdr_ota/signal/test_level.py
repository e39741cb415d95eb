"""Levels and bands of signals of which they are known."""

import math

import numpy as np
import pytest
from scipy import stats

from sdr_ota.signal.level import level_of
from sdr_ota.signal.spectrum import occupied_band_hz, power_spectrum
from sdr_ota.types import Samples

RATE_HZ = 1e6
N_SAMPLES = 100_000


def tone(power_dbfs: float, freq_hz: float) -> Samples:
    turns = freq_hz / RATE_HZ * np.arange(N_SAMPLES)
    return np.asarray(10 ** (power_dbfs / 20) * np.exp(2j * np.pi * turns), np.complex64)


def noise(power: float, seed: int = 5) -> Samples:
    parts = np.random.default_rng(seed).normal(0, math.sqrt(power / 2), (2, N_SAMPLES))
    return np.asarray(parts[0] + 1j * parts[1], np.complex64)


@pytest.mark.parametrize("power_dbfs", [-80.0, -20.0, -1.0])
def test_a_tone_has_its_power_its_peak_and_no_dc_offset(power_dbfs: float) -> None:
    level = level_of(tone(power_dbfs, 125e3))  # whole turns
    assert level.power_dbfs == pytest.approx(power_dbfs, abs=1e-4)
    assert level.peak_dbfs == pytest.approx(power_dbfs, abs=1e-4)
    assert level.clipped_share == 0
    assert level.dc_dbfs < power_dbfs - 80


def test_noise_has_its_power_within_chance() -> None:
    level = level_of(noise(1e-3) + np.complex64(1e-2j))
    # Its mean power is spread by 1 / sqrt(n); the offset adds a tenth of it.
    off = 10 ** (level.power_dbfs / 10) / 1.1e-3 - 1
    assert abs(off) < 4 / math.sqrt(N_SAMPLES)
    assert level.dc_dbfs == pytest.approx(-40, abs=0.5)


def test_the_clipped_share_is_that_of_the_tails() -> None:
    power = 0.2
    parts = noise(power)
    clipped = np.clip(parts.real, -1, 1) + 1j * np.clip(parts.imag, -1, 1)
    beyond = 2 * stats.norm.sf(127 / 128, scale=math.sqrt(power / 2))
    share = 1 - (1 - beyond) ** 2
    chance = math.sqrt(share * (1 - share) / N_SAMPLES)
    found = level_of(np.asarray(clipped, np.complex64)).clipped_share
    assert abs(found - share) < 4 * chance


def test_silence_has_no_power() -> None:
    level = level_of(np.zeros(10, np.complex64))
    assert level.power_dbfs == level.dc_dbfs == level.peak_dbfs == -math.inf


@pytest.mark.parametrize("bin_index", [-100, 0, 37])
def test_a_tone_stands_in_its_bin_with_its_power(bin_index: int) -> None:
    freq_hz = bin_index / 256 * RATE_HZ
    spectrum = power_spectrum(tone(-30, freq_hz), RATE_HZ)
    assert spectrum.strongest_hz == pytest.approx(freq_hz)
    assert spectrum.power_dbfs.max() == pytest.approx(-30, abs=0.01)


def test_noise_fills_bins_alike() -> None:
    spectrum = power_spectrum(noise(1e-2), RATE_HZ, 64)
    # A Hann window's noise bandwidth is 1.5 bins.
    assert np.mean(spectrum.power) == pytest.approx(1.5 * 1e-2 / 64, rel=0.02)


def test_white_noise_occupies_99_percent_of_the_rate() -> None:
    low_hz, high_hz = occupied_band_hz(power_spectrum(noise(1.0), RATE_HZ))
    assert (high_hz - low_hz) / RATE_HZ == pytest.approx(0.99, abs=0.002)
    # The bin at half the rate belongs to both ends and counts at the lower one.
    assert (low_hz + high_hz) / RATE_HZ == pytest.approx(-1 / 256, abs=0.002)


@pytest.mark.parametrize("center_hz", [0.0, -60e3])
def test_a_gaussian_spectrum_occupies_what_its_quantiles_say(center_hz: float) -> None:
    sigma_hz = 40e3
    freqs_hz = np.fft.fftfreq(N_SAMPLES, 1 / RATE_HZ)
    shape = np.exp(-(((freqs_hz - center_hz) / sigma_hz) ** 2) / 4)  # of amplitudes
    samples = np.asarray(np.fft.ifft(np.fft.fft(noise(1.0)) * shape), np.complex64)
    low_hz, high_hz = occupied_band_hz(power_spectrum(samples, RATE_HZ, 1024))
    quantile = stats.norm.ppf(0.995)
    assert high_hz - low_hz == pytest.approx(2 * quantile * sigma_hz, rel=0.03)
    assert (low_hz + high_hz) / 2 == pytest.approx(center_hz, abs=0.05 * sigma_hz)


def test_silence_has_no_band() -> None:
    low_hz, high_hz = occupied_band_hz(power_spectrum(np.zeros(500, np.complex64), RATE_HZ))
    assert math.isnan(low_hz) and math.isnan(high_hz)
