"""Figures of a sweep: every result over every swept key, one curve for each of the other keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from sdr_ota.report.html_page import Figure
from sdr_ota.report.plots import curve_style, house_style, marker_style
from sdr_ota.study.sweep.means import mean_and_std
from sdr_ota.study.sweep.results import CURVE, SEED, USUAL, Result, Row, Value, shown_of

NAMES = {"clients.count": "clients", "run.rounds": "rounds", "link.scheme": "scheme"}
"""Keys that say too little without their table."""

UNITS = {"db": "dB", "hz": "Hz", "s": "s", "dbm": "dBm", "ppm": "ppm"}


def sweep_figures(
    rows: Sequence[Row],
    keys: Sequence[str],
    axis: str | None = None,
    results: Sequence[Result] = USUAL,
) -> list[Figure]:
    """Draw all results that the rows have over the axis, or over every key with several values.

    Args:
        rows: Of the table.
        keys: What tells the points apart; seeds are averaged over.
        axis: Column over which to draw, if the file names one. A curve that has one place on it,
            where others have several, is then drawn across: it stands for all of them.
        results: What to draw.
    """
    keys = [k for k in keys if k != SEED and len(_levels(rows, k)) > 1]
    if axis is not None:
        axes = [Axis(axis, _levels(rows, axis), is_named=True)]
    else:
        axes = sorted((Axis(k, _levels(rows, k)) for k in keys), key=lambda one: not one.is_numeric)
    with house_style():
        return [
            _figure(rows, one, _other_keys(rows, one.key, keys), result)
            for one in axes
            for result in shown_of(results, rows)
        ]


def _other_keys(rows: Sequence[Row], axis: str, keys: Sequence[str]) -> list[str]:
    """Return the keys by which curves differ: not those that go with the place on the axis."""
    curves = [[r for r in rows if r.get(CURVE) == curve] for curve in _levels(rows, CURVE)]
    along = curves or [list(rows)]
    return [
        key
        for key in keys
        if key == CURVE or not all(_go_together(own, axis, key) for own in along)
    ]


def _go_together(rows: Sequence[Row], one: str, other: str) -> bool:
    """Return whether each value of a column goes with one value of the other, and the reverse."""
    pairs = {(row.get(one), row.get(other)) for row in rows}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@dataclass(frozen=True)
class Axis:
    """A swept key as the horizontal axis of a figure.

    Attributes:
        key: What is swept, or another column.
        levels: Its values, numbers in order.
        is_named: Whether the file asks for it.
    """

    key: str
    levels: Sequence[Value]
    is_named: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether the values lie on a line, so that points may be joined."""
        return all(isinstance(level, int | float) for level in self.levels)

    @property
    def places(self) -> list[float]:
        """Where the values lie."""
        if self.is_numeric:
            return [float(level or 0) for level in self.levels]
        return [*range(len(self.levels))]


def _figure(rows: Sequence[Row], axis: Axis, others: Sequence[str], result: Result) -> Figure:
    drawing = Drawing(figsize=(6, 3.4))
    axes = drawing.subplots()
    groups = dict.fromkeys(tuple(row.get(k) for k in others) for row in rows)
    has_across = False
    for index, group in enumerate(groups):
        here = [row for row in rows if tuple(row.get(k) for k in others) == group]
        called = (_legend(others, group) or "measured", index)
        own = replace(axis, levels=_levels(here, axis.key)) if axis.is_numeric else axis
        if axis.is_named and len(own.levels) < min(2, len(axis.levels)):
            _draw_across(axes, here, result, called)
            has_across = True
        else:
            columns = [[row for row in here if row.get(axis.key) == level] for level in own.levels]
            _draw(axes, own, columns, result, called)
    if not axis.is_numeric:
        axes.set_xticks(axis.places, [str(level) for level in axis.levels])
    axes.set_xlabel(axis_label(axis.key))
    axes.set_ylabel(result.label)
    if result.is_share:
        axes.set_ylim(-0.02, 1.02)
    if others or result.expected:
        axes.legend(fontsize=7)
    name = f"{result.column}-over-{axis.key.replace('.', '-')}"
    return Figure(_caption(rows, axis, others, result, has_across), drawing, name)


def _caption(
    rows: Sequence[Row], axis: Axis, others: Sequence[str], result: Result, has_across: bool
) -> str:
    caption = f"{_capital(result.label)} over {axis_label(axis.key)}."
    if _has_repeats(rows, keys=[axis.key, *others]):
        caption += " Points are means over repeats, bars one standard deviation either way."
    if has_across:
        caption += " A curve without places of its own is drawn across, its deviation as a band."
    if result.expected and axis.is_numeric:
        caption += " Lines without marks are what theory expects."
    elif result.expected:
        caption += " Dashes beside the marks are what theory expects."
    return caption


def _draw(
    axes: Axes,
    axis: Axis,
    columns: Sequence[Sequence[Row]],
    result: Result,
    called: tuple[str, int],
) -> None:
    """Draw one curve: means of repeats at every place, with their deviation."""
    name, index = called
    means, stds = zip(*(mean_and_std(own, result.column) for own in columns), strict=True)
    marks = marker_style(index)
    if result.expected:
        expected = [mean_and_std(own, result.expected)[0] for own in columns]
        dashes = {**marks, "marker": "_", "markersize": 14}
        axes.plot(axis.places, expected, linewidth=1, **_joined(axis, index, dashes))
    else:
        marks = _joined(axis, index, marks)
    axes.errorbar(axis.places, means, stds, label=name, **{"markersize": 4, "capsize": 2, **marks})


def _draw_across(axes: Axes, rows: Sequence[Row], result: Result, called: tuple[str, int]) -> None:
    """Draw the mean of all repeats as a line across, with their deviation as a band."""
    name, index = called
    mean, std = mean_and_std(rows, result.column)
    style = curve_style(index)
    axes.axhline(mean, label=name, linewidth=1, **style)
    axes.axhspan(mean - std, mean + std, color=style["color"], alpha=0.12, linewidth=0)


def _joined(axis: Axis, index: int, marks: dict[str, Any]) -> dict[str, Any]:
    """Return how a curve is drawn: joined where its places lie on a line."""
    if not axis.is_numeric:
        return marks
    return {**curve_style(index), "marker": "" if marks["marker"] == "_" else marks["marker"]}


def _levels(rows: Iterable[Row], key: str) -> list[Value]:
    """Return the values of a key, numbers in order."""
    levels = list(dict.fromkeys(row[key] for row in rows if row.get(key) is not None))
    if all(isinstance(level, int | float) for level in levels):
        return sorted(levels, key=lambda level: float(level or 0))
    return levels


def _has_repeats(rows: Sequence[Row], keys: Sequence[str]) -> bool:
    places = [tuple(row.get(k) for k in keys) for row in rows]
    return len(set(places)) < len(places)


def axis_label(key: str) -> str:
    """Return a key as an axis says it, with the unit that stands in its name."""
    name, unit = _name_and_unit(key)
    return f"{name} ({unit})" if unit else name


def _name_and_unit(key: str) -> tuple[str, str]:
    if key in NAMES:
        return NAMES[key], ""
    words = key.rpartition(".")[2].split("_")
    unit = UNITS.get(words[-1], "") if len(words) > 1 else ""
    name = " ".join(words[:-1] if unit else words)
    return name.replace("snr", "SNR"), unit


def _legend(others: Sequence[str], group: Sequence[Value]) -> str:
    return ", ".join(_said(key, value) for key, value in zip(others, group, strict=True))


def _said(key: str, value: Value) -> str:
    """Return a setting as a legend says it: a word alone, a number with name and unit."""
    if isinstance(value, str):
        return value
    name, unit = _name_and_unit(key)
    return f"{name} {'–' if value is None else value} {unit}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
