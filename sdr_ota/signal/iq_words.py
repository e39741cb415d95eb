"""How a complex sample is written in a file: SigMF's datatypes, and names of raw files."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples

RAW_DATATYPES = {
    "cf32": "cf32_le", "fc32": "cf32_le", "cfile": "cf32_le", "cf64": "cf64_le",
    "ci16": "ci16_le", "cs16": "ci16_le", "sc16": "ci16_le",
    "ci8": "ci8", "cs8": "ci8", "cu8": "cu8",
}  # fmt: skip
"""Ending of a raw file, and what is in it."""

_DATATYPE = re.compile(
    r"(?P<domain>[cr])(?P<kind>f(?=32|64)|[iu](?=8|16|32))(?P<bits>8|16|32|64)(?P<order>_le|_be)?"
)


class IqFileError(ValueError):
    """A file's samples cannot be used; the text is one sentence that names the file."""


@dataclass(frozen=True)
class WordFormat:
    """How the two words of a complex sample are written.

    Attributes:
        dtype: Of one word, little-endian.
        offset: What stands for zero.
        scale: What full scale is from there: 1.0 for floats.
    """

    dtype: "np.dtype[np.generic]"
    offset: float = 0.0
    scale: float = 1.0

    @property
    def n_bytes(self) -> int:
        """Of a complex sample."""
        return 2 * self.dtype.itemsize

    def samples(self, words: NDArray[np.generic]) -> Samples:
        """Return words, shape ``(n, 2)``, as complex samples, full scale 1.0, shape ``(n,)``."""
        if self.dtype == np.dtype("<f4"):
            return np.array(words, np.float32, order="C").view(np.complex64)[
                :, 0
            ]  # no map of the file
        # Integers of 32 bits are scaled as doubles, as other programs do.
        parts = (np.asarray(words, np.float64) - self.offset) / self.scale
        return np.asarray(parts[:, 0] + 1j * parts[:, 1], np.complex64)


def word_format(datatype: str) -> WordFormat:
    """Return how a SigMF datatype is read.

    Args:
        datatype: As ``core:datatype`` writes it: ``cf32_le``, ``ci16_le``, ``cu8``, ...

    Raises:
        ValueError: If it is none, real, big-endian, or of a width that SigMF has not.
    """
    parts = _DATATYPE.fullmatch(datatype)
    if parts is None:
        raise ValueError(f"its datatype {datatype!r} is none of SigMF's: cf32_le, ci16_le, cu8")
    if parts["domain"] == "r":
        raise ValueError(f"its samples are real ({datatype}); complex ones carry frames")
    bits, kind = int(parts["bits"]), parts["kind"]
    if parts["order"] == "_be":
        raise ValueError(f"its samples are big-endian ({datatype}); convert them to little-endian")
    if bits > 8 and not parts["order"]:
        raise ValueError(f"its datatype {datatype!r} lacks the byte order: {datatype}_le")
    dtype = np.dtype(f"<{kind}{bits // 8}")
    if kind == "f":
        return WordFormat(dtype)
    half = float(2 ** (bits - 1))
    return WordFormat(dtype, half if kind == "u" else 0.0, half)
