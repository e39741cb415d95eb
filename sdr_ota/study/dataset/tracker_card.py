"""The table of the data card's second part: errors of the tracker over the latency."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from sdr_ota.study.dataset.baseline import CsvRow, ratio_interval
from sdr_ota.units import power_to_db


def tracker_table(rows: Sequence[CsvRow]) -> Iterable[str]:
    """Lay out the errors of the second half of each world: a line an air, a column a latency."""
    half = (1 + max(int(row["round"]) for row in rows)) // 2
    rows = [row for row in rows if int(row["round"]) >= half]
    latencies = list(dict.fromkeys(row["latency_s"] for row in rows))
    yield "| air | " + " | ".join(f"{float(one) * 1e3:g} ms" for one in latencies) + " |"
    yield "|---|" + "---|" * len(latencies)
    for preset in dict.fromkeys(row["preset"] for row in rows):
        here = [row for row in rows if row["preset"] == preset]
        cells = (_cell([row for row in here if row["latency_s"] == one]) for one in latencies)
        yield f"| {preset} | " + " | ".join(cells) + " |"


def _cell(rows: Sequence[CsvRow]) -> str:
    if not rows:
        return "none"
    errors = np.array([float(row["relative_error"]) for row in rows])
    expected = [float(row["expected_error"]) + float(row["observation_error"]) for row in rows]
    worlds = np.array([row["world"] for row in rows])
    totals = [[errors[worlds == w].sum(), np.sum(worlds == w)] for w in np.unique(worlds)]
    low, high = ratio_interval(np.array(totals))
    interval = "" if math.isnan(low) else f" [{power_to_db(low):.1f}, {power_to_db(high):.1f}]"
    mean, median = power_to_db(float(errors.mean())), power_to_db(float(np.median(errors)))
    return f"{mean:.1f}{interval} ({median:.1f}) / {power_to_db(float(np.mean(expected))):.1f}"
