"""Whether a ratio got worse since the committed page, `benchmarks/committed.json`.

The two figures of a row are measured in turn, several times in one run; each turn gives a ratio, in
which the machine's speed cancels. A row is slower when the whole interval of its ratio lies beyond
1.1 x the whole interval of the committed one.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from rows import Row
from scipy import stats

FILE = Path(__file__).with_name("committed.json")
CONFIDENCE = 0.95
TOLERANCE = 1.1
"""What is no more than 10 % beyond noise is as before."""

Verdict = Literal["slower", "faster", "as before", "new", "no interval"]


@dataclass(frozen=True)
class Interval:
    """The median ratio of a row and where it may lie.

    Attributes:
        ratio: Median of the ratios of all pairs.
        low: Lower end of the interval of that median, of 95 % or more.
        high: Its upper end.
        n_pairs: Pairs that it comes from.
        measured: On what and when.
    """

    ratio: float
    low: float
    high: float
    n_pairs: int
    measured: str = ""


def interval_of(ratios: Iterable[float]) -> Interval | None:
    """Return the interval of a median; None with fewer pairs than 95 % takes, which is six.

    It is the exact one of order statistics, whatever the distribution: a ratio of times has none
    that one could name.
    """
    values = np.asarray(list(ratios), float)
    if not len(values):
        return None
    middle = float(np.median(values))
    ends = stats.quantile_test(values, q=middle, p=0.5).confidence_interval(CONFIDENCE)
    low, high = float(ends.low), float(ends.high)
    return None if math.isnan(low + high) else Interval(middle, low, high, len(values))


def verdict(now: Interval | None, before: Interval | None) -> Verdict:
    """Compare a row's interval with the committed one."""
    if now is None:
        return "no interval"
    if before is None:
        return "new"
    if now.low > TOLERANCE * before.high:
        return "slower"
    return "faster" if TOLERANCE * now.high < before.low else "as before"


def key_of(benchmark: str, row: Row) -> str:
    """Name a row: what was measured, beside what, and at which size."""
    return " | ".join((benchmark, row.what, row.peer, row.setting))


def read(file: Path = FILE) -> dict[str, Interval]:
    """Return the committed intervals by their row's name; none where there is no page yet."""
    if not file.is_file():
        return {}
    return {key: Interval(**held) for key, held in json.loads(file.read_text()).items()}


def keep(rows: Mapping[str, Interval | None], measured: str, file: Path = FILE) -> None:
    """Write the intervals of a run over those of the same rows; other rows stay."""
    fresh = {key: replace(one, measured=measured) for key, one in rows.items() if one is not None}
    held = {key: asdict(one) for key, one in sorted((read(file) | fresh).items())}
    file.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
