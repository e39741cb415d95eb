"""A sweep on a terminal: a bar while it runs, a table at its end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as TerminalTable

from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.study.sweep.means import means_table
from sdr_ota.study.sweep.plan import Sweep, shown_keys
from sdr_ota.study.sweep.point import Outcome
from sdr_ota.study.sweep.results import Row, Value, shown_of
from sdr_ota.study.sweep.run import Show, SweepResults

log = PrintableConsole(stderr=True, highlight=False, markup=False)
console = PrintableConsole(highlight=False, markup=False)

MOST_ROWS = 60
"""Points that are printed; the table on disk holds all."""


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
    """Print a row a point, the means over repeats, and where everything is."""
    sweep, rows = results.sweep, results.rows
    columns = _columns(sweep, rows)
    lines = [[_figure(row.get(column), how) for _, column, how in columns] for row in rows]
    _print_table([heading for heading, _, _ in columns], lines[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        console.print(f"the first {MOST_ROWS} of {len(rows)} points")
    if means := means_table(rows, shown_keys(sweep), sweep.results):
        _print_table(means[0], means[1:])
    for path in results.written:
        console.print(f"wrote {path}", soft_wrap=True)


def _columns(sweep: Sweep, rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Return heading and column of what is printed, and how a number is written."""
    keys = (*shown_keys(sweep), "ending")
    columns = [(key.rpartition(".")[2], key, "{}") for key in keys]
    for one in shown_of(sweep.results, rows):
        columns.append((one.heading, one.column, one.how))
        columns += [("theory", one.expected, one.how)] if one.expected else []
    return [*columns, ("link", "link", "{}")]


def _print_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = TerminalTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _figure(value: Value, how: str) -> str:
    return "–" if value is None else how.format(value)
