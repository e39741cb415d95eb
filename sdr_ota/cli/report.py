"""`sdr-ota report`: the figures of runs as a table, a page, files, or JSON."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sdr_ota.cli.options import Width

Folders = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the figures for machines, write nothing.")
]
Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The page; otherwise report.html in RUN, none for several."),
]
FigureChoice = Annotated[
    Literal["pdf", "png", "svg"] | None,
    typer.Option("--format", help="Also save every figure, in plots beside the page."),
]
TableChoice = Annotated[
    Literal["csv", "parquet"] | None,
    typer.Option("--table", help="Also write rounds and evaluations, as files in RUN."),
]


def report(
    folders: Folders,
    as_json: AsJson = False,
    output: Output = None,
    figure_format: FigureChoice = None,
    table_format: TableChoice = None,
    width: Width = None,
) -> None:
    """Print the figures of runs, and write them as a page.

    Runs may be finished, broken off or still running. The page is one HTML file that needs
    nothing else. Several runs are laid side by side, called by the settings in which they
    differ; their page is written where --output says.
    """
    from sdr_ota.report.run_report import report_runs, runs_json

    if as_json:
        print(runs_json(folders))
    else:
        report_runs(folders, output, figure_format, width, table_format)
