"""The figures of one run, or of several over each other; None where there is nothing to draw."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.report.named_run import NamedRun, flat_settings
from sdr_ota.report.plots import curve_style, joined_style, marker_style
from sdr_ota.rounds.clipping import HIGH_QUANTILE
from sdr_ota.rounds.round import RoundResult, sum_by_sum
from sdr_ota.runs.capture_view import capture_spectrum, payload_constellation
from sdr_ota.runs.captures import StoredCapture
from sdr_ota.runs.run_folder import RunRecord

N_WINDOWS = 20
"""Points of a curve that needs many rounds for one point."""

LEAST_WINDOW = 8
"""Rounds of a point at least: the mean square of fewer says little."""

MOST_VECTORS = 2000
"""Points that are drawn one by one; more of them become a picture, so that pages stay small."""

Curve = Sequence[tuple[int, float]]


def learning_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw the held-out score over the rounds, and the losses where they are told."""
    with_loss = any(_is_loss_told(named.run) for named in runs)
    with_score = any(named.run.evaluations for named in runs)
    if not with_loss and not with_score:
        return None
    figure = Figure(figsize=(4.2 if not with_loss else 8, 3.2))
    *left, right = figure.subplots(1, 1 + with_loss, squeeze=False)[0]
    for axes in left:
        _draw_losses(axes, runs)
    for place, named in enumerate(runs):
        evaluations = named.run.evaluations
        scores = [e.score for e in evaluations]
        style = {**joined_style(place), "markersize": 4}
        right.plot([e.rounds_done for e in evaluations], scores, label=named.name, **style)
    if not with_loss and len(runs) > 1:
        _legend(right, runs)
    right.set_xlabel("rounds done")
    right.set_ylabel(f"held-out {runs[0].run.start.get('score_name', 'accuracy')}")
    right.set_ylim(0, 1)
    figure.tight_layout()
    return figure


def _draw_losses(axes: Axes, runs: Sequence[NamedRun]) -> None:
    for place, named in enumerate(runs):
        _draw_loss(axes, named, place, alone=len(runs) == 1)
    axes.set_xlabel("round")
    axes.set_ylabel(_loss_label(runs[0].run))
    _legend(axes, runs)


def _draw_loss(axes: Axes, named: NamedRun, place: int, alone: bool) -> None:
    known = [(r.round, r.loss) for r in named.run.rounds if r.loss is not None]
    rounds, losses = [round_ for round_, _ in known], [loss for _, loss in known]
    if alone:
        axes.plot(rounds, losses, color="0.7", linewidth=0.8, label="every round")
    width = max(len(losses) // N_WINDOWS, 1)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid") if losses else losses
    label = f"mean of {width} rounds" if alone else named.name
    axes.plot(rounds[width - 1 :], smooth, label=label, **curve_style(place))
    if held_out := _held_out_losses(named.run):
        label = "held-out" if alone else f"{named.name}, held-out"
        style = {**marker_style(place), "markersize": 4}
        axes.plot(list(held_out), list(held_out.values()), label=label, **style)


def _is_loss_told(run: RunRecord) -> bool:
    return any(r.loss is not None for r in run.rounds) or bool(_held_out_losses(run))


def _held_out_losses(run: RunRecord) -> dict[int, float]:
    """Return held-out losses by rounds done; none beside training errors, another quantity."""
    if not _is_loss_made_small(run):
        return {}
    return {e.rounds_done: e.loss for e in run.evaluations if e.loss is not None}


def _loss_label(run: RunRecord) -> str:
    return "loss (nat)" if _is_loss_made_small(run) else "share of training errors"


def _is_loss_made_small(run: RunRecord) -> bool:
    return bool(flat_settings(run.start.get("config")).get("zo.objective", "loss") == "loss")


def nmse_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw the error of the decoded sum in windows of rounds, measured and by theory.

    Both are divided by the mean squared sum of the whole run: one reference for all windows.
    """
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    for place, named in enumerate(runs):
        good = judged_rounds(named.run)
        reference = float(np.mean([(r.true_sum or 0.0) ** 2 for r in good])) if good else 0.0
        if reference > 0:
            _draw_nmse(axes, good, reference, (named.name, place, len(runs) == 1))
    if not axes.has_data():
        return None
    axes.set_xlabel("round")
    axes.set_ylabel("error of the sum, NMSE (dB)")
    _legend(axes, runs)
    return figure


def _draw_nmse(
    axes: Axes, good: Sequence[RoundResult], reference: float, called: tuple[str, int, bool]
) -> None:
    name, place, alone = called
    error, theory = sum_errors(good)
    n_windows = min(N_WINDOWS, max(len(good) // LEAST_WINDOW, 1))
    windows = np.array_split(np.arange(len(good)), n_windows)
    middles = [float(np.mean([good[i].round for i in window])) for window in windows]
    means = np.array([np.mean(error[w] ** 2) for w in windows])
    spreads = np.array([np.std(error[w] ** 2) / np.sqrt(len(w)) for w in windows])
    expected = np.array([np.mean(theory[w] ** 2) for w in windows])
    relative = np.divide(spreads, means, out=np.zeros_like(means), where=means > 0)
    style = marker_style(place)
    axes.errorbar(
        middles,
        _decibels(means / reference),
        # To first order: the standard error of a mean, as a share of it, in decibels.
        2 * 10 / np.log(10) * relative,
        label="measured, ±2 standard errors" if alone else name,
        markersize=4,
        elinewidth=0.7,
        **style,
    )
    label = "theory" if alone else None
    axes.plot(middles, _decibels(expected / reference), label=label, **curve_style(place))


def sums_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw decoded against true sums, and errors beside what theory expects, a run a row."""
    drawn = [named for named in runs if judged_rounds(named.run)]
    if not drawn:
        return None
    figure = Figure(figsize=(8, 3.0 * len(drawn)))
    rows = figure.subplots(len(drawn), 2, squeeze=False)
    for (left, right), named in zip(rows, drawn, strict=True):
        good = judged_rounds(named.run)
        true, rounds = np.array([r.true_sum for r in good], float), [r.round for r in good]
        error, theory = sum_errors(good)
        points = {"markersize": 3, "color": "#0072b2", "rasterized": len(good) > MOST_VECTORS}
        left.plot(true, true + error, ".", **points)
        left.axline((0, 0), slope=1, color="0.3", linewidth=0.8, linestyle="--")
        left.set_xlabel("true sum of the symbols")
        left.set_ylabel("decoded sum")
        right.plot(rounds, error, ".", label="measured", **points)
        right.fill_between(
            rounds, -2 * theory, 2 * theory, color="0.5", alpha=0.3, label="theory, ±2 std"
        )
        right.set_xlabel("round")
        right.set_ylabel("error of the decoded sum")
        right.legend(fontsize=8)
        if len(runs) > 1:
            left.set_title(named.name, loc="left", fontsize=9)
    figure.tight_layout()
    return figure


def erasures_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw which rounds were lost, a reason a row."""
    lost = {
        (named.name, reason): [r.round for r in named.run.rounds if r.erasure == reason]
        for named in runs
        for reason in dict.fromkeys(r.erasure for r in named.run.rounds if r.erasure)
    }
    if not lost:
        return None
    figure = Figure(figsize=(8, 1.0 + 0.3 * len(lost)))
    axes = figure.subplots()
    axes.eventplot(list(lost.values()), colors="black", linelengths=0.6, linewidths=0.8)
    alone = len(runs) == 1
    labels = [reason if alone else f"{name}: {reason}" for name, reason in lost]
    counts = [len(rounds) for rounds in lost.values()]
    ticks = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True)]
    axes.set_yticks(range(len(lost)), ticks)
    axes.set_xlim(-0.5, max(len(named.run.rounds) for named in runs) - 0.5)
    axes.set_xlabel("round")
    axes.grid(visible=False)
    return figure


def carrier_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw residual carrier offset and phase of the lead node over the rounds."""
    figure = Figure(figsize=(8, 3.0))
    left, right = figure.subplots(1, 2)
    for place, named in enumerate(runs):
        good = [r for r in named.run.rounds if r.cfo_hz is not None]
        style = {**marker_style(place), "markersize": 3, "label": named.name}
        style["rasterized"] = len(good) > MOST_VECTORS
        left.plot([r.round for r in good], [r.cfo_hz for r in good], **style)
        turned = [(r.round, np.degrees(r.phase_rad)) for r in good if r.phase_rad is not None]
        right.plot([index for index, _ in turned], [phase for _, phase in turned], **style)
    if not any(line.get_xdata().size for line in left.get_lines()):
        return None
    left.set_xlabel("round")
    left.set_ylabel("residual carrier offset (Hz)")
    right.set_xlabel("round")
    right.set_ylabel("residual phase (degrees)")
    if len(runs) > 1:
        _legend(left, runs)
    figure.tight_layout()
    return figure


def capture_figure(captures: Sequence[tuple[str, StoredCapture]]) -> Figure | None:
    """Draw spectrum and aligned payload of a capture, a run a row.

    Args:
        captures: Each with the name of its run.
    """
    if not captures:
        return None
    figure = Figure(figsize=(8, 3.2 * len(captures)))
    rows = figure.subplots(len(captures), 2, squeeze=False)
    for (left, right), (name, stored) in zip(rows, captures, strict=True):
        freqs_hz, power_db = capture_spectrum(stored)
        left.plot(freqs_hz / 1e3, power_db, color="black", linewidth=0.8)
        left.set_xlabel("frequency from the carrier (kHz)")
        left.set_ylabel("power in a bin (dB full scale)")
        title = f"round {stored.result.round}"
        left.set_title(title if len(captures) == 1 else f"{name}, {title}", loc="left", fontsize=9)
        _draw_constellation(right, stored)
    figure.tight_layout()
    return figure


def _draw_constellation(axes: Axes, stored: StoredCapture) -> None:
    try:
        chips = payload_constellation(stored)
    except Erasure as lost:
        axes.set_title(f"no payload: {lost.reason}", loc="left", fontsize=9)
        return
    axes.plot(chips.real, chips.imag, ".", markersize=2, color="#0072b2", label="chips")
    true, decoded = stored.result.true_sum, stored.result.decoded_sum
    if stored.link.scheme.needs_phase and true is not None and decoded is not None:
        axes.plot([true], [0], "k+", markersize=14, label=f"true sum {true:.3f}")
        axes.plot([decoded], [0], "kx", markersize=9, label=f"decoded {decoded:.3f}")
        axes.legend(fontsize=7)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("in phase (symbols of 1)")
    axes.set_ylabel("quadrature (symbols of 1)")


def clipping_figure(runs: Sequence[NamedRun]) -> Figure | None:
    """Draw the scalars' magnitudes over their limit in windows of rounds: median and 95 %."""
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    for place, named in enumerate(runs):
        told = [r for r in named.run.rounds if r.unclipped_symbols]
        if not told:
            continue
        windows = np.array_split(np.arange(len(told)), min(N_WINDOWS, len(told)))
        middles = [float(np.mean([told[i].round for i in window])) for window in windows]
        scalars = [np.concatenate([told[i].unclipped_symbols or () for i in w]) for w in windows]
        half, most = np.array([np.quantile(np.abs(s), (0.5, HIGH_QUANTILE)) for s in scalars]).T
        style = curve_style(place)
        axes.plot(middles, most, label=f"{named.name}: 95 % below", **style)
        axes.plot(middles, half, label="half below", **{**style, "alpha": 0.5})
    if not axes.has_data():
        return None
    axes.axhline(1.0, color="0.3", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("round")
    axes.set_ylabel("magnitude of a scalar over the limit")
    _legend(axes, runs)
    return figure


def privacy_figure(curves: Sequence[tuple[str, float, Curve]]) -> Figure | None:
    """Draw epsilon spent over the rounds.

    Args:
        curves: Name of a run, the epsilon it promised, and (rounds paid for, epsilon spent).
    """
    if not curves:
        return None
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    for place, (name, promised, curve) in enumerate(curves):
        axes.plot(*zip(*curve, strict=True), label=f"{name}: spent", **curve_style(place))
        axes.axhline(promised, color=curve_style(place)["color"], linewidth=0.7, alpha=0.6)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("bursts of a node paid for")
    axes.set_ylabel("epsilon (thin line: promised)")
    axes.legend(fontsize=8)
    return figure


def judged_rounds(run: RunRecord) -> list[RoundResult]:
    """Return each sum that was decoded and is known as a round's: private nodes keep theirs."""
    decoded = (r for r in run.rounds if r.erasure is None and r.decoded_sum is not None)
    return [r for r in sum_by_sum(decoded) if r.true_sum is not None]


def sum_errors(good: Sequence[RoundResult]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the error of each decoded sum, and the root mean square error by theory."""
    error = np.array([(r.decoded_sum or 0.0) - (r.true_sum or 0.0) for r in good])
    return error, np.sqrt([r.theory_error or 0.0 for r in good])


def _legend(axes: Axes, runs: Sequence[NamedRun]) -> None:
    """Say what is what: inside for one run, above for several with their longer names."""
    if len(runs) == 1:
        axes.legend(fontsize=8)
    else:
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.01), frameon=False)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return decibels; what is zero is not drawn."""
    return 10 * np.log10(np.where(power > 0, power, np.nan))
