"""A calibration as it goes on, and its table at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.quantities import noise_measurements
from ota_calibration.measure.verdict import Fitness, advice
from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from sdr_ota.report.calibration.result import BenchResult
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.report.progress import console as log

console = PrintableConsole(highlight=False)

_STYLES = {
    Fitness.COHERENT: "green",
    Fitness.ENERGY: "yellow",
    Fitness.VOTE: "yellow",
    Fitness.UNUSABLE: "bold red",
}


class CalibrationView(Protocol):
    """What shows a calibration while it goes on."""

    def looked(self, node: int, done: int, of: int) -> None:
        """Show how many sequences of a node were received, and how many there will be."""


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
        TextColumn("sequences"),
    )
    with Progress(*columns, console=log) as progress:
        yield _Bars(progress, [progress.add_task(serial, total=None) for serial in serials])


class _Bars:
    def __init__(self, progress: Progress, tasks: Sequence[TaskID]) -> None:
        self._progress, self._tasks = progress, tasks

    def looked(self, node: int, done: int, of: int) -> None:
        self._progress.update(self._tasks[node], completed=done, total=of)


class _Lines:
    def __init__(self, serials: Sequence[str]) -> None:
        self._serials = serials

    def looked(self, node: int, done: int, of: int) -> None:
        if done == of:
            log.print(f"{self._serials[node]}: {done} sequences received")


def print_result(result: BenchResult, folder: Path) -> None:
    """Print verdicts first, then every measurement, to standard output."""
    if any(node.verdict for node in result.nodes):
        console.print(_verdict_table(result))
    console.print(_measured_table(result))
    notes = [f"{node.serial}: {note}" for node in result.nodes for note in node.notes]
    findings = () if result.floor is None else result.floor.findings
    notes += [f"{result.receiver.receiver}: {finding}" for finding in findings]
    for line in (*_try(result), *notes, f"records and report: {folder}"):
        console.print(line, soft_wrap=True)


def _verdict_table(result: BenchResult) -> Table:
    table = Table(box=SIMPLE_HEAD, title="verdicts", title_justify="left")
    for heading in ("node", "fit for", "because"):
        table.add_column(heading)
    for node in result.nodes:
        if node.verdict is not None:
            style = _STYLES[node.verdict.fitness]
            fitness = f"[{style}]{node.verdict.fitness}[/{style}]"
            table.add_row(node.serial, fitness, node.verdict.reason)
    return table


def _try(result: BenchResult) -> list[str]:
    """Return each piece of advice once."""
    judged = [node.verdict for node in result.nodes if node.verdict is not None]
    return [f"try: {text}" for text in dict.fromkeys(advice(verdict) for verdict in judged) if text]


def _measured_table(result: BenchResult) -> Table:
    table = Table(box=SIMPLE_HEAD, title="measured (95 % intervals)", title_justify="left")
    for heading in ("device", "quantity", "value", "observations"):
        table.add_column(heading, no_wrap=heading != "device")
    if result.floor is not None:
        for measurement in noise_measurements(result.floor):
            table.add_row(result.receiver.receiver, *measured_cells(measurement))
    for measurement in result.rounds:
        table.add_row("rounds", *measured_cells(measurement))
    for node in result.nodes:
        for measured in node.measured.values():
            for measurement in measured:
                table.add_row(node.serial, *measured_cells(measurement))
    return table


def measured_cells(measurement: Measurement) -> tuple[str, str, str]:
    """Return name, value with interval, and number of observations as texts."""
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
