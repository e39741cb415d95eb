"""`sdr-ota dataset`: labelled captures of simulated rounds."""

from pathlib import Path

from sdr_ota.study.dataset.writer import Grid, make_dataset


def dataset_command(root: Path, grid: Grid) -> None:
    """Make a data set, or what is missing of it."""
    n_captures = make_dataset(root, grid)
    print(f"{n_captures} captures in {root}; begin with {root / 'README.md'}")
