"""`sdr-ota replay`: the captures of a run decoded again, old against new."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sdr_ota.assembly.bench import receiving
from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.config.load import Config, ConfigError, changed_config
from sdr_ota.config.parts import link_of
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.capture_check import check_captured_round
from sdr_ota.runs.captures import CaptureError, read_capture, stored_captures
from sdr_ota.runs.replay import (
    Decoding,
    ReplayedRound,
    ReplaySummary,
    replay_capture,
    summarise_replay,
)
from sdr_ota.runs.run_folder import RunFolderError, RunRecord
from sdr_ota.runs.strict_json import strict_json

DECODING_TABLES = ("link", "frame", "receiver")
"""Tables of a configuration that say how a capture is decoded."""


def replay_command(run: Path, settings: Sequence[str], as_json: bool) -> None:
    """Decode a run's captures again and print what has changed."""
    record, config = _run(run, settings)
    paths = stored_captures(run)
    if not paths:
        raise CommandFailed(
            f"{run} holds no captures; keep some with --set captures.every=N when you run it",
            WRONG_USE,
        )
    rounds, damaged = [], []
    with receiving(link_of(config), config) as link:
        for path in paths:
            try:
                stored = read_capture(path)
                check_captured_round(stored.result, record.rounds)
                rounds.append(replay_capture(stored, link))
            except ValueError as wrong:  # a `CaptureError` is one, and names its file
                text = str(wrong) if isinstance(wrong, CaptureError) else f"{path}: {wrong}"
                damaged.append(text)
    summary = summarise_replay(rounds)
    if as_json:
        figures = {"rounds": [asdict(r) for r in rounds], "summary": asdict(summary)}
        print(strict_json(figures, indent=2))
    else:
        _print(run, rounds, summary)
    if damaged:
        raise CommandFailed("\n".join(damaged))


def _run(run: Path, settings: Sequence[str]) -> tuple[RunRecord, Config]:
    """Return a run, and its configuration with some keys of the receiver's side changed."""
    for setting in settings:
        if setting.partition(".")[0].strip() not in DECODING_TABLES:
            raise CommandFailed(
                f"--set {setting}: what was sent cannot be changed any more; a replay takes keys "
                f"of the tables {', '.join(DECODING_TABLES)}",
                WRONG_USE,
            )
    try:
        record, config, _ = checked_run(run)
        return record, changed_config(config, settings)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong


def _print(run: Path, rounds: Sequence[ReplayedRound], summary: ReplaySummary) -> None:
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, title=f"captures of {run} decoded again", pad_edge=False)
    for heading in ("round", "true sum", "old", "new", "old error", "new error"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in rounds:
        table.add_row(
            str(r.round),
            f"{r.true_sum:+.4f}",
            *(_sum(decoding) for decoding in (r.old, r.new)),
            *(_error(decoding, r.true_sum) for decoding in (r.old, r.new)),
        )
    console.print(table)
    console.print(
        f"{summary.rounds} captures; erased: {summary.old_erased} then, {summary.new_erased} now"
    )
    compared = (
        f"NMSE of the {summary.both_decoded} decoded both ways: {summary.old_nmse_db:.1f} dB then, "
        f"{summary.new_nmse_db:.1f} dB now; largest change of a sum: {summary.largest_change:.3g}"
    )
    console.print(
        compared if summary.both_decoded else "none was decoded both ways", soft_wrap=True
    )


def _sum(decoding: Decoding) -> str:
    if decoding.decoded_sum is None:
        return str(decoding.erasure)
    return f"{decoding.decoded_sum:+.4f}"


def _error(decoding: Decoding, true_sum: float) -> str:
    return "-" if decoding.decoded_sum is None else f"{decoding.decoded_sum - true_sum:+.4f}"
