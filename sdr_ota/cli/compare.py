"""`sdr-ota compare`: the schemes over noise and phase error, or over latency: table and figure."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_ota.cli.options import Width
from sdr_ota.failure import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from sdr_ota.study.study_files import StudyRecord

IN_AIR = ("lab-indoor", 2, 60)
"""Preset, worlds and rounds if none are given."""

TRIALS = 400

Nodes = Annotated[int, typer.Option(min=1, max=1000, help="Nodes that send together.")]
Chips = Annotated[int, typer.Option(min=32, help="Payload chips of every scheme.")]
Trials = Annotated[int, typer.Option(min=10, help="Sums decoded for each point of noise or phase.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random; of the first world.")]
Seeds = Annotated[
    int, typer.Option(min=1, max=1000, help="So many, from --seed on; not for --latency.")
]
Figure = Annotated[Path | None, typer.Option(help="Save the figure here (png, pdf, svg).")]
Output = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="New folder for figure, CSV and JSON.")
]
Latency = Annotated[
    bool,
    typer.Option("--latency", help="Whole rounds instead, 1 ms to 2 s after their sounding."),
]
Air = Annotated[str, typer.Option(metavar="PRESET", help="With --latency: the simulated air.")]
Worlds = Annotated[int, typer.Option(min=1, max=1000, help="With --latency: seeds, pooled.")]
Rounds = Annotated[int, typer.Option(min=2, help="With --latency: rounds in each world.")]


def compare(  # noqa: PLR0913, PLR0917 - each is an option
    nodes: Nodes = 5,
    chips: Chips = 512,
    trials: Trials = TRIALS,
    seed: Seed = 1,
    seeds: Seeds = 1,
    figure: Figure = None,
    width: Width = None,
    output: Output = None,
    latency: Latency = False,
    air: Air = IN_AIR[0],
    worlds: Worlds = IN_AIR[1],
    rounds: Rounds = IN_AIR[2],
) -> None:
    """Compare all schemes, measured and by theory.

    Prints their errors in dB over noise in dB and phase error in degrees, and draws them into
    --figure or --output. With --latency: over the time in ms from sounding to payload in a
    simulated air, with the bound that known process noise leaves for coherent sums; takes
    minutes. Several seeds show how far the figures move from one to the next.
    """
    _check_options(latency, in_air=(air, worlds, rounds), apart=(trials, seeds))
    files = _Files(output, figure, width)
    if latency:
        _over_latency((air, worlds, rounds, nodes, chips, seed), files)
    else:
        _over_noise_and_phase((nodes, chips, trials, seed, seeds), files)


def _check_options(latency: bool, in_air: tuple[object, ...], apart: tuple[object, ...]) -> None:
    """Refuse options of one comparison for the other."""
    if not latency and in_air != IN_AIR:
        raise CommandFailed("--air, --worlds and --rounds belong to --latency", WRONG_USE)
    if latency and apart != (TRIALS, 1):
        text = "--trials and --seeds are not for --latency: it runs --rounds in --worlds"
        raise CommandFailed(text, WRONG_USE)


@dataclass(frozen=True)
class _Files:
    """Where results go."""

    folder: Path | None
    figure: Path | None
    width_in: float | None

    def check(self) -> None:
        from sdr_ota.runs.new_folder import check_may_write, check_new_folder

        if self.folder is not None:
            check_new_folder(self.folder)
        if self.figure is not None:
            check_may_write(self.figure)

    def write(self, record: "StudyRecord", drawing: "Drawing") -> None:
        from sdr_ota.report.plots import save_figure
        from sdr_ota.study.study_files import write_study

        if self.figure is not None:
            save_figure(drawing, self.figure, self.width_in)
            print(f"figure saved as {self.figure}")
        if self.folder is not None:
            write_study(record, drawing, self.folder, self.width_in)
            print(f"figure, CSV and JSON are in {self.folder}")


def _over_noise_and_phase(numbers: tuple[int, int, int, int, int], files: _Files) -> None:
    from sdr_ota.study.comparison import Setting, compare_schemes
    from sdr_ota.study.comparison_figure import (
        comparison_drawing,
        comparison_record,
        print_comparison,
    )

    files.check()
    comparison = compare_schemes(Setting(*numbers))
    print_comparison(comparison)
    files.write(comparison_record(comparison), comparison_drawing(comparison))


def _over_latency(values: tuple[str, int, int, int, int, int], files: _Files) -> None:
    from sdr_ota.study.latency import LatencySetting, measure_latency
    from sdr_ota.study.latency_figure import (
        latency_drawing,
        latency_progress,
        latency_record,
        print_latency,
    )

    files.check()
    setting = LatencySetting(*values)
    with latency_progress(setting.n_runs) as show:
        points = measure_latency(setting, show)
    print_latency(points, setting)
    files.write(latency_record(points, setting), latency_drawing(points, setting))
