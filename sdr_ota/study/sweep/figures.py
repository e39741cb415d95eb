"""Figures of a sweep: every result over every swept key, one curve for each of the other keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from sdr_ota.report.html_page import Figure
from sdr_ota.report.plots import curve_style, house_style, marker_style
from sdr_ota.study.sweep.plan import SEED
from sdr_ota.study.sweep.table import Row, Value


@dataclass(frozen=True)
class Result:
    """A column that is drawn.

    Attributes:
        column: Of the table.
        label: Of the axis, with the unit.
        expected: Column of what theory expects of it; empty if there is none.
        is_share: Whether it lies between 0 and 1.
    """

    column: str
    label: str
    expected: str = ""
    is_share: bool = False


RESULTS = (
    Result("score_after", "held-out score after the run", is_share=True),
    Result("loss_after", "training loss of the last tenth (nat)"),
    Result("nmse_db", "NMSE of the decoded sum (dB)", "theory_nmse_db"),
    Result("erased_share", "share of rounds erased", is_share=True),
    Result("epsilon_spent", "epsilon spent"),
)

NAMES = {"clients.count": "clients", "run.rounds": "rounds", "link.scheme": "scheme"}
"""Keys that say too little without their table."""

UNITS = {"db": "dB", "hz": "Hz", "s": "s", "dbm": "dBm", "ppm": "ppm"}


def sweep_figures(rows: Sequence[Row], keys: Sequence[str]) -> list[Figure]:
    """Draw all results that the rows have over every key that takes several values.

    Args:
        rows: Of the table.
        keys: Swept; seeds are averaged over.
    """
    axes_keys = [k for k in keys if k != SEED and len(_levels(rows, k)) > 1]
    axes_keys.sort(key=lambda k: not Axis(k, _levels(rows, k)).is_numeric)
    drawn = []
    with house_style():
        for key in axes_keys:
            others = [k for k in axes_keys if k != key]
            for result in RESULTS:
                if any(row.get(result.column) is not None for row in rows):
                    drawn.append(_figure(rows, Axis(key, _levels(rows, key)), others, result))
    return drawn


@dataclass(frozen=True)
class Axis:
    """A swept key as the horizontal axis of a figure.

    Attributes:
        key: What is swept.
        levels: Its values, numbers in order.
    """

    key: str
    levels: Sequence[Value]

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
    for index, group in enumerate(groups):
        here = [row for row in rows if tuple(row.get(k) for k in others) == group]
        columns = [[row for row in here if row.get(axis.key) == level] for level in axis.levels]
        _draw(axes, axis, columns, result, (_legend(others, group) or "measured", index))
    if not axis.is_numeric:
        axes.set_xticks(axis.places, [str(level) for level in axis.levels])
    axes.set_xlabel(axis_label(axis.key))
    axes.set_ylabel(result.label)
    if result.is_share:
        axes.set_ylim(-0.02, 1.02)
    if others or result.expected:
        axes.legend(fontsize=7)
    name = f"{result.column}-over-{axis.key.replace('.', '-')}"
    return Figure(_caption(rows, axis, others, result), drawing, name)


def _caption(rows: Sequence[Row], axis: Axis, others: Sequence[str], result: Result) -> str:
    caption = f"{_capital(result.label)} over {axis_label(axis.key)}."
    if _has_repeats(rows, keys=[axis.key, *others]):
        caption += " Points are means over repeats, bars reach from the least to the most."
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
    """Draw one curve: means of repeats at every place, with their range."""
    name, index = called
    means, lows, highs = _spread(columns, result.column)
    marks = marker_style(index)
    if result.expected:
        expected, _, _ = _spread(columns, result.expected)
        dashes = {**marks, "marker": "_", "markersize": 14}
        axes.plot(axis.places, expected, linewidth=1, **_joined(axis, index, dashes))
    else:
        marks = _joined(axis, index, marks)
    bars = np.array([means - lows, highs - means])
    axes.errorbar(axis.places, means, bars, label=name, **{"markersize": 4, "capsize": 2, **marks})


def _joined(axis: Axis, index: int, marks: dict[str, Any]) -> dict[str, Any]:
    """Return how a curve is drawn: joined where its places lie on a line."""
    if not axis.is_numeric:
        return marks
    return {**curve_style(index), "marker": "" if marks["marker"] == "_" else marks["marker"]}


def _spread(
    columns: Sequence[Sequence[Row]], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean, least and most of the repeats at every place; NaN where there are none."""
    values = [
        [float(v) for r in rows if isinstance(v := r.get(name), int | float)] for rows in columns
    ]
    means = [_mean(v, name) for v in values]
    lows = [min(v, default=np.nan) for v in values]
    highs = [max(v, default=np.nan) for v in values]
    return np.array(means), np.array(lows), np.array(highs)


def _mean(values: Sequence[float], name: str) -> float:
    if not values:
        return np.nan
    if name.endswith("_db"):  # powers are averaged, not their logarithms
        return float(10 * np.log10(np.mean(10 ** (np.array(values) / 10))))
    return float(np.mean(values))


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
