"""The schemes over the time from sounding to payload, as table and figure."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sdr_ota.report.nmse_words import MARK, USELESS, marked_nmse
from sdr_ota.report.plots import curve_style, house_style, marker_style
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.study.latency import GENIE_SCHEME, LatencyPoint, LatencySetting, Show
from sdr_ota.study.study_files import StudyRecord, named_spread, spread_of

log = PrintableConsole(stderr=True, highlight=False, markup=False)

_NONE = "–"


@contextmanager
def latency_progress(n_runs: int) -> Iterator[Show]:
    """Open a bar on a terminal; elsewhere nothing is shown until the end.

    Args:
        n_runs: Runs in all.
    """
    with Progress(
        TextColumn("runs"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=log,
        disable=not log.is_terminal,
    ) as progress:
        bar = progress.add_task("runs", total=n_runs)
        yield lambda: progress.advance(bar)


def print_latency(points: Sequence[LatencyPoint], setting: LatencySetting) -> None:
    """Print a row a scheme and latency."""
    PrintableConsole(highlight=False).print(latency_table(points, setting))


def latency_table(points: Sequence[LatencyPoint], setting: LatencySetting) -> Table:
    """Lay out NMSE in dB over the latency in ms; it fits 80 columns.

    The range is that of the worlds, each by itself.
    """
    what = f"NMSE of the sum in dB ({MARK} {USELESS}) and its range over worlds"
    title = f"{what}\nlatency, and gap from sounding to payload, in ms\n{_conditions(setting)}"
    table = Table(box=SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("scheme", no_wrap=True)
    headings = ("latency", "gap", "measured", "range", "theory", "genie", "erased")
    for heading in headings:
        table.add_column(heading, justify="right")
    previous = ""
    for point in points:
        if previous not in {"", point.scheme}:
            table.add_section()
        table.add_row(point.scheme if point.scheme != previous else "", *_cells(point))
        previous = point.scheme
    return table


def latency_record(points: Sequence[LatencyPoint], setting: LatencySetting) -> StudyRecord:
    """Return what `write_study` writes of the points."""
    rows = [{**asdict(p), **named_spread(p.nmse_of_worlds_db)} for p in points]
    return StudyRecord("latency", asdict(setting), rows)


def latency_drawing(points: Sequence[LatencyPoint], setting: LatencySetting) -> Figure:
    """Return the figure."""
    with house_style():
        return _drawing(points, setting)


def _drawing(points: Sequence[LatencyPoint], setting: LatencySetting) -> Figure:
    figure = Figure(figsize=(9, 3.6))
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    for index, name in enumerate(setting.schemes):
        here = [p for p in points if p.scheme == name]
        known = [p for p in here if not math.isnan(p.nmse_db)]
        gaps_s = [p.gap_s for p in known]
        left.plot(gaps_s, [p.nmse_db for p in known], label=name, **marker_style(index + 1))
        spreads = [spread_of(p.nmse_of_worlds_db or (p.nmse_db,)) for p in known]
        left.vlines(
            gaps_s, [s.least for s in spreads], [s.most for s in spreads],
            color=marker_style(index + 1)["color"], linewidth=0.7,
        )  # fmt: skip
        theory = [p.theory_nmse_db for p in known]
        left.plot(gaps_s, theory, linewidth=1, **curve_style(index + 1))
        if name == GENIE_SCHEME:
            genie = [p.genie_nmse_db for p in known]
            left.plot(gaps_s, genie, label=f"{name}, genie bound", **curve_style(0))
        shares = [100 * p.erased_share for p in here]
        right.plot([p.latency_s for p in here], shares, **marker_style(index + 1))
    _label(left, "time from sounding to payload (s)", "NMSE of the sum (dB)")
    left.legend(fontsize=7, title="marker measured, line theory", title_fontsize=7)
    left.set_title(_conditions(setting), fontsize=9, loc="left")
    _label(right, "of it latency: message and lead (s)", "rounds erased (%)")
    right.set_ylim(-3, 103)
    figure.tight_layout()
    return figure


def _label(axes: Axes, below: str, beside: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(below)
    axes.set_ylabel(beside)


def _conditions(setting: LatencySetting) -> str:
    last = setting.seed + setting.n_worlds - 1
    seeds = f"seed {last}" if setting.n_worlds == 1 else f"seeds {setting.seed} to {last}"
    return f"{setting.preset}, {setting.n_nodes} nodes, {setting.n_rounds} rounds, {seeds}"


def _cells(point: LatencyPoint) -> tuple[str, ...]:
    return (
        f"{1e3 * point.latency_s:g}",
        _number(1e3 * point.gap_s),
        _NONE if math.isnan(point.nmse_db) else marked_nmse(point.nmse_db),
        _range(point.nmse_of_worlds_db),
        _number(point.theory_nmse_db),
        _number(point.genie_nmse_db),
        f"{point.erased_share:.0%}",
    )


def _range(values: Sequence[float]) -> str:
    spread = spread_of(values)
    return _NONE if math.isnan(spread.std) else f"{spread.least:.0f}…{spread.most:.0f}"


def _number(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.1f}"
