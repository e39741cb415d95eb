"""The control frame's waveform is the documented one; words are wrong as often as theory says."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from sdr_ota.signal.control_frame import MAX_BYTES, ControlFormat
from sdr_ota.signal.orthogonal_words import bytes_of, word_chips, word_error_rate, words_of
from sdr_ota.signal.waveform import Pulse
from tests.sdr_ota.receiver.independent_control import waveform

FORMATS = [
    ControlFormat(bench=11),
    ControlFormat(256, 16, 0.3, Pulse(4, 0.25, 12), 2**32 - 1),
]


@pytest.mark.parametrize("frame", FORMATS, ids=["usual", "other"])
@pytest.mark.parametrize("n_bytes", [1, 66, MAX_BYTES])
def test_a_frame_is_what_the_documents_describe(frame: ControlFormat, n_bytes: int) -> None:
    data = np.random.default_rng(n_bytes).bytes(n_bytes)
    burst = frame.burst(data)
    assert burst.shape == (frame.n_samples(n_bytes),)
    assert np.abs(burst).max() <= 1 + 1e-6
    assert burst == pytest.approx(waveform(data, frame), abs=1e-6)


def test_preamble_and_words_have_the_same_power() -> None:
    frame = FORMATS[0]
    burst = frame.burst(np.random.default_rng(1).bytes(200))
    preamble, words = burst[: frame.n_preamble], burst[frame.n_preamble :]
    assert np.mean(np.abs(words) ** 2) == pytest.approx(np.mean(np.abs(preamble) ** 2), rel=0.05)


@pytest.mark.parametrize("n_bytes", [0, MAX_BYTES + 1])
def test_a_frame_that_cannot_say_its_length_is_refused(n_bytes: int) -> None:
    with pytest.raises(ValueError, match=f"{n_bytes} bytes in a control frame: it holds 1 to 255"):
        ControlFormat().burst(bytes(n_bytes))


def test_every_byte_comes_back_from_its_words_and_words_are_orthogonal() -> None:
    data = bytes(range(256))
    assert bytes_of(words_of(data)) == data
    for n_chips in (16, 48):
        words = word_chips(n_chips)
        assert np.array_equal(words @ words.T, n_chips * np.eye(16))


@pytest.mark.parametrize("word_snr", [0.0, 1.0, 4.0, 10.0, 15.2])
def test_the_error_rate_of_words_is_the_largest_of_sixteen_magnitudes(word_snr: float) -> None:
    """By integration: 15 exponential variables stay below one with the signal in it."""
    level = np.linspace(0, 150, 300_001)
    signal = 2 * stats.ncx2.pdf(2 * level, 2, 2 * word_snr)
    right = integrate.trapezoid(signal * (1 - np.exp(-level)) ** 15, level)
    assert word_error_rate(word_snr) == pytest.approx(1 - right, rel=1e-4, abs=1e-12)


def test_words_in_noise_are_wrong_as_often_as_theory_says() -> None:
    rng, n_words, snr = np.random.default_rng(3), 20_000, 10 ** (-7 / 10)
    sent = rng.integers(16, size=n_words)
    chips = word_chips(48)[sent] * np.exp(2j * np.pi * rng.random((n_words, 1)))
    noise = rng.normal(size=(2, n_words, 48)) * math.sqrt(1 / snr / 2)
    found = np.argmax(np.abs((chips + noise[0] + 1j * noise[1]) @ word_chips(48).T), axis=1)
    expected = n_words * word_error_rate(48 * snr)
    assert abs(np.sum(found != sent) - expected) < 4 * math.sqrt(expected)
    assert expected > 500
