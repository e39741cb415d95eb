"""The captures of a run decoded again, old against new, as a table or as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.runs.replay import Decoding, ReplayedRound, ReplaySummary, summarise_replay
from sdr_ota.runs.strict_json import strict_json


def replay_json(rounds: Sequence[ReplayedRound]) -> str:
    """Return all rounds and their summary as JSON."""
    summary = summarise_replay(rounds)
    record = {"rounds": [asdict(r) for r in rounds], "summary": asdict(summary)}
    return strict_json(record, indent=2)


def print_replay(run: Path, rounds: Sequence[ReplayedRound]) -> None:
    """Print a round a row, and what they come to."""
    console = PrintableConsole(highlight=False)
    console.print(_table(run, rounds))
    for line in _summary(summarise_replay(rounds)):
        console.print(line, soft_wrap=True)


def _table(run: Path, rounds: Sequence[ReplayedRound]) -> Table:
    table = Table(box=SIMPLE_HEAD, title=f"captures of {run} decoded again", pad_edge=False)
    for heading in ("round", "true sum", "old", "new", "old error", "new error"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in rounds:
        table.add_row(
            str(r.round),
            "-" if r.true_sum is None else f"{r.true_sum:+.4f}",
            *(_sum(decoding) for decoding in (r.old, r.new)),
            *(_error(decoding, r.true_sum) for decoding in (r.old, r.new)),
        )
    return table


def _summary(summary: ReplaySummary) -> tuple[str, str]:
    erased = f"erased: {summary.old_erased} then, {summary.new_erased} now"
    both = summary.both_decoded
    nmse = f"{summary.old_nmse_db:.1f} dB then, {summary.new_nmse_db:.1f} dB now"
    if math.isnan(summary.old_nmse_db):
        nmse = "not known: the nodes keep what they sent"
    compared = (
        f"NMSE of the {both} decoded both ways: {nmse}; largest change of a sum: "
        f"{summary.largest_change:.3g}"
    )
    return (
        f"{summary.rounds} captures; {erased}",
        compared if both else "none was decoded both ways",
    )


def _sum(decoding: Decoding) -> str:
    if decoding.decoded_sum is None:
        return str(decoding.erasure)
    return f"{decoding.decoded_sum:+.4f}"


def _error(decoding: Decoding, true_sum: float | None) -> str:
    if decoding.decoded_sum is None or true_sum is None:
        return "-"
    return f"{decoding.decoded_sum - true_sum:+.4f}"
