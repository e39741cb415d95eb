"""`sdr-ota compare`: the schemes over noise and phase error, or over latency: table and figure."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.failure import WRONG_USE, CommandFailed

IN_AIR = ("lab-indoor", 2, 60)
"""Preset, worlds and rounds if none are given."""

TRIALS = 400

Nodes = Annotated[int, typer.Option(min=1, max=1000, help="Nodes that send together.")]
Chips = Annotated[int, typer.Option(min=32, help="Payload chips of every scheme.")]
Trials = Annotated[int, typer.Option(min=10, help="Sums decoded for each point of noise or phase.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random; of the first world.")]
Figure = Annotated[Path | None, typer.Option(help="Save the figure here (png, pdf, svg).")]
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
    figure: Figure = Path("compare.png"),
    latency: Latency = False,
    air: Air = IN_AIR[0],
    worlds: Worlds = IN_AIR[1],
    rounds: Rounds = IN_AIR[2],
) -> None:
    """Compare all schemes, measured and by theory.

    Prints their errors in dB over noise in dB and phase error in degrees, and draws them. With
    --latency: over the time in ms from sounding to payload in a simulated air, with the bound
    that known process noise leaves for coherent sums; takes minutes.
    """
    if not latency and (air, worlds, rounds) != IN_AIR:
        raise CommandFailed("--air, --worlds and --rounds belong to --latency", WRONG_USE)
    if latency and trials != TRIALS:
        raise CommandFailed("--trials is not for --latency: it runs --rounds", WRONG_USE)
    if latency:
        _over_latency((air, worlds, rounds, nodes, chips, seed), figure)
    else:
        _over_noise_and_phase((nodes, chips, trials, seed), figure)


def _over_noise_and_phase(numbers: tuple[int, int, int, int], figure: Path | None) -> None:
    from sdr_ota.study.comparison import Setting, compare_schemes
    from sdr_ota.study.comparison_figure import print_comparison, save_comparison

    comparison = compare_schemes(Setting(*numbers))
    print_comparison(comparison)
    if figure is not None:
        save_comparison(comparison, figure)
        print(f"figure saved as {figure}")


def _over_latency(values: tuple[str, int, int, int, int, int], figure: Path | None) -> None:
    from sdr_ota.study.latency import LatencySetting, measure_latency
    from sdr_ota.study.latency_figure import latency_progress, print_latency, save_latency

    setting = LatencySetting(*values)
    with latency_progress(setting.n_runs) as show:
        points = measure_latency(setting, show)
    print_latency(points, setting)
    if figure is not None:
        save_latency(points, setting, figure)
        print(f"figure saved as {figure}")
