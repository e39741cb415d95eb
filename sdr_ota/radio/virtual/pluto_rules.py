"""What may be written to an attribute of a virtual PlutoSDR; all else is answered EINVAL.

A rule takes the text that a client wrote and returns what the driver would show afterwards, or
None for what it would refuse. Drivers of the kernel take whole numbers as ``kstrtoll`` does and
fractions with at most so many digits as they keep.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

Rule: TypeAlias = Callable[[str], str | None]

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)


def whole(low: int, high: int) -> Rule:
    """Take whole numbers within two ends.

    >>> [whole(0, 5)(text) for text in ("3", "+3", "3.5", "nan", "9", "")]
    ['3', '3', None, None, None, None]
    """

    def rule(text: str) -> str | None:
        if not _NUMBER.fullmatch(text) or "." in text:
            return None
        return str(int(text)) if low <= int(text) <= high else None

    return rule


def truncated(low: int, high: int) -> Rule:
    """Take numbers within two ends, of which the driver forgets what follows the point.

    >>> truncated(0, 5)("3.5")
    '3'
    """

    def rule(text: str) -> str | None:
        if not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
            return None
        return str(int(text.partition(".")[0]))

    return rule


def fraction(low: float, high: float, step: float = 1e-6, unit: str = "") -> Rule:
    """Take decimal fractions within two ends; what is kept is a multiple of a step.

    Args:
        low: Lower end.
        high: Upper end.
        step: What the device rounds to.
        unit: What may stand behind the number, and does when it is read.

    >>> fraction(-89.75, 0.0, 0.25, " dB")("-10.1")
    '-10.000000 dB'
    """

    def rule(text: str) -> str | None:
        digits = text.removesuffix(unit)
        if not _NUMBER.fullmatch(digits) or not low <= float(digits) <= high:
            return None
        return f"{round(float(digits) / step) * step:.6f}{unit}"

    return rule


def one_of(*words: str) -> Rule:
    """Take some words and no others.

    >>> one_of("sleep", "fdd")("nonsense")
    """
    return lambda text: text if text in words else None


SWITCH = one_of("0", "1")


def fir_config(text: str) -> str | None:
    r"""Take a table of filter taps, and show how many there are and how the rate changes.

    The form is that of the ad9361 driver: lines ``RX n GAIN g DEC d`` and ``TX n GAIN g INT i``,
    perhaps others that begin with a word, then two taps a line.

    >>> fir_config("RX 3 GAIN -6 DEC 4\nTX 3 GAIN 0 INT 4\n-15,-15\n1,1\n")
    'FIR Rx: 2,4 Tx: 2,4'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    taps = [line for line in lines if re.fullmatch(r"-?\d{1,6},-?\d{1,6}", line, re.ASCII)]
    head = " ".join(line for line in lines if line not in taps)
    found = [re.search(rf"\b{word} ([124])\b", head) for word in ("DEC", "INT")]
    if not taps or len(taps) > 128 or not all(found):
        return None
    down, up = (match[1] for match in found if match)
    return f"FIR Rx: {len(taps)},{down} Tx: {len(taps)},{up}"
