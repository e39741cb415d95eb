"""`sdr-ota dataset`: labelled captures of simulated rounds."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import Seed, Settings

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="New, or begun before.")]
Presets = Annotated[
    list[str], typer.Option(help="A simulated air; repeat for more; `presets` lists them.")
]
Schemes = Annotated[
    list[str], typer.Option(help="How symbols are added; repeat for more; all if not given.")
]
Nodes = Annotated[int, typer.Option(min=1, max=100, help="K goes from 1 to this.")]
Snrs = Annotated[
    list[float], typer.Option(help="SNR of one full-scale node in dB; repeat for more.")
]
Count = Annotated[int, typer.Option(min=1, help="Of each combination.")]
Predictions = Annotated[
    int, typer.Option(min=0, help="Of the tracker, in each world of the second part; 0 for none.")
]


def dataset(  # noqa: PLR0913, PLR0917 - a command's options
    folder: Folder,
    preset: Presets = ["lab-wired", "lab-indoor", "free-running-pluto", "harsh"],  # noqa: B006
    scheme: Schemes = [],  # noqa: B006
    nodes: Nodes = 10,
    snr_db: Snrs = [10.0, 20.0, 30.0],  # noqa: B006
    captures_per_setting: Count = 4,
    predictions: Predictions = 12,
    seed: Seed = 1,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Make a data set of superposed bursts with their true sums.

    SigMF recordings of payloads and soundings of 1 to K nodes in three splits, an index, a
    data card with loaders, what our own receiver gets from it beside theory, the errors of our
    tracker after 1 ms to 1 s, and checksums. Broken off, the same command goes on.
    """
    from sdr_ota.schemes import built_in_schemes
    from sdr_ota.study.dataset.writer import Grid, make_dataset

    airs, schemes, snrs_db = tuple(preset), tuple(scheme) or built_in_schemes(), tuple(snr_db)
    grid = Grid(
        airs, schemes, nodes, snrs_db, captures_per_setting, seed, tuple(settings), predictions
    )
    n_captures = make_dataset(folder, grid)
    print(f"{n_captures} captures in {folder}; begin with {folder / 'README.md'}")
