"""Run the points of a sweep, on all cores or on a cluster, and keep their table up to date."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sdr_ota.config.load import ConfigError
from sdr_ota.config.recorded_plugins import references_in
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.runs.owner_only import owner_only
from sdr_ota.study.sweep.page import write_page
from sdr_ota.study.sweep.plan import Sweep, needs_real_radios, read_sweep
from sdr_ota.study.sweep.point import Outcome, PointTask, Processes, finished_outcome, run_point
from sdr_ota.study.sweep.results import Row
from sdr_ota.study.sweep.table import table_row, write_table


class Show(Protocol):
    """What tells about a point that has ended."""

    def __call__(self, outcome: Outcome) -> None:
        """Tell it."""


Progress = Callable[[int, int, Path], AbstractContextManager[Show]]
"""From the points in all, those still to run, and the folder, to what tells about their ends."""


@dataclass(frozen=True)
class SweepResults:
    """What came of a sweep.

    Attributes:
        sweep: As planned.
        rows: A row of the table for every point.
        written: The files of the table and the page.
    """

    sweep: Sweep
    rows: Sequence[Row]
    written: Sequence[Path]

    def raise_failures(self) -> None:
        """Fail if a point has failed.

        Raises:
            CommandFailed: With how many, and why the first.
        """
        failed = [row for row in self.rows if row["ending"] == "failed"]
        if failed:
            raise CommandFailed(
                f"{len(failed)} of {len(self.rows)} points failed; the first: "
                f"{failed[0]['point']}: {failed[0]['why']}; the same command tries them again"
            )


def run_sweep(
    file: Path, output: Path | None, jobs: int | None, address: str | None, progress: Progress
) -> SweepResults:
    """Run the points of a sweep that are not done yet, then write table and page.

    Args:
        file: The sweep.
        output: Folder of the runs, the table and the page; None for the file's own choice.
        jobs: Runs at the same time on this machine; None for one a core.
        address: Of a Ray cluster that runs the points instead.
        progress: Shows how the sweep goes.

    Raises:
        CommandFailed: If the file is wrong, the sweep is interrupted, or the disk takes nothing.
    """
    try:
        sweep = read_sweep(file)
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    folder = output or Path(sweep.folder or f"sweeps/{file.stem}")
    return run_points(sweep, folder, jobs, address, progress)


def run_points(
    sweep: Sweep, folder: Path, jobs: int | None, address: str | None, progress: Progress
) -> SweepResults:
    """Run the points that are not done yet, then write table and page; as `run_sweep`.

    Logs and tables repeat what private runs say, so they are their owner's alone, too.
    """
    with owner_only(any(one.config.privacy.protect != "nothing" for one in sweep.points)):
        return _run_points(sweep, folder.resolve(), jobs, address, progress)


def _run_points(
    sweep: Sweep, folder: Path, jobs: int | None, address: str | None, progress: Progress
) -> SweepResults:
    rows = _rows_so_far(sweep, folder)
    left = [_task(sweep, folder, name) for name, row in rows.items() if row["ending"] != "done"]
    try:
        with progress(len(rows), len(left), folder) as show:
            folder.mkdir(parents=True, exist_ok=True)
            with Interruption(), closing(_started(sweep, left, jobs, address)) as outcomes:
                _collect(sweep, folder, rows, outcomes, show)
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
    return SweepResults(sweep, table, written)


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
    sweep: Sweep,
    folder: Path,
    rows: dict[str, Row],
    outcomes: Iterator[Outcome],
    show: Show,
) -> None:
    """Wait for outcomes, show them, and keep the table on disk up to date."""
    points = {point.name: point for point in sweep.points}
    for outcome in outcomes:
        rows[outcome.name] = table_row(points[outcome.name], outcome)
        write_table(list(rows.values()), folder)
        show(outcome)
