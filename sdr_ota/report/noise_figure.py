"""The noise of a private run over its rounds, as a figure."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdr_ota.report.plots import house_style, save_figure


@dataclass(frozen=True)
class Noise:
    """Standard deviations of noise, one a round, in clip levels.

    Attributes:
        of_client: What each client adds.
        of_mean: What is on the mean scalar.
    """

    of_client: NDArray[np.float64]
    of_mean: NDArray[np.float64]


def save_noise_figure(path: Path, noise: Noise | None, width_in: float | None = None) -> str:
    """Draw the noise of a run, if there is any.

    Args:
        path: Of the figure.
        noise: Of the run; None without a promise.
        width_in: Of the figure, in inches; None for its own.

    Returns:
        Where the figure is, or why there is none.

    Raises:
        CommandFailed: If it cannot be written, or not in the format of its name.
    """
    if noise is None:
        return "not drawn: it shows the noise of a promise"
    with house_style():
        save_figure(_drawn(noise), path, width_in)
    return str(path)


def _drawn(noise: Noise) -> Figure:
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    rounds = np.arange(len(noise.of_mean))
    for name, values, style in (
        ("each client adds", noise.of_client, "--"),
        ("on the mean scalar", noise.of_mean, "-"),
    ):
        axes.semilogy(rounds, values, style, color="0.2", label=name)
    axes.axhline(1.0, color="0.6", linewidth=0.8)
    axes.set_xlabel("round")
    axes.set_ylabel("noise std (clip levels)")
    axes.legend()
    return figure
