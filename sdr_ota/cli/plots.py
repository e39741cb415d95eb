"""The plots of a run, saved beside its records."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from sdr_ota.records import RunRecord

mpl.use("Agg")

_STYLE: dict[str, Any] = {"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 150}


def house_style() -> AbstractContextManager[None]:
    """Return a context in which all figures of this project look alike."""
    return mpl.rc_context(rc=_STYLE)  # type: ignore[arg-type]


def save_plots(run: RunRecord) -> list[Path]:
    """Save the plots that this run has data for.

    Returns:
        The files, in the run folder's ``plots``.
    """
    folder = run.folder / "plots"
    folder.mkdir(exist_ok=True)
    with house_style():
        figures = {"learning": _learning(run), "sums": _sums(run)}
        paths = []
        for name, figure in figures.items():
            path = folder / f"{name}.png"
            figure.savefig(path, bbox_inches="tight")
            paths.append(path)
    return paths


def _learning(run: RunRecord) -> Figure:
    """Draw training loss and held-out score over the rounds."""
    score_name = f"held-out {run.start.get('score_name', 'accuracy')}"
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    rounds = [r.round for r in run.rounds if r.loss is not None]
    losses = [r.loss for r in run.rounds if r.loss is not None]
    axes.plot(rounds, losses, color="0.7", linewidth=0.8, label="training loss")
    width = max(len(losses) // 20, 1)
    if len(losses) > 2 * width:
        smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
        axes.plot(rounds[width - 1 :], smooth, color="0.3", label=f"mean of {width} rounds")
    axes.set_xlabel("round")
    axes.set_ylabel("training loss (nat)")
    handles = axes.get_lines()
    if run.evaluations:
        right = axes.twinx()
        right.grid(visible=False)
        handles += right.plot(
            [e.rounds_done for e in run.evaluations],
            [e.score for e in run.evaluations],
            "o-",
            color="C0",
            markersize=4,
            label=score_name,
        )
        right.set_ylim(0, 1)
        right.set_ylabel(score_name)
    axes.legend(handles=handles, loc="best")
    return figure


def _sums(run: RunRecord) -> Figure:
    """Draw decoded against true sums, and the error against what theory expects."""
    good = [r for r in run.rounds if r.erasure is None]
    true = np.array([r.true_sum for r in good], float)
    error = np.array([r.decoded_sum for r in good], float) - true
    theory = np.sqrt(np.array([r.theory_error for r in good], float))
    figure = Figure(figsize=(8, 3.2))
    left, right = figure.subplots(1, 2)
    left.plot(true, true + error, ".", markersize=3)
    left.axline((0, 0), slope=1, color="0.5", linewidth=0.8)
    left.set_xlabel("true sum of the symbols")
    left.set_ylabel("decoded sum")
    rounds = [r.round for r in good]
    right.plot(rounds, error, ".", markersize=3, label="measured")
    right.fill_between(
        rounds, -2 * theory, 2 * theory, color="0.5", alpha=0.3, label="theory, ±2 std"
    )
    right.set_xlabel("round")
    right.set_ylabel("error of the decoded sum")
    right.legend(loc="best")
    figure.tight_layout()
    return figure
