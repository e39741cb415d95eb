"""What a comparison leaves in a folder: its figure, a table as CSV, and all of it as JSON."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sdr_ota.failure import CommandFailed
from sdr_ota.report.plots import save_figure
from sdr_ota.runs.strict_json import strict_json

FIGURES = ("svg", "png")


@dataclass(frozen=True)
class Spread:
    """How a figure differs from seed to seed, each with its own world; NaN where there is none.

    Attributes:
        mean: Over the seeds.
        std: Sample deviation; NaN for fewer than two.
        median: Half of the seeds lie below.
        least: Smallest.
        most: Largest.
    """

    mean: float
    std: float
    median: float
    least: float
    most: float


@dataclass(frozen=True)
class StudyRecord:
    """What there is to write of a comparison.

    Attributes:
        name: Of the files, without their endings.
        setting: What is the same for all points.
        rows: One a point, each with the same keys.
    """

    name: str
    setting: Mapping[str, object]
    rows: Sequence[Mapping[str, object]]


def spread_of(values: Sequence[float]) -> Spread:
    """Return how values spread; those that are no number are left out.

    >>> spread_of([-30.0, -34.0, -29.0]).median
    -30.0
    """
    known = np.array([value for value in values if math.isfinite(value)])
    if not known.size:
        return Spread(*[math.nan] * 5)
    std = float(known.std(ddof=1)) if known.size > 1 else math.nan
    middle = float(np.median(known))
    return Spread(float(known.mean()), std, middle, float(known.min()), float(known.max()))


def named_spread(values_db: Sequence[float]) -> Mapping[str, float]:
    """Return the spread of an NMSE over seeds as columns."""
    return {f"nmse_{name}_db": value for name, value in asdict(spread_of(values_db)).items()}


def write_study(
    record: StudyRecord, drawing: Figure, folder: Path, width_in: float | None = None
) -> None:
    """Write figure, CSV and JSON; the folder is made if it is not there.

    Raises:
        CommandFailed: If they cannot be written.
    """
    whole = {"setting": record.setting, "points": record.rows}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{record.name}.json"
        place.write_text(strict_json(whole, indent=2) + "\n", encoding="utf-8")
        with (folder / f"{record.name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*record.rows[0]])
            writer.writeheader()
            writer.writerows(_flat(row) for row in record.rows)
    except OSError as error:
        raise CommandFailed(f"cannot write {error.filename or folder}: {error.strerror}") from error
    for ending in FIGURES:
        save_figure(drawing, folder / f"{record.name}.{ending}", width_in)


def _flat(row: Mapping[str, object]) -> Mapping[str, object]:
    """Return a row of plain cells: numbers of one cell are parted by blanks."""
    return {
        key: " ".join(map(str, value)) if isinstance(value, list | tuple) else value
        for key, value in row.items()
    }
