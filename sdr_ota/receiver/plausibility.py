"""Whether a payload agrees with itself, and its sum with what can have been sent."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.constancy import constancy
from sdr_ota.receiver.evidence import CHANCE
from sdr_ota.schemes import AggregationScheme, LinkQuality
from sdr_ota.types import Chips, ChipSum

SPREAD_LIMIT = 2.0
"""A payload whose chips spread this many times more than noise and symbols can was hit; where few
chips show the spread, chance makes it more (`_spread_limit`)."""

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
    planned_noise: float,
) -> None:
    """Erase sums of which one is none of symbols and noise, or is lost in noise that has come.

    Args:
        read: A sum a symbol.
        scheme: How symbols were added.
        qualities: Of the link at each symbol, with the noise measured where nobody sends.
        n_active: Nodes that send, each a symbol of at most 1.
        planned_noise: Noise power of a chip when the nodes were sounded; a sum may be lost in it.

    Raises:
        Erasure: ``interference``.
    """
    for total, quality in zip(read, qualities, strict=True):
        largest, limit = _largest_std(scheme, quality, n_active), _spread_limit(total)
        if total.std > limit * largest or abs(total.value) > n_active + 6 * largest:
            raise Erasure(
                "interference",
                f"decoded {total.value:.2f} with a standard deviation of {total.std:.3f} on its "
                f"chips; {n_active} symbols of at most 1 give at most {n_active} and {largest:.3f}",
            )
        planned = _largest_std(scheme, replace(quality, noise_power=planned_noise), n_active)
        if total.std > max(n_active, limit * planned):
            raise Erasure(
                "interference",
                f"what is on the air beside the nodes leaves the sum open by {total.std:.1f}, and "
                f"{n_active} symbols of at most 1 give at most {n_active}: it says nothing "
                f"(without it {planned:.2f} would be left open)",
            )


def _spread_limit(total: ChipSum) -> float:
    """Return by how much a measured deviation may be above the true one.

    Over the true variance a measured one of Gaussian chips is a chi-square over its degrees of
    freedom. Two chips exceed `SPREAD_LIMIT` in 5 % of all rounds; with 8 degrees of freedom and
    more, chance does so less often than `CHANCE`.
    """
    freedom = total.degrees_of_freedom
    if np.isinf(freedom):
        return SPREAD_LIMIT
    return max(SPREAD_LIMIT, float(np.sqrt(stats.chi2.isf(CHANCE, freedom) / freedom)))


def _largest_std(scheme: AggregationScheme, quality: LinkQuality, n_active: int) -> float:
    """Return the standard deviation of a sum of the largest symbols."""
    variance = scheme.theory_variance(np.ones(n_active), quality)
    return float(np.sqrt(variance + n_active * RIPPLE**2 / quality.n_chips))
