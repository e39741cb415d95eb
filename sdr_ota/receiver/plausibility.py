"""Whether a payload agrees with itself, and its sum with what can have been sent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.constancy import constancy
from sdr_ota.receiver.evidence import CHANCE
from sdr_ota.schemes import AggregationScheme, LinkQuality
from sdr_ota.types import Chips, ChipSum

SPREAD_LIMIT = 2.0
"""A payload whose chips spread this many times more than noise and symbols can was hit."""

RIPPLE = 0.05
"""Spread that pulses and converters may add to each chip of a symbol of 1, beyond noise."""


def check_constancy(
    groups: Sequence[NDArray[np.float64] | Chips], allowed_turn_variance: float
) -> None:
    """Erase the round if values that were sent alike have not arrived alike.

    Args:
        groups: What a scheme's `alike` returns.
        allowed_turn_variance: By which the imaginary part of complex values may move from part to
            part, because nodes turn against each other.

    Raises:
        Erasure: ``interference``.
    """
    chances = [constancy(values.real) for values in groups]
    chances += [constancy(v.imag, allowed_turn_variance) for v in groups if np.iscomplexobj(v)]
    chance = min(chances, default=1.0)
    if chance < CHANCE / max(len(chances), 1):
        raise Erasure(
            "interference",
            "parts of the payload differ by more than noise can make them (chance "
            f"{chance:.1e}): samples were lost, a gain has stepped, or a pulse has hit it",
        )


def check_sums_in_range(
    read: Sequence[ChipSum],
    scheme: AggregationScheme,
    qualities: Sequence[LinkQuality],
    n_active: int,
) -> None:
    """Erase sums of which one is none of symbols of at most 1 and the noise of the idle slot.

    Args:
        read: A sum a symbol.
        scheme: How symbols were added.
        qualities: Of the link at each symbol, with the noise measured where nobody sends.
        n_active: Nodes that send.

    Raises:
        Erasure: ``interference``.
    """
    for total, quality in zip(read, qualities, strict=True):
        variance = scheme.theory_variance(np.ones(n_active), quality)
        largest_std = np.sqrt(variance + n_active * RIPPLE**2 / quality.n_chips)
        if total.std > SPREAD_LIMIT * largest_std or abs(total.value) > n_active + 6 * largest_std:
            raise Erasure(
                "interference",
                f"decoded {total.value:.2f} with a standard deviation of {total.std:.3f} on its "
                f"chips; {n_active} symbols of at most 1 give at most {n_active} and "
                f"{largest_std:.3f}",
            )
