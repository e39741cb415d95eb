"""A message as the bytes of a control frame: a checksum, then a Reed-Solomon code over both.

    | message | CRC-32 | parity |        a byte is a symbol of the code, over GF(2^8)

The code is reedsolo's (polynomial 0x11d, first root 1); it mends half as many wrong bytes as there
is parity, wherever they lie, so a pulse that spoils neighbours costs no more than noise does. What
it mends wrongly, the checksum shows.
"""

import struct
import zlib
from functools import lru_cache

from reedsolo import ReedSolomonError, RSCodec
from scipy import stats

from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.signal.control_frame import MAX_BYTES
from sdr_ota.signal.orthogonal_words import WORDS_PER_BYTE, word_error_rate

_CRC = struct.Struct(">I")


def n_parity(n_covered: int) -> int:
    """Return the bytes of parity for so many bytes: a quarter of them and eight, made even.

    Args:
        n_covered: Bytes of a message and its checksum.
    """
    return 2 * -(-(n_covered + 32) // 8)


def n_coded(n_message: int) -> int:
    """Return the bytes of a frame that carries a message of ``n_message`` bytes."""
    covered = n_message + _CRC.size
    return covered + n_parity(covered)


MAX_MESSAGE = max(n for n in range(MAX_BYTES) if n_coded(n) <= MAX_BYTES)
"""Bytes of the longest message that one frame carries."""

_COVERED_BY_CODED = {n_coded(n): n + _CRC.size for n in range(MAX_MESSAGE + 1)}


def coded(message: bytes) -> bytes:
    """Return the bytes of a frame that carries a message.

    Raises:
        ValueError: If it is longer than `MAX_MESSAGE`.
    """
    if len(message) > MAX_MESSAGE:
        raise ValueError(
            f"a control message of {len(message)} bytes: one frame carries {MAX_MESSAGE}"
        )
    covered = message + _CRC.pack(zlib.crc32(message))
    return bytes(_codec(n_parity(len(covered))).encode(covered))


def decoded(received: bytes) -> bytes:
    """Return the message that a frame's bytes carry.

    Args:
        received: As the receiver read them, errors among them.

    Raises:
        FrameRefused: ``not-decoded`` if there are too many errors, or if no message gives a frame
            of that length.
    """
    n_covered = _COVERED_BY_CODED.get(len(received))
    if n_covered is None:
        raise FrameRefused("not-decoded", f"no message gives a frame of {len(received)} bytes")
    parity = len(received) - n_covered
    try:
        covered = bytes(_codec(parity).decode(received)[0])
    except ReedSolomonError as beyond:
        raise FrameRefused(
            "not-decoded",
            f"more than {parity // 2} of {len(received)} bytes are wrong: {beyond}",
        ) from beyond
    message, (stated,) = covered[: -_CRC.size], _CRC.unpack(covered[-_CRC.size :])
    if (found := zlib.crc32(message)) != stated:
        raise FrameRefused(
            "not-decoded",
            f"the checksum of the message is {found:08x}, the frame says {stated:08x}",
        )
    return message


def frame_error_rate(n_message: int, chip_snr: float, n_word_chips: int) -> float:
    r"""Return how often noise alone loses a message, with perfect synchronisation.

    A byte is wrong if one of its two words is, with the probability $p$; a frame of $n$ bytes is
    lost if more than $t$ are, half its parity: $1 - F(t; n, p)$, $F$ the binomial distribution.

    Args:
        n_message: Bytes of the message.
        chip_snr: Power of a chip over the total noise power in it, linear.
        n_word_chips: Chips of a word.
    """
    n = n_coded(n_message)
    right = 1 - word_error_rate(n_word_chips * chip_snr)
    mended = n_parity(n_message + _CRC.size) // 2
    return float(stats.binom.sf(mended, n, 1 - right**WORDS_PER_BYTE))


@lru_cache(maxsize=64)
def _codec(parity: int) -> RSCodec:
    return RSCodec(parity)
