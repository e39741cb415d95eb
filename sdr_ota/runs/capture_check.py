"""Whether the parts of a stored capture fit each other, before anything is decoded."""

from collections.abc import Sequence
from dataclasses import asdict

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.rounds.exchange import Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.capture_record import WALL_TIMES
from sdr_ota.runs.reception_check import check_reception, demand


def check_capture(reception: Reception, link: Link) -> None:
    """Refuse a capture whose record cannot belong to its samples.

    Raises:
        ValueError: With what does not fit.
    """
    check_reception(reception, link)
    frame, pulse = link.frame, link.frame.pulse
    FrameTable(  # raises: what no config may ask for, no bench has sent
        chirp_samples=frame.n_chirp,
        samples_per_chip=pulse.samples_per_chip,
        pilot_chips=frame.n_pilot_chips,
        node_pilot_chips=frame.n_node_pilot_chips,
        payload_chips=frame.n_payload_chips,
        idle_chips=frame.n_idle_chips,
        guard_samples=frame.guard_samples,
        bench=frame.bench,
        symbols=frame.n_symbols,
    )


def check_captured_round(result: RoundResult, rounds: Sequence[RoundResult]) -> None:
    """Refuse a capture that is none of a run's.

    Args:
        result: What the capture says of its round.
        rounds: Of the run.

    Raises:
        ValueError: If the run has no such round, or says something else of it.
    """
    demand(result.round < len(rounds), "ota:result", f"is of round {result.round}, which is none")
    kept = dict.fromkeys((*WALL_TIMES, "ledger_digest"))
    one, other = ({**asdict(r), **kept} for r in (result, rounds[result.round]))
    wrong = next((name for name, value in one.items() if value != other[name]), None)
    demand(wrong is None, f"ota:result.{wrong}", "is not that of rounds.jsonl")
