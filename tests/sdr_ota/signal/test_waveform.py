import numpy as np
import pytest

from sdr_ota.air.impairments import awgn
from sdr_ota.signal.sequences import spreading_chips, tone_chips
from sdr_ota.signal.waveform import Pulse
from sdr_ota.types import Chips

MINUS_50_DB = 1e-5
PULSES = [Pulse(), Pulse(samples_per_chip=4), Pulse(2, 0.5), Pulse(3, 0.35, 20), Pulse(2, 1.0)]


def random_chips(n_chips: int, seed: int) -> Chips:
    rng = np.random.default_rng(seed)
    return np.asarray(np.exp(2j * np.pi * rng.random(n_chips)))


@pytest.mark.parametrize("pulse", PULSES, ids=str)
@pytest.mark.parametrize("n_chips", [1, 2, 300])
def test_chips_come_back_through_the_matched_filter(pulse: Pulse, n_chips: int) -> None:
    chips = random_chips(n_chips, 1)
    samples = pulse.shape(chips)
    assert samples.shape == (pulse.n_samples(n_chips),)
    assert samples.dtype == np.complex64
    residual = pulse.match(samples, n_chips) - chips
    assert np.mean(np.abs(residual) ** 2) < MINUS_50_DB


@pytest.mark.parametrize("pulse", PULSES, ids=str)
def test_one_pulse_meets_nyquist_and_is_centred(pulse: Pulse) -> None:
    n_chips, place = 41, 20
    impulse = np.zeros(n_chips, np.complex128)
    impulse[place] = 1.0
    samples = pulse.shape(impulse)
    centre = pulse.half_samples + place * pulse.samples_per_chip
    assert int(np.argmax(np.abs(samples))) == centre
    matched = pulse.match(samples, n_chips)
    assert matched[place] == pytest.approx(1.0, abs=1e-6)
    others = np.delete(matched, place)
    assert np.sum(np.abs(others) ** 2) < MINUS_50_DB


@pytest.mark.parametrize("pulse", PULSES, ids=str)
def test_no_chips_exceed_full_scale_and_the_bound_is_reached(pulse: Pulse) -> None:
    # The worst chips for a sample have the signs of the taps that reach it.
    peaks = []
    for phase in range(pulse.samples_per_chip):
        taps = pulse.taps[phase :: pulse.samples_per_chip]
        chips = np.where(taps[::-1] >= 0, 1.0, -1.0) * np.exp(0.7j)
        peaks.append(np.abs(pulse.shape(chips)).max())
    assert max(peaks) == pytest.approx(1.0, abs=1e-6)
    for seed in range(50):
        assert np.abs(pulse.shape(random_chips(64, seed))).max() <= 1 + 1e-6


@pytest.mark.parametrize("pulse", PULSES[:3], ids=str)
@pytest.mark.parametrize("noise_power", [0.01, 2.0])
def test_noise_of_a_chip_is_the_noise_of_a_sample_over_the_energy(
    pulse: Pulse, noise_power: float
) -> None:
    n_chips = 20_000
    noise = awgn(pulse.n_samples(n_chips), noise_power, np.random.default_rng(2))
    chips = pulse.match(noise, n_chips)
    # |chip|^2 is exponential and white up to the pulse's finite length.
    assert np.mean(np.abs(chips) ** 2) == pytest.approx(
        noise_power / pulse.energy, rel=5 / np.sqrt(n_chips)
    )
    for lag in (1, 2, 3):
        correlation = np.mean(chips[lag:] * chips[:-lag].conj())
        assert abs(correlation) < 5 * noise_power / pulse.energy / np.sqrt(n_chips)


@pytest.mark.parametrize("rolloff", [0.2, 0.35])
def test_spectrum_ends_where_the_rolloff_says(rolloff: float) -> None:
    pulse = Pulse(4, rolloff, span_chips=40)
    spectrum = np.abs(np.fft.fft(pulse.taps, 8192)) ** 2
    frequency = np.abs(np.fft.fftfreq(8192))
    edge = (1 + rolloff) / 2 / pulse.samples_per_chip
    outside = spectrum[frequency > 1.1 * edge].sum() / spectrum.sum()
    assert 10 * np.log10(outside) < -40.0


@pytest.mark.parametrize("n_late", [0.25, 0.5])
def test_a_tone_in_the_flat_band_ignores_the_sampling_time(n_late: float) -> None:
    pulse, n_chips = Pulse(2), 200
    for cycles_per_chip in (-5 / 16, 0.25, 2 / 16):
        samples = pulse.shape(tone_chips(n_chips, cycles_per_chip)).astype(np.complex128)
        turn = np.exp(-2j * np.pi * np.fft.fftfreq(samples.size) * n_late * 2)
        late = np.fft.ifft(np.fft.fft(samples) * turn).astype(np.complex64)
        inner = pulse.match(late, n_chips)[20:-20]
        np.testing.assert_allclose(np.abs(inner), 1.0, atol=0.01)


@pytest.mark.parametrize("n_chips", [1, 2, 7, 64, 255, 512])
def test_spreading_chips_have_ideal_cyclic_autocorrelation(n_chips: int) -> None:
    chips = spreading_chips(n_chips)
    np.testing.assert_allclose(np.abs(chips), 1.0, atol=1e-12)
    spectrum = np.fft.fft(chips)
    np.testing.assert_allclose(np.abs(spectrum) ** 2, n_chips, rtol=1e-8)
    with pytest.raises(ValueError, match="read-only"):
        chips[0] = 0


def test_the_default_pulse_keeps_interference_60_db_down() -> None:
    pulse, chips = Pulse(), random_chips(5000, 3)
    residual = pulse.match(pulse.shape(chips), 5000) - chips
    assert 10 * np.log10(np.mean(np.abs(residual) ** 2)) < -59.0
