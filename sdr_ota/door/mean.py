"""What one round of a bench brings: the mean of its numbers, or why there is none."""

from dataclasses import dataclass, field

from sdr_ota.erasure import Reason
from sdr_ota.rounds.round import RoundResult
from sdr_ota.signal.modulation import AnalogPayload, Payload


@dataclass(frozen=True)
class Mean:
    """The mean of K numbers as the air gave it; numbers in the unit of what was given.

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
        n_clipped: Numbers beyond the scalar limit, which were sent as that limit.
        round: Index of the round, from 0.
        result: The round's whole record, as a run keeps it.
    """

    value: float | None
    std: float | None
    chips_std: float | None
    erasure: Reason | None
    detail: str
    theory_std: float | None
    true_value: float | None
    n_active: int
    n_clipped: int
    round: int
    result: RoundResult = field(repr=False)


def mean_of(result: RoundResult, payload: Payload, n_clipped: int) -> Mean:
    """Return a round's result in the unit of the numbers that were given.

    Args:
        result: In the unit of symbols.
        payload: What a decoded sum means.
        n_clipped: Numbers that were too large.
    """
    n_active = len(result.active_nodes)
    is_analog = isinstance(payload, AnalogPayload)

    def in_units(symbol_sum: float | None) -> float | None:
        return None if symbol_sum is None else payload.mean_scalar(symbol_sum, n_active)

    theory_std = None if result.theory_error is None else result.theory_error**0.5
    return Mean(
        value=result.mean_scalar,
        std=in_units(result.decoded_std) if is_analog else None,
        chips_std=in_units(result.chips_std) if is_analog else None,
        erasure=result.erasure,
        detail=result.detail,
        theory_std=in_units(theory_std) if is_analog else None,
        true_value=in_units(result.true_sum),
        n_active=n_active,
        n_clipped=n_clipped,
        round=result.round,
        result=result,
    )
