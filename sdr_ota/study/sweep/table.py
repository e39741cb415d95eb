"""One table of a sweep: what each point was set to, how it ended, what came of it."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.spending import epsilon_spent

from sdr_ota.assembly.snr_max import snr_max
from sdr_ota.config.load import Config
from sdr_ota.report.run_table import ledger_gap
from sdr_ota.report.table_files import write_table_file
from sdr_ota.runs.link_verdict import link_verdict
from sdr_ota.runs.run_folder import RunFolderError, RunRecord, read_run
from sdr_ota.runs.summary import Summary, summarise
from sdr_ota.study.sweep.plan import Point
from sdr_ota.study.sweep.point import Outcome
from sdr_ota.study.sweep.results import CURVE, SNR_MAX, Row, Value
from sdr_ota.units import power_to_db

NOT_A_COLUMN = ("erasures", "score_name", "label_scores")


def table_row(point: Point, outcome: Outcome | None) -> dict[str, Value]:
    """Return a point's row; what it has no figure for is None.

    Args:
        point: As planned.
        outcome: How it ended; None if it has not.
    """
    row: dict[str, Value] = {"point": point.name}
    row |= {CURVE: point.curve} if point.curve else {}
    row |= {key: _plain(value) for key, value in point.settings.items()}
    row[SNR_MAX] = _snr_max_db(point.config)
    if outcome is None:
        return row | {"ending": "not run yet", "why": "", "run": None}
    row |= {"ending": "failed" if outcome.why_not else "done", "why": outcome.why_not}
    row["run"] = None if outcome.run is None else str(outcome.run)
    if outcome.run is None:
        return row
    try:
        return row | _figures(outcome.run)
    except RunFolderError as damaged:  # its own failure, not that of the sweep
        return row | {"ending": "failed", "why": outcome.why_not or str(damaged)}


def write_table(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write ``table.csv``, and ``table.parquet`` where pyarrow is installed.

    Returns:
        The files.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key: [row.get(key) for row in rows] for key in keys}
    formats = ("csv", "parquet") if find_spec("pyarrow") else ("csv",)
    paths = [folder / f"table.{table_format}" for table_format in formats]
    for path in paths:
        write_table_file(columns, path)
    return paths


def _snr_max_db(config: Config) -> float | None:
    """Return the received peak SNR at full power, of a simulated air, to 0.01 dB."""
    if not config.radio.is_simulated or config.link.is_auto:
        return None
    return round(power_to_db(snr_max(config)), 2)


def _figures(run: Path) -> dict[str, Value]:
    record = read_run(run)
    summary = summarise(record)
    figures: dict[str, Value] = {
        key: _plain(value) for key, value in asdict(summary).items() if key not in NOT_A_COLUMN
    }
    figures["erased_share"] = _plain(summary.erased_share)
    figures |= _cost(summary)
    figures["link"], figures["link_why"] = link_verdict(summary.nmse_db, summary.erased_share)
    figures |= {f"erased_{reason}": n for reason, n in sorted(summary.erasures.items())}
    figures["epsilon_spent"] = _epsilon_spent(record)
    return figures


def _cost(summary: Summary) -> dict[str, Value]:
    """Return what a round costs (arXiv 2604.12401, table II)."""
    n_rounds, gradient = summary.rounds, summary.gradient_bits_per_client
    memory = summary.peak_memory_bytes
    return {
        "bits_per_round": summary.bits_per_client // n_rounds if n_rounds else None,
        "gradient_bits_per_round": gradient // n_rounds if gradient and n_rounds else None,
        "peak_memory_mib": memory / 2**20 if memory else None,
    }


def _epsilon_spent(run: RunRecord) -> float | None:
    try:
        return None if ledger_gap(run) else epsilon_spent(run.folder)
    except LedgerError:  # what was spent is unknown; the run's report says why
        return None


def _plain(value: object) -> Value:
    """Return what a cell can hold; numbers that are none become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, int | str) else str(value)
