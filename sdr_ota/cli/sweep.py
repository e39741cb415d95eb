"""`sdr-ota sweep`: many runs from one file, on all cores or on a cluster; one table, one page."""

import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as TerminalTable

from sdr_ota.config.load import ConfigError
from sdr_ota.config.recorded_plugins import references_in
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.interruption import Interruption
from sdr_ota.study.sweep.page import write_page
from sdr_ota.study.sweep.plan import Sweep, needs_real_radios, read_sweep
from sdr_ota.study.sweep.point import Outcome, PointTask, Processes, finished_outcome, run_point
from sdr_ota.study.sweep.table import Row, Value, table_row, write_table

log = Console(stderr=True, highlight=False, markup=False)
console = Console(highlight=False, markup=False)

MOST_ROWS = 60
"""Points that are printed; the table on disk holds all."""

PRINTED = {
    "score_after": ("score", "{:.3f}"),
    "loss_after": ("loss", "{:.3f}"),
    "nmse_db": ("NMSE dB", "{:.1f}"),
    "theory_nmse_db": ("theory", "{:.1f}"),
    "erased_share": ("erased", "{:.0%}"),
    "epsilon_spent": ("epsilon", "{:.2f}"),
}


def sweep_command(file: Path, output: Path | None, jobs: int | None, address: str | None) -> None:
    """Run the points of a sweep that are not done yet, then write table and page.

    Args:
        file: The sweep.
        output: Folder of the runs, the table and the page; None for the file's own choice.
        jobs: Runs at the same time on this machine; None for one a core.
        address: Of a Ray cluster that runs the points instead.
    """
    try:
        sweep = read_sweep(file)
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    folder = (output or Path(sweep.folder or f"sweeps/{file.stem}")).resolve()
    rows = _rows_so_far(sweep, folder)
    left = [_task(sweep, folder, name) for name, row in rows.items() if row["ending"] != "done"]
    log.print(
        f"{len(rows)} points, {len(rows) - len(left)} of them done before; in {folder}",
        soft_wrap=True,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Interruption(), closing(_started(sweep, left, jobs, address)) as outcomes:
            _collect(sweep, folder, rows, outcomes, n_left=len(left))
        table = list(rows.values())
        written = (*write_table(table, folder), write_page(sweep, table, folder))
    except KeyboardInterrupt:
        text = f"interrupted; the same command goes on with {folder}"
        raise CommandFailed(text, INTERRUPTED) from None
    except OSError as error:
        raise CommandFailed(
            f"cannot write {error.filename or folder}: {error.strerror or error}; the same command "
            "goes on where it stands"
        ) from error
    _print_table(sweep, table)
    for path in written:
        console.print(f"wrote {path}", soft_wrap=True)
    _tell_failures(table)


def run_locally(tasks: Sequence[PointTask], jobs: int) -> Generator[Outcome, None, None]:
    """Yield the outcomes of points as they end; closing it ends the runs cleanly.

    Args:
        tasks: What to run.
        jobs: How many at the same time.
    """
    processes = Processes()
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_point, task, processes) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            processes.stop()


def _started(
    sweep: Sweep, tasks: Sequence[PointTask], jobs: int | None, address: str | None
) -> Generator[Outcome, None, None]:
    """Choose where the points run."""
    if needs_real_radios(sweep.points):
        if address is not None or (jobs or 1) > 1:
            text = "the sweep uses real radios, which one run at a time holds: leave out --jobs"
            raise CommandFailed(f"{text} and --address", WRONG_USE)
        return run_locally(tasks, 1)
    if address is None or not tasks:
        return run_locally(tasks, jobs or len(os.sched_getaffinity(0)))
    from sdr_ota.study.sweep.cluster import run_on_cluster  # noqa: PLC0415 - Ray is optional

    return run_on_cluster(tasks, address)


def _task(sweep: Sweep, folder: Path, name: str) -> PointTask:
    point = next(p for p in sweep.points if p.name == name)
    plugins = references_in(point.config.model_dump())
    return PointTask(name, folder / name, sweep.home, point.arguments, plugins)


def _rows_so_far(sweep: Sweep, folder: Path) -> dict[str, Row]:
    return {p.name: table_row(p, finished_outcome(p.name, folder / p.name)) for p in sweep.points}


def _collect(
    sweep: Sweep, folder: Path, rows: dict[str, Row], outcomes: Iterator[Outcome], n_left: int
) -> None:
    """Wait for outcomes, show them, and keep the table on disk up to date."""
    points = {point.name: point for point in sweep.points}
    with _shown(n_left) as show:
        for outcome in outcomes:
            rows[outcome.name] = table_row(points[outcome.name], outcome)
            write_table(list(rows.values()), folder)
            show(outcome)


class Show(Protocol):
    """What tells about a point that has ended."""

    def __call__(self, outcome: Outcome) -> None:
        """Tell it."""


@contextmanager
def _shown(n_points: int) -> Iterator[Show]:
    """Open a bar on a terminal; elsewhere every point is a line."""
    columns = (
        TextColumn("points"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=log, disable=not log.is_terminal) as progress:
        bar = progress.add_task("points", total=n_points, failed=0)
        n_failed, n_done = 0, 0

        def show(outcome: Outcome) -> None:
            nonlocal n_failed, n_done
            n_failed, n_done = n_failed + bool(outcome.why_not), n_done + 1
            progress.update(bar, advance=1, failed=n_failed)
            if outcome.why_not:
                log.print(f"failed: {outcome.name}: {outcome.why_not}", soft_wrap=True)
            elif not log.is_terminal:
                log.print(f"{n_done} of {n_points}: {outcome.name}", soft_wrap=True)

        yield show


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


def _tell_failures(rows: Sequence[Row]) -> None:
    failed = [row for row in rows if row["ending"] == "failed"]
    if failed:
        raise CommandFailed(
            f"{len(failed)} of {len(rows)} points failed; the first: {failed[0]['point']}: "
            f"{failed[0]['why']}; the same command tries them again"
        )
