"""`sdr-ota plan`: what a run would send and promise, before anything is sent."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import OrDemo, Settings, Width

Figure = Annotated[
    Path | None, typer.Option(help="Save the noise schedule as a figure (png, pdf, svg).")
]


def plan(
    experiment: OrDemo = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    figure: Figure = None,
    width: Width = None,
) -> None:
    """Show what a run would send and promise; send nothing.

    Air time in s, bandwidth in Hz, peak level in dBFS, noise in units of the clip,
    epsilon for every trust model. Opens no radio and loads no model.
    """
    from sdr_ota.assembly.plan import plan_run
    from sdr_ota.cli.terminal import print_pairs
    from sdr_ota.report.noise_figure import save_noise_figure

    planned = plan_run(experiment, settings)
    saved = figure and save_noise_figure(figure, planned.noise, width)
    drawn = [("figure", saved)] if saved else []
    warnings = [("warning", text) for text in planned.warnings]
    print_pairs([*planned.rows, *drawn, *warnings], "plan; nothing is sent")
