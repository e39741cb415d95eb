"""Table and figure of privacy.md from a sweep's table: python docs/accuracy_over_epsilon.py TABLE.

The sweeps are `examples/accuracy-over-epsilon.toml` and its SST-2 form. A curve is called "scheme,
whose noise": curves of one scheme share a panel, in which runs without a promise are drawn across.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure

from sdr_ota.report.plots import house_style, joined_style
from sdr_ota.study.sweep.means import mean_and_std

EPSILON, SCORE, NO_PROMISE = "privacy.epsilon", "score_after", "no promise"

Run = dict[str, str | float | None]
Curves = dict[str, list[Run]]


def main() -> None:
    """Print the table and write the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("table", type=Path, help="table.csv of the sweep")
    parser.add_argument("--figure", type=Path, help="file to draw into")
    options = parser.parse_args()
    schemes = schemes_of(done_runs(options.table))
    print("\n".join(table_lines(schemes)))
    if options.figure:
        with house_style():
            drawing = figure(schemes)
            drawing.savefig(options.figure, bbox_inches="tight", metadata={"Date": None})


def done_runs(path: Path) -> list[Run]:
    """Return the runs of a table that are done, with epsilon and score as numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ending"] == "done"]
    return [row | {key: _number(row[key]) for key in (EPSILON, SCORE)} for row in rows]


def _number(text: str) -> float | None:
    return float(text) if text else None


def schemes_of(runs: Sequence[Run]) -> dict[str, Curves]:
    """Return the runs by scheme and by whose noise hides them, in the order of the table."""
    schemes: dict[str, Curves] = {}
    for run in runs:
        scheme, _, noise = str(run["curve"]).partition(", ")
        schemes.setdefault(scheme, {}).setdefault(noise, []).append(run)
    return schemes


def epsilons(runs: Sequence[Run]) -> list[float]:
    """Return the budgets of runs, in order."""
    return sorted({float(run[EPSILON]) for run in runs if run[EPSILON] is not None})


def table_lines(schemes: dict[str, Curves]) -> list[str]:
    """Return a Markdown table: a line a curve, a column a budget, runs without one at the end."""
    every = epsilons([run for curves in schemes.values() for own in curves.values() for run in own])
    heads = ["curve", *(f"ε = {epsilon:g}" for epsilon in every), NO_PROMISE]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for scheme, curves in schemes.items():
        free = _cell(curves.get(NO_PROMISE, []))
        for noise, own in curves.items():
            if noise != NO_PROMISE:
                cells = [_cell([run for run in own if run[EPSILON] == one]) for one in every]
                lines.append(f"| {' | '.join([f'{scheme}, {noise}', *cells, free])} |")
    return lines


def _cell(runs: Sequence[Run]) -> str:
    mean, std = mean_and_std(runs, SCORE)
    deviation = f" ± {std:.3f}" if len(runs) > 1 else ""
    return f"{mean:.3f}{deviation} ({len(runs)})" if runs else "–"


def figure(schemes: dict[str, Curves]) -> Figure:
    """Draw the score over epsilon, a panel a scheme: mean and deviation over seeds."""
    drawing = Figure(figsize=(2.2 * len(schemes) + 0.6, 3.1), layout="constrained")
    panels = drawing.subplots(1, len(schemes), sharey=True, squeeze=False)[0]
    noises = list(dict.fromkeys(noise for curves in schemes.values() for noise in curves))
    shown = {}
    for axes, (scheme, curves) in zip(panels, schemes.items(), strict=True):
        for noise, own in curves.items():
            shown[noise] = _draw(axes, own, noises.index(noise))
        axes.set_xscale("log", base=2)
        every = epsilons([run for own in curves.values() for run in own])
        axes.set_xticks(every, [f"{epsilon:g}" for epsilon in every])
        axes.set_title(scheme, fontsize=9)
        axes.set_xlabel("epsilon")
    panels[0].set_ylabel("held-out accuracy after the run")
    handles = [shown[noise] for noise in noises]
    drawing.legend(handles, noises, loc="outside lower center", ncols=3, fontsize=7)
    return drawing


def _draw(axes: Axes, runs: Sequence[Run], index: int) -> Artist | Container:
    """Draw a curve over its budgets; across, as a band, where it has none."""
    places = epsilons(runs)
    if not places:
        mean, std = mean_and_std(runs, SCORE)
        axes.axhspan(mean - std, mean + std, color="black", alpha=0.12, linewidth=0)
        return axes.axhline(mean, color="black", linewidth=1)
    columns = [[run for run in runs if run[EPSILON] == place] for place in places]
    means, stds = np.transpose([mean_and_std(own, SCORE) for own in columns])
    return axes.errorbar(places, means, stds, markersize=4, capsize=2, **joined_style(index))


if __name__ == "__main__":
    main()
