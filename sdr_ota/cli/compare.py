"""`sdr-ota compare`: the schemes over noise and over phase error, as table and figure."""

from pathlib import Path
from typing import Annotated

import typer

Nodes = Annotated[int, typer.Option(min=1, max=1000, help="Nodes that send together.")]
Chips = Annotated[int, typer.Option(min=32, help="Payload chips of every scheme.")]
Trials = Annotated[int, typer.Option(min=10, help="Sums decoded for each point.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Figure = Annotated[Path | None, typer.Option(help="Save the figure here (png, pdf, svg).")]


def compare(
    nodes: Nodes = 5,
    chips: Chips = 512,
    trials: Trials = 400,
    seed: Seed = 1,
    figure: Figure = Path("compare.png"),
) -> None:
    """Compare all schemes, measured and by theory.

    Prints their errors over noise and over phase error, and draws them.
    """
    from sdr_ota.study.comparison import Setting, compare_schemes
    from sdr_ota.study.comparison_figure import print_comparison, save_comparison

    comparison = compare_schemes(Setting(nodes, chips, trials, seed))
    print_comparison(comparison)
    if figure is not None:
        save_comparison(comparison, figure)
        print(f"figure saved as {figure}")
