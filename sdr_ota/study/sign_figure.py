"""The sign-reversal study as a table and as the paper's four figures of it."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.report.plots import curve_style, house_style, marker_style
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.study.sign_reversal import SignReversal, SignSetting, largest_error
from sdr_ota.study.study_files import StudyRecord

BINS = 20


def print_signs(found: Sequence[SignReversal], setting: SignSetting) -> None:
    """Print a row for every point of a run, and what a sign schedule should be told."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"share of batches of {setting.batch} with the wrong sign of the slope;\n"
        f"{setting.n_directions} directions, {setting.n_batches:,} batches each",
    )
    table.add_column("run", overflow="fold")
    for heading in ("rounds", "median", "largest", "slope there", "slopes, rms", "theory off by"):
        table.add_column(heading, justify="right")
    for one in found:
        off = float(np.abs(one.reversed_share - one.normal_share).max())
        table.add_row(
            one.run,
            str(one.rounds_done),
            f"{np.median(one.reversed_share):.4f}",
            f"{one.reversed_share.max():.4f}",
            f"{abs(one.projection[one.worst]):.4g}",
            f"{np.sqrt(np.mean(one.projection**2)):.4g}",
            f"{off:.4f}",
        )
    console = PrintableConsole(highlight=False)
    console.print(table)
    console.print(
        f"largest share seen: {largest_error(found):.4f}; privacy.sign_error should be no less"
    )


def sign_record(found: Sequence[SignReversal], setting: SignSetting) -> StudyRecord:
    """Return what `write_study` writes: a row for each direction at each point."""
    rows = [
        {
            "run": one.run,
            "rounds_done": one.rounds_done,
            "direction_seed": seed,
            "projection": float(one.projection[seed]),
            "batch_std": float(one.batch_projections[seed].std()),
            "reversed_share": float(one.reversed_share[seed]),
            "normal_share": float(one.normal_share[seed]),
        }
        for one in found
        for seed in range(len(one.projection))
    ]
    return StudyRecord("signs", asdict(setting), rows)


def sign_drawing(found: Sequence[SignReversal]) -> Figure:
    """Return the figure: density of the shares, shares over slopes, and the batches' slopes.

    Points of several runs after equally many rounds are drawn together.
    """
    with house_style():
        figure = Figure(figsize=(10, 6.4))
        (density, over), (batches, everything) = figure.subplots(2, 2)
        moments = sorted({one.rounds_done for one in found})
        for index, moment in enumerate(moments):
            here = [one for one in found if one.rounds_done == moment]
            _draw_moment((density, over), here, f"after {moment} rounds", index)
        _label(density, "share of batches with the wrong sign", "density")
        _label(over, "slope of all examples", "share of batches with the wrong sign")
        _draw_worst(batches, max(found, key=lambda one: float(one.reversed_share.max())))
        slopes = np.concatenate([one.batch_projections.ravel() for one in found])
        everything.hist(slopes, bins=5 * BINS, density=True, color="0.6")
        _label(everything, "slope of a batch, all directions and points", "density")
        density.legend(fontsize=7)
        figure.tight_layout()
        return figure


def _draw_moment(
    panels: tuple[Axes, Axes], found: Sequence[SignReversal], name: str, index: int
) -> None:
    """Draw the density of the shares at one point of the runs, and each over its slope."""
    shares = np.concatenate([one.reversed_share for one in found])
    slopes = np.concatenate([one.projection for one in found])
    edges = np.linspace(0, 0.5, BINS + 1)
    heights, _ = np.histogram(np.minimum(shares, 0.5), edges, density=True)
    panels[0].stairs(heights, edges, label=name, **curve_style(index))
    panels[1].plot(slopes, shares, label=name, **{**marker_style(index), "markersize": 3})


def _draw_worst(axes: Axes, one: SignReversal) -> None:
    """Draw the slopes of batches along the direction that is wrong most often."""
    axes.hist(one.batch_projections[one.worst], bins=2 * BINS, density=True, color="0.6")
    axes.axvline(one.projection[one.worst], label="all examples", **curve_style(2))
    axes.axvline(0, linewidth=0.8, color="0.2")
    share, name = float(one.reversed_share.max()), f"slope of a batch, direction {one.worst}"
    _label(axes, f"{name}: {share:.4f} wrong, after {one.rounds_done} rounds", "density")
    axes.legend(fontsize=7)


def _label(axes: Axes, below: str, beside: str) -> None:
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
