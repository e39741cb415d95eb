"""Detection against its false-alarm formula, the fit against the Cramer-Rao bound."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.impairments import ToneBurst, add_awgn, add_tone_burst, apply_dc_offset, awgn
from sdr_ota.receiver.burst_fit import BurstFit, cramer_rao_bound
from sdr_ota.receiver.detection import chirp_metric, detect_bursts, detection_threshold
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.sequences import up_chirp
from sdr_ota.types import Samples

FRAME = FrameFormat(known_amplitude=1.0)
SOUNDING, PREAMBLE = FRAME.sounding_burst(), FRAME.preamble()


def placed(reference: Samples, start: float, cfo: float, gain: complex, n_samples: int) -> Samples:
    """Return a burst at a fractional start, turned about its own centre, in silence."""
    spectrum = np.fft.fft(reference.astype(np.complex128), n_samples)
    moved = np.fft.ifft(spectrum * np.exp(-2j * np.pi * np.fft.fftfreq(n_samples) * start))
    time = np.arange(n_samples) - start - (len(reference) - 1) / 2
    return np.asarray(gain * moved * np.exp(2j * np.pi * cfo * time), np.complex64)


def sinc_placed(
    reference: Samples, start: float, cfo: float, n_samples: int
) -> NDArray[np.complex128]:
    """The same from the definition of band-limited interpolation, sample by sample."""
    n = np.arange(n_samples)
    kernel = np.sinc(n[:, None] - start - np.arange(len(reference))[None, :])
    time = n - start - (len(reference) - 1) / 2
    return np.asarray((kernel @ reference) * np.exp(2j * np.pi * cfo * time))


# ---------------------------------------------------------------- false alarms


@pytest.mark.parametrize("n_chirp", [64, 256])
@pytest.mark.parametrize(("noise_power", "mean"), [(1.0, 0.0), (3e-6, 0.0), (0.2, 0.05)])
def test_metric_of_noise_follows_the_beta_law(
    n_chirp: int, noise_power: float, mean: float
) -> None:
    n_windows = 1_000_000
    rng = np.random.default_rng([n_chirp, round(1e7 * noise_power)])
    noise = awgn(n_windows + n_chirp - 1, noise_power, rng) + np.complex64(mean)
    metric = chirp_metric(noise - noise.mean(), up_chirp(n_chirp))
    assert metric.shape == (n_windows,)
    for probability in (0.1, 1e-2, 1e-3):
        threshold = detection_threshold(probability, n_chirp)
        assert (1 - threshold) ** (n_chirp - 1) == pytest.approx(probability, rel=1e-9)
        exceeded = np.mean(metric > threshold)
        # A chirp of bandwidth 0.6 correlates with itself over 1/0.6 samples, so that
        # windows 4 apart are as good as independent: at least a quarter of them count.
        tolerance = 5 * math.sqrt(probability * (1 - probability) / (n_windows / 4))
        assert exceeded == pytest.approx(probability, abs=tolerance)


@pytest.mark.parametrize("dc_dbfs", [-math.inf, -10.0])
def test_detector_does_not_err_more_often_than_its_formula(dc_dbfs: float) -> None:
    n_samples, probability = 400_000, 2e-3
    noise = apply_dc_offset(awgn(n_samples, 0.01, np.random.default_rng(4)), dc_dbfs)
    found = detect_bursts(noise, 128, false_alarm_probability=probability)
    # Up-chirp by chance, then a down-chirp in one of about 4 * 22 places.
    expected = n_samples * probability * min(4 * 22 * probability, 1)
    assert len(found) < expected + 5 * math.sqrt(expected)
    assert found, "so many trials must give some false alarms, or nothing is tested"
    assert detect_bursts(noise, 128) == []


@pytest.mark.parametrize("n_samples", [0, 1, 127, 128, 300])
def test_short_captures_hold_nothing(n_samples: int) -> None:
    noise = awgn(n_samples, 1.0, np.random.default_rng(5))
    assert detect_bursts(noise, 128) == []
    with pytest.raises(BurstNotFound):
        locate_burst(noise, PREAMBLE, 128)


# ---------------------------------------------------------------- detection


@pytest.mark.parametrize("rate_hz", [1e6, 2e6])
@pytest.mark.parametrize("cfo_hz", [-60e3, -20e3, 0.0, 35e3, 60e3])
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_found_at_any_offset_of_a_crystal(rate_hz: float, cfo_hz: float, snr_db: float) -> None:
    noise_power = 10 ** (-snr_db / 10)
    rng = np.random.default_rng(6)
    for trial in range(4):
        start = 300 + 60 * trial + rng.random()
        clean = placed(SOUNDING, start, cfo_hz / rate_hz, np.exp(1j * trial), 2500)
        fit = locate_burst(add_awgn(clean, noise_power, rng), SOUNDING, FRAME.n_chirp)
        assert abs(fit.start - start) < 6 * fit.start_std < 0.5
        assert abs(fit.cfo - cfo_hz / rate_hz) < 6 * fit.cfo_std < 1e-3


def test_several_bursts_are_found_in_order_and_the_strongest_is_located() -> None:
    capture = awgn(20_000, 0.01, np.random.default_rng(7))
    truth = [(500.3, 0.02, 0.3), (4000.7, -0.05, 1.0), (9000.1, 0.0, 0.1), (17_000.5, 0.06, 0.5)]
    for start, cfo, level in truth:
        capture = capture + placed(PREAMBLE, start, cfo, level, capture.size)
    found = detect_bursts(capture, FRAME.n_chirp)
    assert len(found) == len(truth)
    for detection, (start, cfo, _) in zip(found, truth, strict=True):
        assert detection.start == pytest.approx(start, abs=0.3)
        assert detection.cfo == pytest.approx(cfo, abs=5e-4)
        assert 0 < detection.metric <= 1
    assert locate_burst(capture, PREAMBLE, FRAME.n_chirp).start == pytest.approx(4000.7, abs=0.05)


@pytest.mark.parametrize("frequency_hz", [-2e5, 1e5, 3e5])
def test_found_beside_a_tone_as_strong(frequency_hz: float) -> None:
    capture = add_awgn(placed(SOUNDING, 600.4, 0.03, 1.0, 3000), 0.01, np.random.default_rng(8))
    disturbed = add_tone_burst(capture, ToneBurst(0, 3000, 1.0, frequency_hz), 1e6)
    fit = locate_burst(disturbed, SOUNDING, FRAME.n_chirp)
    assert abs(fit.start - 600.4) < 0.1
    assert abs(fit.cfo - 0.03) < 1e-4
    assert abs(fit.start - 600.4) < 6 * fit.start_std  # the tone is in the stated deviation


def test_a_tone_alone_is_no_burst() -> None:
    noise = awgn(30_000, 1e-4, np.random.default_rng(9))
    for frequency_hz in (0.0, 1e3, 2.5e5):
        tone = add_tone_burst(noise, ToneBurst(5000, 9000, 1.0, frequency_hz), 1e6)
        assert detect_bursts(tone, FRAME.n_chirp) == []


@pytest.mark.parametrize("dc_dbfs", [-20.0, 0.0, 6.0])
def test_found_beside_a_dc_offset(dc_dbfs: float) -> None:
    capture = add_awgn(placed(SOUNDING, 600.4, -0.02, 0.5, 3000), 0.01, np.random.default_rng(10))
    fit = locate_burst(apply_dc_offset(capture, dc_dbfs, 0.4), SOUNDING, FRAME.n_chirp)
    assert abs(fit.start - 600.4) < 0.05
    assert abs(fit.cfo + 0.02) < 5e-5
    assert abs(fit.gain - 0.5) < 5 * fit.gain_std < 0.03
    assert fit.noise_power == pytest.approx(0.01, rel=5 / math.sqrt(len(SOUNDING)))


@pytest.mark.parametrize("limit", [0.5, 0.1, 0.01])
def test_found_in_a_capture_that_clips_hard(limit: float) -> None:
    capture = add_awgn(placed(SOUNDING, 700.6, 0.04, 1.0, 3000), 0.01, np.random.default_rng(11))
    clipped = np.clip(capture.real, -limit, limit) + 1j * np.clip(capture.imag, -limit, limit)
    fit = locate_burst(clipped.astype(np.complex64), SOUNDING, FRAME.n_chirp)
    assert abs(fit.start - 700.6) < 0.1
    assert abs(fit.cfo - 0.04) < 1e-4


def test_not_found_carries_its_numbers() -> None:
    noise = awgn(5000, 1.0, np.random.default_rng(12))
    with pytest.raises(BurstNotFound, match=r"5000 samples: best metric 0\.0\d+, threshold 0\.15"):
        locate_burst(noise, PREAMBLE, FRAME.n_chirp)
    cut_off = add_awgn(placed(SOUNDING, 1000.0, 0.0, 1.0, 3000), 0.01, np.random.default_rng(13))
    with pytest.raises(BurstNotFound, match="1 incomplete"):
        locate_burst(cut_off[:1600], SOUNDING, FRAME.n_chirp)


@pytest.mark.parametrize("cfo", [0.06, -0.06])
def test_an_offset_beyond_the_search_range_is_not_reported(cfo: float) -> None:
    capture = add_awgn(placed(PREAMBLE, 500.0, cfo, 1.0, 3000), 0.01, np.random.default_rng(14))
    assert len(detect_bursts(capture, FRAME.n_chirp, max_cfo=0.07)) == 1
    assert detect_bursts(capture, FRAME.n_chirp, max_cfo=0.05) == []


# ---------------------------------------------------------------- the fit


def numeric_fisher_deviations(reference: Samples, snr: float) -> NDArray[np.float64]:
    """Invert a Fisher matrix of finite differences: phase, amplitude, start, offset."""
    n_samples, start, step = len(reference) + 64, 32.0, 1e-4

    def model(phase: float, level: float, delay: float, cfo: float) -> NDArray[np.complex128]:
        gain = (1 + level) * np.exp(1j * phase)
        return gain * sinc_placed(reference, start + delay, cfo, n_samples)

    slopes = []
    for place, unit in enumerate((step, step, step, 1e-3 * step)):
        ahead, behind = np.zeros(4), np.zeros(4)
        ahead[place], behind[place] = unit, -unit
        slopes.append((model(*ahead) - model(*behind)) / (2 * unit))
    jacobian = np.stack(slopes)
    fisher = 2 * snr * np.real(jacobian.conj() @ jacobian.T)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(fisher))))


@pytest.mark.parametrize(("snr", "n_chirp"), [(1.0, 64), (30.0, 128)])
def test_bound_is_the_inverse_of_a_numeric_fisher_matrix(snr: float, n_chirp: int) -> None:
    frame = FrameFormat(n_chirp=n_chirp, n_pilot_chips=64, known_amplitude=1.0)
    for reference in (frame.preamble(), frame.sounding_burst()):
        numeric = numeric_fisher_deviations(reference, snr)
        bound = cramer_rao_bound(reference, snr)
        ours = [bound.phase_std, bound.start_std, bound.cfo_std]
        np.testing.assert_allclose(ours, numeric[[0, 2, 3]], rtol=0.01)


def test_bound_falls_with_the_root_of_the_snr_and_phase_with_the_length() -> None:
    one, hundred = cramer_rao_bound(PREAMBLE, 1.0), cramer_rao_bound(PREAMBLE, 100.0)
    assert hundred.start_std == pytest.approx(one.start_std / 10)
    assert hundred.cfo_std == pytest.approx(one.cfo_std / 10)
    # Phase at the centre of N known samples: 1 / sqrt(2 N snr).
    assert one.phase_std == pytest.approx(1 / math.sqrt(2 * len(PREAMBLE)), rel=0.01)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0, 25.0, 40.0])
@pytest.mark.parametrize("reference", [SOUNDING, PREAMBLE], ids=["sounding", "preamble"])
def test_fit_reaches_the_bound_and_says_so(reference: Samples, snr_db: float) -> None:
    n_trials, snr = 120, 10 ** (snr_db / 10)
    if reference is PREAMBLE and snr_db < 0:
        snr *= 10 ** (3 / 10)  # half as long: it leaves the bound 3 dB earlier
    bound = cramer_rao_bound(reference, snr)
    rng = np.random.default_rng(round(snr_db) + 50)
    errors, fits = np.empty((n_trials, 4)), []
    for row in errors:
        start, cfo = rng.uniform(100, 300), rng.uniform(-0.06, 0.06)
        gain = np.exp(2j * np.pi * rng.random())
        capture = add_awgn(placed(reference, start, cfo, gain, 1800), 1 / snr, rng)
        fit = locate_burst(capture, reference, FRAME.n_chirp)
        turned = fit.gain / gain
        row[:] = fit.start - start, fit.cfo - cfo, np.angle(turned), abs(turned - 1)
        fits.append(fit)
    assert_at_the_bound(errors, fits, [bound.start_std, bound.cfo_std, bound.phase_std])


def assert_at_the_bound(
    errors: NDArray[np.float64], fits: list[BurstFit], bound: list[float]
) -> None:
    spread = 5 / math.sqrt(2 * len(errors))
    rms = np.sqrt(np.mean(errors**2, axis=0))
    assert np.all(rms[:3] > np.array(bound) * (1 - spread))
    assert np.all(rms[:3] < np.array(bound) * (1.05 + spread))
    assert np.all(np.abs(errors[:, :3].mean(axis=0)) < 5 * rms[:3] / math.sqrt(len(errors)))
    claimed = [[fit.start_std, fit.cfo_std, fit.gain_std] for fit in fits]
    measured = rms[[0, 1, 3]]
    np.testing.assert_allclose(np.mean(claimed, axis=0), measured, rtol=spread)


@pytest.mark.parametrize("level", [1e-3, 0.5])
@pytest.mark.parametrize("noise_power", [0.01, 0.2])
def test_fit_measures_gain_and_noise(level: float, noise_power: float) -> None:
    rng = np.random.default_rng(15)
    noise_power *= level**2
    clean = placed(SOUNDING, 200.2, 0.01, level * 1j, 1800)
    fit = locate_burst(add_awgn(clean, noise_power, rng), SOUNDING, FRAME.n_chirp)
    assert fit.noise_power == pytest.approx(noise_power, rel=5 / math.sqrt(len(SOUNDING)))
    assert abs(fit.gain - level * 1j) < 5 * fit.gain_std
    assert fit.gain_std == pytest.approx(math.sqrt(noise_power / len(SOUNDING)), rel=0.35)
    assert 0.5 < fit.metric <= 1


@pytest.mark.parametrize("snr_db", [10.0, 40.0])
def test_a_burst_without_offset_is_found_where_none_is_looked_for(snr_db: float) -> None:
    rng = np.random.default_rng(2)
    for start in range(40, 60):
        capture = placed(PREAMBLE, start, 0.0, 1.0, 3000)
        noisy = add_awgn(capture, 10 ** (-snr_db / 10), rng)
        fit = locate_burst(noisy, PREAMBLE, FRAME.n_chirp, max_cfo=0.0)
        assert fit.start == pytest.approx(start, abs=0.5)
