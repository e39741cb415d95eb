"""Figures of a sweep: every result over every swept key, one curve for each of the other keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from sdr_ota.cli.html_page import Figure
from sdr_ota.cli.plots import curve_style, house_style, marker_style
from sdr_ota.cli.sweep_plan import SEED
from sdr_ota.cli.sweep_table import Row, Value


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

UNITS = {"db": "dB", "hz": "Hz", "s": "s", "dbm": "dBm", "ppm": "ppm"}


def sweep_figures(rows: Sequence[Row], keys: Sequence[str]) -> list[Figure]:
    """Draw all results that the rows have over every key that takes several values.

    Args:
        rows: Of the table.
        keys: Swept; seeds are averaged over.
    """
    axes_keys = [k for k in keys if k != SEED and len(_levels(rows, k)) > 1]
    drawn = []
    with house_style():
        for key in axes_keys:
            others = [k for k in axes_keys if k != key]
            for result in RESULTS:
                if any(row.get(result.column) is not None for row in rows):
                    drawn.append(_figure(rows, key, others, result))
    return drawn


def _figure(rows: Sequence[Row], key: str, others: Sequence[str], result: Result) -> Figure:
    drawing = Drawing(figsize=(6, 3.4))
    axes = drawing.subplots()
    levels = _levels(rows, key)
    are_numbers = all(isinstance(level, int | float) for level in levels)
    places: list[float] = [float(v or 0) for v in levels] if are_numbers else [*range(len(levels))]
    groups = dict.fromkeys(tuple(row.get(k) for k in others) for row in rows)
    for index, group in enumerate(groups):
        here = [r for r in rows if tuple(r.get(k) for k in others) == group]
        columns = [[r for r in here if r.get(key) == level] for level in levels]
        _draw(axes, places, columns, result, (_legend(others, group), index))
    if not are_numbers:
        axes.set_xticks(places, [str(level) for level in levels])
    axes.set_xlabel(axis_label(key))
    axes.set_ylabel(result.label)
    if result.is_share:
        axes.set_ylim(-0.02, 1.02)
    if others or result.expected:
        axes.legend(fontsize=7)
    caption = f"{_capital(result.label)} over {axis_label(key)}."
    if _has_repeats(rows, keys=[key, *others]):
        caption += " Points are means over repeats, bars reach from the least to the most."
    if result.expected:
        caption += " Lines without marks are what theory expects."
    return Figure(caption, drawing, f"{result.column}-over-{key.replace('.', '-')}")


def _draw(
    axes: Axes,
    places: Sequence[float],
    columns: Sequence[Sequence[Row]],
    result: Result,
    called: tuple[str, int],
) -> None:
    """Draw one curve: means of repeats at every place, with their range."""
    name, index = called
    means, lows, highs = _spread(columns, result.column)
    style = curve_style(index)
    marks = marker_style(index)
    if result.expected:
        expected, _, _ = _spread(columns, result.expected)
        axes.plot(places, expected, linewidth=1, **style)
    else:
        marks |= style
    bars = np.array([means - lows, highs - means])
    axes.errorbar(
        places,
        means,
        bars,
        label=name or "measured",
        markersize=4,
        capsize=2,
        elinewidth=0.7,
        **marks,
    )


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
    words = key.rpartition(".")[2].split("_")
    unit = UNITS.get(words[-1]) if len(words) > 1 else None
    name = " ".join(words[:-1] if unit else words)
    name = name.replace("snr", "SNR")
    return f"{name} ({unit})" if unit else name


def _legend(others: Sequence[str], group: Sequence[Value]) -> str:
    return ", ".join(
        str(value) if isinstance(value, str) else f"{axis_label(key)} {value}"
        for key, value in zip(others, group, strict=True)
        if value is not None
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
