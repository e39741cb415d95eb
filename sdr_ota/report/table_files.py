"""Tables as files: CSV for everybody, Parquet where pyarrow is installed."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.runs.run_folder import RunRecord
from sdr_ota.runs.run_records import Evaluation

TableFormat: TypeAlias = Literal["csv", "parquet"]

Cell: TypeAlias = str | float | int | bool | None

_UNSIGNED = ("seed",)
"""Columns whose numbers need all 64 bits."""


def save_run_tables(run: RunRecord, folder: Path, table_format: TableFormat) -> list[Path]:
    """Write the rounds and the evaluations of a run, one row each: ``rounds.csv`` and so on.

    Columns are the fields of `RoundResult` and `Evaluation`, with their units. A cell that holds
    several values (``active_nodes``, ``further_sums``) has them as JSON.

    Args:
        run: As read.
        folder: Where the files go.
        table_format: Of them.

    Returns:
        The files.

    Raises:
        CommandFailed: If Parquet is asked for and pyarrow is not installed.
        OSError: If they cannot be written.
    """
    tables = {
        "rounds": _table(RoundResult, run.rounds),
        "evaluations": _table(Evaluation, run.evaluations),
    }
    paths = [folder / f"{name}.{table_format}" for name in tables]
    for path, columns in zip(paths, tables.values(), strict=True):
        write_table_file(columns, path)
    return paths


def write_table_file(columns: Mapping[str, Sequence[Cell]], path: Path) -> None:
    """Write a table of columns of one length; the file's suffix says how.

    Raises:
        CommandFailed: If Parquet is asked for and pyarrow is not installed.
        OSError: If it cannot be written.
    """
    replace_file(path, _CONTENT[path.suffix](columns))


def _csv(columns: Mapping[str, Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _parquet(columns: Mapping[str, Sequence[Cell]]) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as missing:
        text = 'Parquet files need pyarrow: pip install "sdr-ota[parquet]"; CSV needs nothing'
        raise CommandFailed(text) from missing
    arrays = {
        name: pa.array(_of_one_type(values), pa.uint64() if name in _UNSIGNED else None)
        for name, values in columns.items()
    }
    content = pa.BufferOutputStream()
    parquet.write_table(pa.table(arrays), content)
    return bytes(content.getvalue())


_CONTENT = {".csv": _csv, ".parquet": _parquet}


def _of_one_type(values: Sequence[Cell]) -> Sequence[Cell]:
    """Return a column of one type: numbers if all of them are, else texts."""
    there = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in there):
        return values
    if all(isinstance(value, int | float) for value in there):
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]


def _table(kind: type, records: Sequence[Any]) -> dict[str, list[Cell]]:
    rows = [asdict(record) for record in records]
    return {field.name: [_cell(row[field.name]) for row in rows] for field in fields(kind)}


def _cell(value: object) -> Cell:
    """Return a single value as it is, several as JSON."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    return json.dumps(value)


assert set(_CONTENT) == {f".{name}" for name in get_args(TableFormat)}  # noqa: S101
