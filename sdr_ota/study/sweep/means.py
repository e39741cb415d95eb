"""Repeats of a sweep's points together: mean and sample deviation of every result."""

from collections.abc import Sequence

import numpy as np

from sdr_ota.study.sweep.results import SEED, Result, Row, Value, shown_of


def mean_and_std(rows: Sequence[Row], column: str) -> tuple[float, float]:
    """Return mean and sample deviation of a column; NaN where no row has a number.

    Powers in dB are averaged as powers; their deviation is that of the decibels. The deviation of
    a single number is 0.
    """
    values = [float(v) for row in rows if isinstance(v := row.get(column), int | float)]
    if not values:
        return np.nan, np.nan
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    if column.endswith("_db"):
        return float(10 * np.log10(np.mean(10 ** (np.array(values) / 10)))), std
    return float(np.mean(values)), std


def means_table(
    rows: Sequence[Row], keys: Sequence[str], results: Sequence[Result]
) -> list[tuple[str, ...]]:
    """Return a heading, then a line for every group of repeats; empty if nothing was repeated.

    Only runs that are done count; where others are not, the line says so.

    Args:
        rows: Of the table.
        keys: What tells the points apart.
        results: What is shown.
    """
    keys, shown = [key for key in keys if key != SEED], shown_of(results, rows)
    groups: dict[tuple[Value, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    if len(groups) == len(rows):
        return []
    heading = (*(key.rpartition(".")[2] for key in keys), "runs", *(one.heading for one in shown))
    lines = [
        (
            *("–" if value is None else str(value) for value in group),
            str(len(own)) if len(done) == len(own) else f"{len(done)} of {len(own)}",
            *(_words(done, one) for one in shown),
        )
        for group, own in groups.items()
        for done in [[row for row in own if row.get("ending") == "done"]]
    ]
    return [heading, *lines]


def _words(rows: Sequence[Row], result: Result) -> str:
    mean, std = mean_and_std(rows, result.column)
    if np.isnan(mean):
        return "–"
    return f"{result.how.format(mean)} ± {result.how.format(std)}"
