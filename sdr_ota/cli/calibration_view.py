"""A calibration as it goes on, and its table at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ota_calibration.measurement import Measurement
from ota_calibration.quantities import noise_measurements
from ota_calibration.verdict import Fitness, advice
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from sdr_ota.cli.calibration_result import BenchResult, NodeResult
from sdr_ota.cli.progress import console as log

console = Console(highlight=False)

_STYLES = {
    Fitness.COHERENT: "green",
    Fitness.ENERGY: "yellow",
    Fitness.VOTE: "yellow",
    Fitness.UNUSABLE: "bold red",
}


class CalibrationView(Protocol):
    """What shows a calibration while it goes on."""

    def looked(self, node: int, done: int, of: int) -> None:
        """Show how many trains of a node were heard, and how many there will be."""


@contextmanager
def watch(serials: Sequence[str]) -> Iterator[CalibrationView]:
    """Open the view that fits standard error."""
    if not log.is_terminal:
        yield _Lines(serials)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("trains"),
    )
    with Progress(*columns, console=log) as progress:
        yield _Bars(progress, [progress.add_task(serial, total=None) for serial in serials])


class _Bars:
    def __init__(self, progress: Progress, tasks: list) -> None:  # type: ignore[type-arg]
        self._progress, self._tasks = progress, tasks

    def looked(self, node: int, done: int, of: int) -> None:
        self._progress.update(self._tasks[node], completed=done, total=of)


class _Lines:
    def __init__(self, serials: Sequence[str]) -> None:
        self._serials = serials

    def looked(self, node: int, done: int, of: int) -> None:
        if done == of:
            log.print(f"{self._serials[node]}: {done} trains heard")


def print_result(result: BenchResult, folder: Path) -> None:
    """Print verdicts first, then every measurement, to standard output."""
    judged = [node for node in result.nodes if node.verdict is not None]
    if judged:
        table = Table(box=SIMPLE_HEAD, title="verdicts", title_justify="left")
        for heading in ("node", "fit for", "because"):
            table.add_column(heading)
        for node in judged:
            table.add_row(*_verdict(node))
        console.print(table)
    table = Table(box=SIMPLE_HEAD, title="measured (95 % intervals)", title_justify="left")
    for heading in ("device", "quantity", "value", "looks"):
        table.add_column(heading, no_wrap=heading != "device")
    if result.floor is not None:
        for measurement in noise_measurements(result.floor):
            table.add_row(result.receiver.receiver, *measured_cells(measurement))
    for node in result.nodes:
        for measured in node.measured.values():
            for measurement in measured:
                table.add_row(node.serial, *measured_cells(measurement))
    console.print(table)
    for node in result.nodes:
        for note in node.notes:
            console.print(f"{node.serial}: {note}")
    if result.floor is not None:
        for finding in result.floor.findings:
            console.print(f"{result.receiver.receiver}: {finding}")
    console.print(f"records and report: {folder}", soft_wrap=True)


def _verdict(node: NodeResult) -> tuple[str, str, str]:
    verdict = node.verdict
    if verdict is None:
        return node.serial, "", ""
    style = _STYLES[verdict.fitness]
    help_ = advice(verdict)
    return (
        node.serial,
        f"[{style}]{verdict.fitness}[/{style}]",
        verdict.reason + (f". Try: {help_}" if help_ else ""),
    )


def measured_cells(measurement: Measurement) -> tuple[str, str, str]:
    """Return name, value with interval, and number of looks as texts."""
    value = f"{measurement.value:.6g}"
    if measurement.std > 0:
        half = measurement.half_width()
        digits = max(0, min(9, 1 - _magnitude(half)))
        value = f"{measurement.value:.{digits}f} +- {half:.{digits}f}"
        if abs(measurement.value) < 1e-3:
            value = f"{measurement.value:.2e} +- {half:.1e}"
    return measurement.quantity, f"{value} {measurement.unit}".rstrip(), str(measurement.n_repeats)


def _magnitude(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
