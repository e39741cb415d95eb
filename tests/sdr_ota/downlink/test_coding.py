"""The code mends what it states, says where it cannot, and loses frames as theory says."""

import zlib

import numpy as np
import pytest
from scipy import stats

from sdr_ota.downlink.coding import (
    MAX_MESSAGE,
    coded,
    decoded,
    frame_error_rate,
    n_coded,
    n_parity,
)
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.signal.orthogonal_words import bytes_of, words_of

LENGTHS = (0, 1, 38, 100, MAX_MESSAGE)


def product(a: int, b: int) -> int:
    """In GF(2^8), modulo x^8 + x^4 + x^3 + x^2 + 1."""
    total = 0
    for bit in range(8):
        total ^= (b >> bit & 1) * (a << bit)
    for bit in range(15, 7, -1):
        total ^= (total >> bit & 1) * (0x11D << (bit - 8))
    return total


def independent_parity(covered: bytes, n: int) -> bytes:
    """Remainder of the division by the polynomial with the roots 1, 2, 4, ..., 2^(n - 1)."""
    generator, root = [1], 1
    for _ in range(n):
        shifted = [*generator, 0]
        generator = [a ^ product(b, root) for a, b in zip(shifted, [0, *generator], strict=True)]
        root = product(root, 2)
    rest = [*covered, *([0] * n)]
    for at in range(len(covered)):
        factor = rest[at]
        for place, value in enumerate(generator):
            rest[at + place] ^= product(value, factor)
    return bytes(rest[-n:])


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_holds_message_checksum_and_parity_as_documented(length: int) -> None:
    message = np.random.default_rng(length).bytes(length)
    covered = message + zlib.crc32(message).to_bytes(4, "big")
    n = n_parity(len(covered))
    assert n % 2 == 0
    assert n >= len(covered) / 4 + 8
    assert coded(message) == covered + independent_parity(covered, n)
    assert len(coded(message)) == n_coded(length) <= 255


@pytest.mark.parametrize("length", LENGTHS)
def test_half_as_many_wrong_bytes_as_parity_are_mended_and_not_one_more(length: int) -> None:
    rng = np.random.default_rng(length)
    for trial in range(30):
        message = rng.bytes(length)
        sent = np.frombuffer(coded(message), np.uint8)
        mended = n_parity(length + 4) // 2
        places = rng.permutation(len(sent)) if trial % 2 else np.arange(len(sent))
        spoiled = sent.copy()
        spoiled[places[:mended]] ^= rng.integers(1, 256, mended, dtype=np.uint8)
        assert decoded(bytes(spoiled)) == message
        spoiled[places[mended]] ^= np.uint8(rng.integers(1, 256))
        with pytest.raises(FrameRefused) as refused:
            decoded(bytes(spoiled))
        assert refused.value.reason == "not-decoded"


def test_what_the_code_mends_into_another_word_fails_the_checksum() -> None:
    other = bytearray(coded(b"the means are 0.25"))
    other[3] ^= 1  # of the message, and its parity made to fit
    wrong = bytes(other[:22]) + independent_parity(bytes(other[:22]), len(other) - 22)
    with pytest.raises(FrameRefused, match="not-decoded: the checksum of the message is"):
        decoded(wrong)


@pytest.mark.parametrize("length", [0, 1, 3, 13, 255, 256, 400])
def test_bytes_that_no_message_gives_are_refused_whatever_their_number(length: int) -> None:
    with pytest.raises(FrameRefused, match="not-decoded"):
        decoded(np.random.default_rng(length).bytes(length))


def test_a_message_that_is_too_long_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"194 bytes: one frame carries 193"):
        coded(bytes(MAX_MESSAGE + 1))


@pytest.mark.parametrize(("snr_db", "n_frames"), [(-8.0, 600), (-7.3, 1500)])
def test_frames_are_lost_in_noise_as_often_as_theory_says(snr_db: float, n_frames: int) -> None:
    """Words in white noise, read by their magnitudes; no synchronisation."""
    rng, length, snr = np.random.default_rng(7), 40, 10 ** (snr_db / 10)
    message = rng.bytes(length)
    sent = words_of(coded(message))
    # The words' correlations are all that noise can change: orthogonal, so each has its own.
    signal = np.eye(16)[sent] * np.sqrt(48 * snr)
    lost = 0
    for _ in range(n_frames):
        noise = rng.normal(size=(2, len(sent), 16)) / np.sqrt(2)
        found = np.argmax(np.abs(signal + noise[0] + 1j * noise[1]), axis=1)
        try:
            assert decoded(bytes_of(found)) == message
        except FrameRefused:
            lost += 1
    expected = frame_error_rate(length, snr, 48)
    low, high = stats.binom.interval(0.9999, n_frames, expected)
    assert low <= lost <= high
    assert lost > 20


def test_at_minus_five_db_a_frame_is_lost_less_than_once_in_ten_million() -> None:
    snr = 10**-0.5
    rates = [frame_error_rate(length, snr, 48) for length in range(MAX_MESSAGE + 1)]
    assert max(rates) < 1e-7
    assert min(frame_error_rate(n, snr, 16) for n in (40, 100)) > 0.9, "spreading is what does it"
