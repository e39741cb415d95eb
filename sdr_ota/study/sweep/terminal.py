"""A sweep on a terminal: a bar while it runs, a table at its end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as TerminalTable

from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.study.sweep.plan import Sweep
from sdr_ota.study.sweep.point import Outcome
from sdr_ota.study.sweep.run import Show, SweepResults
from sdr_ota.study.sweep.table import Row, Value

log = PrintableConsole(stderr=True, highlight=False, markup=False)
console = PrintableConsole(highlight=False, markup=False)

MOST_ROWS = 60
"""Points that are printed; the table on disk holds all."""

PRINTED = {
    "score_after": ("score", "{:.3f}"),
    "loss_after": ("loss", "{:.3f}"),
    "nmse_db": ("NMSE dB", "{:.1f}"),
    "theory_nmse_db": ("theory", "{:.1f}"),
    "erased_share": ("erased", "{:.0%}"),
    "epsilon_spent": ("epsilon", "{:.2f}"),
    "link": ("link", "{}"),
}


@contextmanager
def log_progress(n_points: int, n_left: int, folder: Path) -> Iterator[Show]:
    """Open a bar on a terminal; elsewhere every point is a line.

    Args:
        n_points: Points in all.
        n_left: Those that are still to run.
        folder: Of the sweep.
    """
    log.print(
        f"{n_points} points, {n_points - n_left} of them done before; in {folder}", soft_wrap=True
    )
    with _bar() as progress:
        yield _Shown(progress, n_left)


def _bar() -> Progress:
    return Progress(
        TextColumn("points"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        console=log,
        disable=not log.is_terminal,
    )


class _Shown:
    """Counts the points that have ended and tells of each."""

    def __init__(self, progress: Progress, n_points: int) -> None:
        self._progress, self._n_points = progress, n_points
        self._bar = progress.add_task("points", total=n_points, failed=0)
        self._n_failed, self._n_done = 0, 0

    def __call__(self, outcome: Outcome) -> None:
        self._n_failed += bool(outcome.why_not)
        self._n_done += 1
        self._progress.update(self._bar, advance=1, failed=self._n_failed)
        if outcome.why_not:
            log.print(f"failed: {outcome.name}: {outcome.why_not}", soft_wrap=True)
        elif not log.is_terminal:
            log.print(f"{self._n_done} of {self._n_points}: {outcome.name}", soft_wrap=True)


def print_results(results: SweepResults) -> None:
    """Print a row a point, and where everything is."""
    _print_table(results.sweep, results.rows)
    for path in results.written:
        console.print(f"wrote {path}", soft_wrap=True)


def _print_table(sweep: Sweep, rows: Sequence[Row]) -> None:
    columns = [c for c in PRINTED if any(row.get(c) is not None for row in rows)]
    table = TerminalTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in (*(key.rpartition(".")[2] for key in sweep.keys), "ending"):
        table.add_column(heading)
    for column in columns:
        table.add_column(PRINTED[column][0], justify="right")
    for row in rows[:MOST_ROWS]:
        settings = [_word(row.get(key)) for key in (*sweep.keys, "ending")]
        figures = [_figure(row.get(c), PRINTED[c][1]) for c in columns]
        table.add_row(*settings, *figures)
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"the first {MOST_ROWS} of {len(rows)} points")


def _word(value: Value) -> str:
    return "–" if value is None else str(value)


def _figure(value: Value, how: str) -> str:
    return "–" if value is None else how.format(value)
