"""What our receiver gets from a data set, with what chance may have to do with it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from sdr_ota.signal.metrics import nmse_db
from sdr_ota.units import power_to_db

CsvRow = Mapping[str, str]

DECODERS = {"unbiased": "decoded_sum", "lmmse": "lmmse_sum"}
"""Of our receiver (``link.decode``), and the column of the index that holds its sums."""

LEAST_WORLDS = 5
"""Below so many worlds resampling them says little about others."""

_RESAMPLES = 2000

OFFSETS = ("none", "up to 5 kHz", "above 5 kHz")
"""Classes of carrier offsets: one clock for all, good oscillators, any."""

_GOOD_HZ = 5e3


@dataclass(frozen=True)
class Baseline:
    """What one decoder gets from some captures.

    Attributes:
        scheme: How symbols are added.
        decoder: One of `DECODERS`.
        preset: The simulated air, or "all".
        cfo: Largest carrier offset of a node that sent, as a class.
        nodes: K, or a range of it.
        snr_db: Of one full-scale node.
        captures: Asked for.
        worlds: In which they were made: captures of one world share clocks and paths.
        erased: Of the captures, refused by our receiver or never received.
        nmse_db: Error of the decoded sums; NaN if there are none.
        nmse_low_db: Lower end of its 95 % interval; NaN for too few worlds.
        nmse_high_db: Upper end.
        theory_nmse_db: What theory expects of the same sums, unbiased.
    """

    scheme: str
    decoder: str
    preset: str
    cfo: str
    nodes: str
    snr_db: str
    captures: int
    worlds: int
    erased: int
    nmse_db: float
    nmse_low_db: float
    nmse_high_db: float
    theory_nmse_db: float


def of_settings(rows: Sequence[CsvRow]) -> list[Baseline]:
    """Return the baseline of every setting: air, scheme, K and SNR."""
    return _grouped(rows, lambda row: (row["preset"], "all", row["nodes"]))


def of_cells(rows: Sequence[CsvRow]) -> list[Baseline]:
    """Return the baseline over SNR, carrier offset and K, all airs together.

    A capture without a plan, and so without nodes that sent, counts at the offset of none.
    """
    ranges = _ranges(max(int(row["nodes"]) for row in rows))
    return _grouped(rows, lambda row: ("all", _offset_class(row), ranges[int(row["nodes"])]))


def _grouped(
    rows: Sequence[CsvRow], place_of: Callable[[CsvRow], tuple[str, str, str]]
) -> list[Baseline]:
    order: dict[tuple[str, str, str, str, str], list[CsvRow]] = {}
    for row in rows:
        order.setdefault((row["scheme"], *place_of(row), row["snr_db"]), []).append(row)
    return [
        _baseline(place, decoder, group) for place, group in order.items() for decoder in DECODERS
    ]


def _baseline(
    place: tuple[str, str, str, str, str], decoder: str, rows: Sequence[CsvRow]
) -> Baseline:
    scheme, preset, cfo, nodes, snr_db = place
    errors, squares = errors_of(rows, decoder)
    good = [row for row in rows if row["decoded_sum"]]
    low, high = _interval_db(rows, decoder)
    return Baseline(
        scheme, decoder, preset, cfo, nodes, snr_db,
        captures=len(rows),
        worlds=len({_world(row) for row in rows}),
        erased=len(rows) - len(good),
        nmse_db=nmse_db(errors, squares),
        nmse_low_db=low,
        nmse_high_db=high,
        theory_nmse_db=nmse_db([float(row["theory_error"]) for row in good], squares),
    )  # fmt: skip


def errors_of(rows: Iterable[CsvRow], decoder: str) -> tuple[list[float], list[float]]:
    """Return the squared errors of a decoder and the squared sums, of what was not erased."""
    good = [row for row in rows if row["decoded_sum"]]
    sums = [float(row["true_sum"]) for row in good]
    decoded = [float(row[DECODERS[decoder]]) for row in good]
    errors = [(a - b) ** 2 for a, b in zip(decoded, sums, strict=True)]
    return errors, [one**2 for one in sums]


def _interval_db(rows: Sequence[CsvRow], decoder: str) -> tuple[float, float]:
    """Return the 95 % interval of an NMSE by the bootstrap: whole worlds are drawn again."""
    worlds = [list(group) for _, group in groupby(rows, _world)]
    totals = np.array([[math.fsum(x) for x in errors_of(world, decoder)] for world in worlds])
    low, high = ratio_interval(totals)
    return (math.nan, math.nan) if math.isnan(low) else (power_to_db(low), power_to_db(high))


def ratio_interval(totals: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of ``sum(totals[:, 0]) / sum(totals[:, 1])`` by the bootstrap.

    Args:
        totals: One line a world, drawn again as a whole, shape ``(n_worlds, 2)``; a line without
            a denominator does not count.

    Returns:
        Percentiles of 2000 draws (`scipy.stats.bootstrap`); NaN for fewer than `LEAST_WORLDS`.
    """
    totals = totals[totals[:, 1] > 0]
    if len(totals) < LEAST_WORLDS:
        return math.nan, math.nan
    from scipy.stats import bootstrap  # noqa: PLC0415 - slow to import

    found = bootstrap(
        (totals[:, 0], totals[:, 1]),
        lambda errors, squares, axis=-1: errors.sum(axis=axis) / squares.sum(axis=axis),
        n_resamples=_RESAMPLES,
        paired=True,
        vectorized=True,
        method="percentile",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    return float(found.low), float(found.high)


def _world(row: CsvRow) -> tuple[str, ...]:
    return row["preset"], row["scheme"], row["nodes"], row["snr_db"], row["split"]


def _ranges(most_nodes: int) -> dict[int, str]:
    """Return the third of all numbers of nodes that each is in, in words."""
    thirds = [part for part in np.array_split(np.arange(1, most_nodes + 1), 3) if part.size]
    words = [f"{p[0]}" if len(p) == 1 else f"{p[0]} to {p[-1]}" for p in thirds]
    return {int(n): word for part, word in zip(thirds, words, strict=True) for n in part}


def _offset_class(row: CsvRow) -> str:
    offset_hz = float(row["cfo_hz"] or 0.0)
    return OFFSETS[0] if offset_hz == 0 else OFFSETS[1 if offset_hz <= _GOOD_HZ else 2]
