"""The schemes over noise and over phase error, as table and figure."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.report.nmse_words import MARK, USELESS, marked_nmse
from sdr_ota.report.plots import house_style
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.schemes import built_in_schemes, load_scheme
from sdr_ota.study.comparison import (
    PHASE_ERRORS_RAD,
    PHASE_SWEEP_SNR_DB,
    SNRS_DB,
    Comparison,
    Point,
    Setting,
    vote_error,
)
from sdr_ota.study.study_files import StudyRecord, named_spread, spread_of

SOUNDING_GAP_S = 10e-3
"""Sounding to payload, for the axis that translates phase error to carrier offset."""

_MARKERS = dict(zip(built_in_schemes(), "osD^vPX", strict=False))


def print_comparison(comparison: Comparison) -> None:
    """Print a table over noise and one over phase error."""
    console = PrintableConsole(highlight=False)
    places = [f"{snr_db:g}" for snr_db in SNRS_DB]
    console.print(_table(comparison.over_snr, "SNR of a chip (dB)", places))
    degrees = [f"{np.degrees(error):.0f}" for error in PHASE_ERRORS_RAD]
    title = f"phase error (degrees) at {PHASE_SWEEP_SNR_DB:g} dB"
    console.print(_table(comparison.over_phase, title, degrees))


def comparison_drawing(comparison: Comparison) -> Figure:
    """Return the figure."""
    with house_style():
        return _figure(comparison.over_snr, comparison.over_phase, comparison.setting)


def comparison_record(comparison: Comparison) -> StudyRecord:
    """Return what `write_study` writes of it."""
    over = {"snr": comparison.over_snr, "phase": comparison.over_phase}
    rows = [
        {"over": name, **asdict(point), **named_spread(point.nmse_of_seeds_db)}
        for name, points in over.items()
        for point in points
    ]
    return StudyRecord("comparison", asdict(comparison.setting), rows)


def _table(points: Sequence[Point], title: str, places: Sequence[str]) -> Table:
    """Lay out NMSE in dB, measured / theory, one place of the sweep a line.

    Of several seeds the deviation stands beside what was measured.
    """
    n_seeds = max(len(p.nmse_of_seeds_db) for p in points)
    heading = f"NMSE of the sum in dB, measured / theory; {MARK} {USELESS}"
    several = f"{heading}\n± standard deviation over {n_seeds} seeds"
    table = Table(box=SIMPLE_HEAD, title=heading if n_seeds == 1 else several, padding=(0, 1, 0, 0))
    table.add_column(title, justify="right")
    columns = []
    for name in built_in_schemes():
        table.add_column(name, justify="right", no_wrap=True)
        here = [p for p in points if p.scheme == name]
        columns.append([_cell(p) for p in here])
    for place, *cells in zip(places, *columns, strict=True):
        table.add_row(place, *cells)
    return table


def _cell(point: Point) -> str:
    if len(point.nmse_of_seeds_db) < 2:
        return f"{marked_nmse(point.nmse_db)} / {point.theory_nmse_db:.1f}"
    std = spread_of(point.nmse_of_seeds_db).std  # without blanks: the table fits 80 columns
    return f"{marked_nmse(point.nmse_db)}±{std:.1f}/{point.theory_nmse_db:.1f}"


def _figure(over_snr: Sequence[Point], over_phase: Sequence[Point], setting: Setting) -> Figure:
    figure = Figure(figsize=(12, 3.8))
    left, middle, right = figure.subplots(1, 3)
    for name in built_in_schemes():
        here = [p for p in over_snr if p.scheme == name]
        _draw(left, name, [p.snr_db for p in here], here)
        here = [p for p in over_phase if p.scheme == name]
        _draw(middle, name, [float(np.degrees(p.phase_error_std_rad)) for p in here], here)
    left.set_xlabel("SNR of a chip (dB)")
    left.set_ylabel("NMSE of the sum (dB)")
    left.legend(fontsize=7, title="marker measured, line theory", title_fontsize=7)
    middle.set_xlabel(f"phase error, standard deviation (degrees), {PHASE_SWEEP_SNR_DB:g} dB")
    middle.set_xscale("log")
    per_hz = 360 * SOUNDING_GAP_S
    above = middle.secondary_xaxis("top", functions=(lambda d: d / per_hz, lambda f: f * per_hz))
    above.set_xlabel(f"or residual carrier offset (Hz) {SOUNDING_GAP_S * 1e3:g} ms after sounding")
    _draw_votes(right, over_snr, setting)
    left.set_title(f"{setting.n_nodes} nodes, {setting.n_chips} payload chips", fontsize=9)
    figure.tight_layout()
    return figure


def _draw(axes: Axes, name: str, places: list[float], points: list[Point]) -> None:
    line = axes.plot(places, [p.theory_nmse_db for p in points], linewidth=1)[0]
    measured = np.array([p.nmse_db for p in points])
    of_seeds = np.array([p.nmse_of_seeds_db or (p.nmse_db,) for p in points])
    axes.errorbar(
        places,
        measured,
        np.maximum([measured - of_seeds.min(axis=1), of_seeds.max(axis=1) - measured], 0),
        fmt=_MARKERS[name],
        color=line.get_color(),
        markersize=4,
        label=name,
    )


def _draw_votes(axes: Axes, points: Sequence[Point], setting: Setting) -> None:
    """Draw how often a majority of signs is decoded wrongly."""
    votes = [p for p in points if load_scheme(p.scheme).sign_only]
    for name in dict.fromkeys(p.scheme for p in votes):
        here = [p for p in votes if p.scheme == name]
        shares = np.array([p.sign_error for p in here])
        stds = np.sqrt(shares * (1 - shares) / (setting.n_trials * setting.n_seeds))
        axes.errorbar([p.snr_db for p in here], shares, 2 * stds, fmt="o", label=f"{name}, ±2 std")
    snrs = np.linspace(min(SNRS_DB), max(SNRS_DB), 40)
    theory = [vote_error(setting.n_nodes, float(s), setting.n_chips) for s in snrs]
    axes.plot(snrs, theory, color="0.3", label="fsk-vote, theory")
    axes.set_xlabel("SNR of a chip (dB)")
    axes.set_ylabel("probability of a wrong majority")
    axes.legend(fontsize=7)
