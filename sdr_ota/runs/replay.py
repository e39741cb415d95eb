"""Decode stored captures again: the second half of a round with a file in place of the radio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sdr_ota.erasure import Erasure, Reason
from sdr_ota.rounds.decoding import decode_present
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.round import sum_by_sum
from sdr_ota.runs.captures import StoredCapture
from sdr_ota.runs.recording import DAMAGE, unreadable
from sdr_ota.signal.metrics import nmse_db

_Each = TypeVar("_Each")


@dataclass(frozen=True)
class Decoding:
    """What came of one capture.

    Attributes:
        decoded_sum: None if it was erased.
        decoded_std: The receiver's own standard deviation of it.
        erasure: Why, if it was.
        detail: One sentence on that.
    """

    decoded_sum: float | None
    decoded_std: float | None
    erasure: Reason | None
    detail: str = ""


@dataclass(frozen=True)
class ReplayedRound:
    """One sum of a round, as it was decoded then and now.

    Attributes:
        round: Index of the round.
        true_sum: Sum of the symbols that were sent; None where private nodes kept them.
        old: What the run's record says.
        new: What decoding again says.
        symbol: Its place in the frame; 0 where a frame carries one symbol.
    """

    round: int
    true_sum: float | None
    old: Decoding
    new: Decoding
    symbol: int = 0


@dataclass(frozen=True)
class ReplaySummary:
    """Old against new over a run.

    Attributes:
        rounds: Captures decoded again.
        old_erased: Rounds that were erased.
        new_erased: Rounds that are erased now.
        both_decoded: Rounds that are decoded both ways.
        old_nmse_db: Error of the old sums over those whose truth is known; NaN if none is.
        new_nmse_db: Error of the new sums over the same.
        largest_change: Largest difference of their sums; 0.0 means the same bits.
    """

    rounds: int
    old_erased: int
    new_erased: int
    both_decoded: int
    old_nmse_db: float
    new_nmse_db: float
    largest_change: float


def replay_capture(stored: StoredCapture, link: Link) -> tuple[ReplayedRound, ...]:
    """Decode one stored capture with the receiver's side of a link; return every sum of it.

    Raises:
        CaptureError: If its record cannot be that of its samples.
    """
    reception, then = stored.reception, list(sum_by_sum([stored.result]))
    new: list[Decoding]
    try:
        reception, exchange = decode_present(reception, link)
        new = [Decoding(total.value, total.std, None) for total in exchange.sums]
    except Erasure as lost:
        new = [Decoding(None, None, lost.reason, lost.detail)]
    except DAMAGE as wrong:
        raise unreadable(stored.path, wrong) from wrong
    n_symbols = link.frame.n_symbols
    true_sums = reception.true_sums or (None,) * n_symbols
    return tuple(
        ReplayedRound(
            round=old.round,
            true_sum=true_sums[symbol],
            old=Decoding(old.decoded_sum, old.decoded_std, old.erasure, old.detail),
            new=again,
            symbol=symbol,
        )
        for symbol, old, again in zip(
            range(n_symbols), _as_many(then, n_symbols), _as_many(new, n_symbols), strict=True
        )
    )


def summarise_replay(rounds: Sequence[ReplayedRound]) -> ReplaySummary:
    """Compare old and new over the rounds that both could decode."""
    both = [
        (r.true_sum, r.old.decoded_sum, r.new.decoded_sum)
        for r in rounds
        if r.old.decoded_sum is not None and r.new.decoded_sum is not None
    ]
    known = [(true, old, new) for true, old, new in both if true is not None]
    firsts = [r for r in rounds if r.symbol == 0]  # a frame is judged as one
    squared_sums = [true**2 for true, _, _ in known]
    return ReplaySummary(
        rounds=len(firsts),
        old_erased=sum(r.old.erasure is not None for r in firsts),
        new_erased=sum(r.new.erasure is not None for r in firsts),
        both_decoded=sum(r.old.erasure is None and r.new.erasure is None for r in firsts),
        old_nmse_db=nmse_db([(old - true) ** 2 for true, old, _ in known], squared_sums),
        new_nmse_db=nmse_db([(new - true) ** 2 for true, _, new in known], squared_sums),
        largest_change=max((abs(new - old) for _, old, new in both), default=0.0),
    )


def _as_many(each: Sequence[_Each], n_symbols: int) -> Sequence[_Each]:
    """Return what stands for each symbol: an erasure stands for all of them."""
    return each if len(each) == n_symbols else [each[0]] * n_symbols
