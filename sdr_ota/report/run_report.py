"""The figures of runs as a table, a page, files, or JSON."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.printable import printable
from sdr_ota.report.html_page import FigureFormat, render_page, save_figures
from sdr_ota.report.named_run import NamedRun, name_runs
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.report.run_page import report_sections, report_summary, report_title
from sdr_ota.report.run_table import table_rows
from sdr_ota.report.table_files import TableFormat, save_run_tables
from sdr_ota.runs.checked_folder import read_checked_run
from sdr_ota.runs.owner_only import owner_only
from sdr_ota.runs.run_folder import RunFolderError, RunRecord, read_run
from sdr_ota.runs.run_records import is_private
from sdr_ota.runs.strict_json import strict_json
from sdr_ota.runs.summary import summarise

console = PrintableConsole(highlight=False, markup=False)

_NOT_DRAWN = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What matplotlib raises where a figure, or a font in it, goes wrong."""

_log = logging.getLogger(__name__)


def report_runs(
    folders: Sequence[Path],
    output: Path | None,
    figure_format: FigureFormat | None,
    width_in: float | None = None,
    table_format: TableFormat | None = None,
) -> None:
    """Print the table of one run or several, write the page, save each figure if asked to.

    Rounds and evaluations become files beside the run's records if asked to.

    The page lies in the folder of one run; that of several is written where `output` says.

    Files that show a private run are readable by their owner only.
    """
    runs = name_runs(_read(folders))
    page = output or (folders[0] / "report.html" if len(folders) == 1 else None)
    if page is None and figure_format:
        text = "figures of several runs lie beside their page: name it with --output FILE"
        raise CommandFailed(text, WRONG_USE)
    written = () if page is None else _write(runs, page, figure_format, width_in)
    tables = _save_tables(runs, table_format) if table_format else ()
    _print_table(runs)
    for path in (*written, *tables):
        console.print(f"wrote {path}", soft_wrap=True)


def _write(
    runs: Sequence[NamedRun], page: Path, figure_format: FigureFormat | None, width_in: float | None
) -> tuple[Path, ...]:
    """Write the page and, if asked to, every figure; return their paths."""
    sections = report_sections(runs)
    try:
        with owner_only(any(is_private(named.run.start) for named in runs)):
            page.write_text(
                render_page(report_title(runs), report_summary(runs), sections), encoding="utf-8"
            )
            plots = page.parent / "plots"
            saved = save_figures(sections, plots, figure_format, width_in) if figure_format else []
    except OSError as error:
        text = (
            f"cannot write {error.filename or page}: {error.strerror}; choose another --output FILE"
        )
        raise CommandFailed(text, WRONG_USE) from error
    return (page, *saved)


def _save_tables(runs: Sequence[NamedRun], table_format: TableFormat) -> Iterator[Path]:
    """Write the rounds and evaluations of each run into its folder; yield their paths."""
    for run in (named.run for named in runs):
        try:
            with owner_only(is_private(run.start)):
                yield from save_run_tables(run, run.folder, table_format)
        except OSError as error:
            text = f"cannot write tables into {run.folder}: {error.strerror or error}"
            raise CommandFailed(text, WRONG_USE) from error


def runs_json(folders: Sequence[Path]) -> str:
    """Return the figures for machines: an object for one run, a list for several."""
    records = [
        {"run": str(run.folder), **asdict(summarise(run)), "stop": run.stop}
        for run in _read(folders)
    ]
    return strict_json(records[0] if len(records) == 1 else records, indent=2)


def show_run(folder: Path) -> None:
    """Print the table of one run and save its plots; one that cannot be drawn is a warning.

    Raises:
        CommandFailed: If a plot cannot be written.
    """
    run = read_run(folder)
    _print_table([NamedRun(folder.name, run)])
    try:
        with owner_only(is_private(run.start)):
            save_plots(run)
    except OSError as error:
        raise CommandFailed(
            f"the run is complete, but its plots cannot be written: {error.strerror or error}"
        ) from error
    except _NOT_DRAWN as error:
        _log.warning("the run is complete, but a figure cannot be drawn: %s", error)


def print_run(folder: Path) -> None:
    """Print the table of one run; nothing in its folder is touched."""
    _print_table([NamedRun(folder.name, read_run(folder))])


def save_plots(run: RunRecord) -> None:
    """Save the plots that a run has data for, in its folder's ``plots``.

    Raises:
        OSError: If one cannot be written.
    """
    sections = report_sections([NamedRun(run.folder.name, run)])
    save_figures(sections, run.folder / "plots", "png")


def _read(folders: Sequence[Path]) -> list[RunRecord]:
    try:
        return [read_checked_run(folder)[0] for folder in folders]
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong


def _print_table(runs: Sequence[NamedRun]) -> None:
    alone = len(runs) == 1
    title = printable(f"run {runs[0].run.folder}") if alone else None
    table = Table(box=SIMPLE_HEAD, show_header=not alone, title=title)
    table.add_column(style="bold")
    for named in runs:
        table.add_column(printable(named.name), overflow="fold")
    for row in table_rows([named.run for named in runs]):
        table.add_row(*(printable(cell) for cell in row))
    console.print(table)
