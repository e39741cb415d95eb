"""Every word stands for a precoder that gives the word again; no rounded plan is beyond a word."""

import numpy as np
from ota_calibration.paths.feedback import FeedbackFormat

from sdr_ota.downlink.precoder_word import WORD_BYTES, packed, unpacked
from sdr_ota.types import Precoder

RATE_HZ = 2e6


def test_every_word_is_the_word_of_what_it_stands_for() -> None:
    rng = np.random.default_rng(1)
    for word in [bytes(8), b"\xff" * 8, *(rng.bytes(WORD_BYTES) for _ in range(5000))]:
        assert packed(unpacked(word, 77, RATE_HZ), 77, RATE_HZ) == word


def test_fields_lie_where_the_document_says() -> None:
    word = (0xFFFF << 48 | 0x000080 << 24 | 600 << 12 | 1024).to_bytes(8, "big")
    found = unpacked(word, 5, RATE_HZ)
    assert found.delay_s == -1 / 256 / RATE_HZ
    assert found.cfo_hz == 2.0
    assert abs(found.gain - 10 ** (-6 / 20) * 1j) < 1e-12
    assert found.reference_tick == 5


def test_what_feedback_has_rounded_crosses_without_another_error() -> None:
    """Up to the ends of every range, and a precoder that holds at another tick."""
    rng, feedback, n_crossed = np.random.default_rng(2), FeedbackFormat(), 0
    for trial in range(2000):
        near_end = trial % 2
        asked = Precoder(
            10 ** rng.uniform(-2.1, 0) * np.exp(2j * np.pi * rng.random()),
            rng.choice([-1, 1]) * rng.uniform(127.99 * near_end, 128.01) / RATE_HZ,
            rng.choice([-1, 1]) * rng.uniform(131_071.9 * near_end, 131_072.1),
            reference_tick=1000,
        )
        rounded = feedback.rounded(asked, RATE_HZ, 1.0)
        if rounded is None:
            continue
        n_crossed += 1
        crossed = unpacked(packed(rounded, 1000, RATE_HZ), 1000, RATE_HZ)
        assert abs(crossed.delay_s - rounded.delay_s) < 1e-15
        assert crossed.cfo_hz == rounded.cfo_hz
        assert abs(crossed.gain - rounded.gain) < 1e-9
    assert n_crossed > 500
