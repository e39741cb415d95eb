"""What one round of a bench brings: the means of its numbers, or why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Reason
from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.signal.modulation import AnalogPayload, Payload

Numbers: TypeAlias = float | NDArray[np.float64]
"""One number, or of several a node an array of shape ``(q,)``."""


@dataclass(frozen=True)
class Mean:
    """The mean of K numbers as the air gave it; numbers in the unit of what was given.

    Where K vectors of q numbers were given, values and deviations are arrays of shape ``(q,)``.

    Where votes are sent (``link.payload = "sign"``) the values are the sign of the majority, and
    there are no standard deviations.

    Attributes:
        value: The decoded mean over the nodes that sent; None if the round was erased.
        std: Standard deviation of its error, as the receiver knows it.
        chips_std: The part of it that the payload's own chips show: noise and interference.
        erasure: Why there is none; None where there is one.
        detail: One sentence on the erasure, or on nodes that were left out.
        theory_std: The root mean square error that theory expects of this round.
        true_value: The mean of what the same nodes sent, clipping included.
        n_active: Nodes that sent.
        n_clipped: Numbers, of all nodes, beyond the scalar limit, which were sent as that limit.
        round: Index of the round, from 0.
        result: The round's whole record, as a run keeps it.
    """

    value: Numbers | None
    std: Numbers | None
    chips_std: Numbers | None
    erasure: Reason | None
    detail: str
    theory_std: Numbers | None
    true_value: Numbers | None
    n_active: int
    n_clipped: int
    round: int
    result: RoundResult = field(repr=False)


def mean_of(result: RoundResult, payload: Payload, n_clipped: int, is_vector: bool) -> Mean:
    """Return a round's result in the unit of the numbers that were given.

    Args:
        result: In the unit of symbols.
        payload: What a decoded sum means.
        n_clipped: Numbers that were too large.
        is_vector: Whether a vector a node was given.
    """
    n_active = len(result.active_nodes)
    is_analog = isinstance(payload, AnalogPayload)

    sums = list(sum_by_sum([result]))

    def in_units(symbol_sums: Sequence[float | None]) -> Numbers | None:
        known = [payload.mean_scalar(s, n_active) for s in symbol_sums if s is not None]
        return _as_given(known if len(known) == len(sums) else [], is_vector)

    squares = [one.theory_error for one in sums]
    theory_stds = [None if square is None else square**0.5 for square in squares]
    return Mean(
        value=_as_given(result.mean_scalars, is_vector),
        std=in_units([one.decoded_std for one in sums]) if is_analog else None,
        chips_std=in_units([one.chips_std for one in sums]) if is_analog else None,
        erasure=result.erasure,
        detail=result.detail,
        theory_std=in_units(theory_stds) if is_analog else None,
        true_value=in_units([one.true_sum for one in sums]),
        n_active=n_active,
        n_clipped=n_clipped,
        round=result.round,
        result=result,
    )


def _as_given(values: Sequence[float], is_vector: bool) -> Numbers | None:
    """Return values in the form in which numbers were given; None if there are none."""
    if not values:
        return None
    return np.array(values) if is_vector else values[0]
