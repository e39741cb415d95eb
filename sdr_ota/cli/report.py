"""`sdr-ota report`: the figures of a run as a table, or as JSON."""

import json
import math
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sdr_ota.cli.failure import WRONG_USE, CommandFailed
from sdr_ota.cli.privacy import privacy_spent
from sdr_ota.presets import PRESETS
from sdr_ota.records import RunFolderError, RunRecord, read_run
from sdr_ota.summary import Summary, summarise

console = Console(highlight=False)

USABLE_NMSE_DB = -6.0
"""A decoded sum with more error than this is hardly a sum."""


def report_command(folder: Path, as_json: bool) -> None:
    """Print a run's figures."""
    try:
        run = read_run(folder)
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if as_json:
        print(json.dumps(_finite({**asdict(summarise(run)), "stop": run.stop}), indent=2))
    else:
        print_report(run)


def print_report(run: RunRecord) -> None:
    """Print the table of a run to standard output."""
    summary = summarise(run)
    table = Table(box=SIMPLE_HEAD, show_header=False, title=f"run {run.folder}")
    table.add_column(style="bold")
    table.add_column()
    for name, value in _rows(summary):
        table.add_row(name, value)
    table.add_row("privacy", privacy_spent(run.folder) or "no promise")
    if advice := _advice(summary):
        table.add_row("advice", advice)
    ending = str(run.stop.get("ending", "not ended"))
    table.add_row("ended", f"{ending}: {why}" if (why := run.stop.get("why")) else ending)
    console.print(table)


def _rows(summary: Summary) -> list[tuple[str, str]]:
    lost = sum(summary.erasures.values())
    reasons = ", ".join(f"{n} {reason}" for reason, n in summary.erasures.items())
    rows = [("rounds", f"{summary.rounds}, {lost} erased" + (f" ({reasons})" if lost else ""))]
    if summary.incomplete:
        missing = f"in {summary.incomplete} rounds; see detail in rounds.jsonl"
        rows.append(("a node was left out", missing))
    if summary.score_before is not None and summary.score_after is not None:
        change = f"{summary.score_before:.3f} -> {summary.score_after:.3f}"
        rows.append((f"held-out {summary.score_name}", change))
    if summary.loss_before and summary.loss_after:
        change = f"{summary.loss_before:.4f} -> {summary.loss_after:.4f}"
        rows.append(("training loss (first, last tenth)", change))
    nmse = f"{summary.nmse_db:.1f} dB measured, {summary.theory_nmse_db:.1f} dB by theory"
    rows.append(("NMSE of the decoded sum", nmse))
    rows.append(("sent per client", _sent(summary)))
    if summary.air_s is not None:
        rows.append(("time on the air", f"{summary.air_s:.2f} s"))
    if summary.rounds_per_s is not None:
        rows.append(("pace", f"{summary.rounds_per_s:.1f} rounds/s"))
    if summary.peak_memory_bytes is not None:
        rows.append(("peak memory", f"{summary.peak_memory_bytes / 2**20:.0f} MiB"))
    return rows


def _advice(summary: Summary) -> str | None:
    """Say in words when the sum was not worth decoding, and what to do."""
    if not summary.nmse_db > USABLE_NMSE_DB:
        return None
    foreseen = summary.theory_nmse_db > USABLE_NMSE_DB
    cause = "as theory expects of these paths" if foreseen else "which theory does not expect"
    return (
        f"more than a quarter of the decoded sum's power is error, {cause}; a coherent sum "
        "needs phases and timing that hold from sounding to payload: try link.scheme = "
        "energy-difference or fsk-vote, or sound more often"
    )


def _sent(summary: Summary) -> str:
    text = f"{summary.bits_per_client:,} bit"
    gradients = summary.gradient_bits_per_client
    if not gradients or not summary.bits_per_client:
        return text
    return f"{text} (gradients: {gradients:,} bit, {gradients // summary.bits_per_client:,} x more)"


def _finite(record: dict[str, object]) -> dict[str, object]:
    """Replace NaN and infinities, which JSON does not have, by null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }


def presets_command() -> None:
    """Print the simulated airs."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("preset", "SNR dB", "path dB", "clock ppm", "jitter us", "fading", "phase"):
        table.add_column(heading, no_wrap=True)
    for preset in PRESETS.values():
        clock = "shared" if preset.shared_clock else f"+-{preset.clock_error_range_ppm:g}"
        table.add_row(
            preset.name,
            f"{preset.snr_db:g}",
            f"{preset.path_gain_db:g}+-{preset.path_gain_spread_db:g}",
            clock,
            f"{preset.start_jitter_s * 1e6:g}",
            preset.fading,
            preset.start_phase.removesuffix("-grid"),
        )
    console.print(table)
