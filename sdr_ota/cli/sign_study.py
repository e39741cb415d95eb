"""`sdr-ota sign-study`: how often a batch's slope has the wrong sign, over finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import Width

Folders = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders with a model.")]
Every = Annotated[
    int | None, typer.Option(min=1, help="Rounds between two points of a run; else start and end.")
]
Directions = Annotated[int, typer.Option(min=1, max=10_000, help="Directions at each point.")]
Batches = Annotated[int, typer.Option(min=10, max=1_000_000, help="Batches drawn for each.")]
Batch = Annotated[int, typer.Option(min=1, help="Examples in a batch.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the batches.")]
Output = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="New folder for figure, CSV and JSON.")
]


def sign_study(  # noqa: PLR0913, PLR0917 - each is an option
    folders: Folders,
    every: Every = None,
    directions: Directions = 40,
    batches: Batches = 10_000,
    batch: Batch = 64,
    seed: Seed = 0,
    output: Output = None,
    width: Width = None,
) -> None:
    """Count how often a batch's slope has another sign than that of all training examples.

    The sign-reversal study of the paper (arXiv 2604.12401, VII-D.1): replays each run's journal,
    and at several points of it probes all training examples along random directions, seeds 0,
    1, ...; batches are drawn from their slopes. Prints the shares, and the largest for
    privacy.sign_error; --output has a figure of densities and slopes, and all numbers.
    """
    from sdr_ota.study.sign_reversal import SignSetting
    from sdr_ota.study.sign_study import study_signs

    setting = SignSetting(directions, batches, batch, seed)
    study_signs(folders, every, setting, output, width)
    if output is not None:
        print(f"figure, CSV and JSON are in {output}")
