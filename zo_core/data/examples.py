"""Labelled examples, and where they come from: TSV, CSV and JSON-lines files, or `datasets`."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from _csv import Reader as TableReader

_DELIMITERS = {".tsv": "\t", ".csv": ","}
_JSON_LINES = (".jsonl", ".json")


class DataError(ValueError):
    """A data set is missing, empty, or does not fit its task."""


@dataclass(frozen=True)
class Example:
    """One labelled text.

    Attributes:
        fields: Texts by column name.
        label: Label as it stands in the data, as text; truth values are "true" and "false".
    """

    fields: Mapping[str, str]
    label: str


@dataclass(frozen=True)
class Row:
    """One line of a data set before it is known to fit: values by column, and where it stood."""

    values: Mapping[str, object]
    place: str


def read_examples(
    path: Path,
    columns: Sequence[str],
    label_column: str,
    limit: int | None = None,
    header: Sequence[str] = (),
) -> list[Example]:
    """Read examples from a file with named columns.

    Args:
        path: A .tsv or .csv file whose first line names the columns, or a .jsonl file with
            one object a line. TSV is taken as it is, without quoting.
        columns: Columns to keep as fields.
        label_column: Column with the label.
        limit: Most examples to read, from the top; all by default.
        header: Names of the columns of a .tsv or .csv file without a header line, whose first
            line is an example already (AG News as it is distributed); none where the file names
            them itself.

    Returns:
        The examples in the order of the file.

    Raises:
        DataError: The file is missing, of an unknown kind, empty or broken, or lacks a column.
    """
    return examples_from(islice(file_rows(path, header), limit), columns, label_column, str(path))


def file_rows(path: Path, header: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows of a file, all their columns; see `read_examples`.

    Raises:
        DataError: The file is missing, cannot be read, is of an unknown kind or broken.
    """
    try:
        if not path.is_file():
            raise DataError(
                f"there is no data file {path}; give the path of a TSV, CSV or JSONL file"
            )
        yield from _rows(path, header)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def fetch_examples(
    name: str, split: str, columns: Sequence[str], label_column: str, limit: int | None = None
) -> list[Example]:
    """Load examples with the `datasets` library, from its cache or the Hugging Face hub.

    Args:
        name: Name on the hub, with a configuration after a colon where there is one, such as
            ``nyu-mll/glue:sst2``.
        split: Split, such as ``train``.
        columns: Columns to keep as fields.
        label_column: Column with the label.
        limit: Most examples to take, from the top; all by default.

    Returns:
        The examples in the order of the data set.

    Raises:
        DataError: The library is missing, the data set cannot be had, or lacks a column.
    """
    rows = islice(hub_rows(name, split), limit)
    return examples_from(rows, columns, label_column, f"{name} {split}")


def hub_rows(name: str, split: str) -> Iterator[Row]:
    """Yield the rows of a data set of the `datasets` library; see `fetch_examples`.

    Raises:
        DataError: The library is missing, or the data set cannot be had.
    """
    try:
        import datasets  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise DataError(
            f"data set {name!r} needs the `datasets` library, which is not installed; run "
            "pip install 'sdr-ota[datasets]', or give the path of a TSV, CSV or JSONL file"
        ) from error
    repository, _, configuration = name.partition(":")
    try:
        table = datasets.load_dataset(repository, configuration or None, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(
            f"data set {name!r}, split {split!r}, cannot be loaded: {str(error).splitlines()[0]}; "
            "without network give the path of a TSV, CSV or JSONL file"
        ) from error
    yield from (Row(values, f"{name} {split} row {i}") for i, values in enumerate(table))


def examples_from(
    rows: Iterable[Row], columns: Sequence[str], label_column: str, source: str
) -> list[Example]:
    """Keep the named columns of rows as examples.

    Args:
        rows: Rows of a data set.
        columns: Columns to keep as fields.
        label_column: Column with the label.
        source: Name of the data set, for errors.

    Returns:
        The examples in the order of the rows.

    Raises:
        DataError: There is no row, or a row lacks a column.
    """
    wanted = (*columns, label_column)
    examples = []
    for row in rows:
        missing = [column for column in wanted if row.values.get(column) is None]
        if missing:
            raise DataError(
                f"{row.place}: no column {missing[0]!r}; found {_listed(row.values)}, needed "
                f"{_listed(wanted)}; if the first line of the file is no header, name its columns "
                "in data.columns"
            )
        texts = {column: as_text(row.values[column]) for column in wanted}
        _refuse_cut_letters(texts, row.place)
        fields = {column: texts[column] for column in columns}
        examples.append(Example(fields, texts[label_column]))
    if not examples:
        raise DataError(f"{source} holds no example; needed are the columns {_listed(wanted)}")
    return examples


def _refuse_cut_letters(texts: Mapping[str, str], place: str) -> None:
    """Refuse half of a surrogate pair, a cut-off emoji: no tokenizer takes it.

    Raises:
        DataError: Naming the place and the column.
    """
    for column, text in texts.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{place}: column {column!r} holds a half of a character, "
                f"{text[error.start]!a}; remove it, or write the whole character"
            ) from None


def _rows(path: Path, header: Sequence[str]) -> Iterator[Row]:
    if path.suffix.lower() in _JSON_LINES:
        if header:
            raise DataError(
                f"{path}: data.columns = {_listed(header)}, but every line of a JSON lines file "
                "names its columns itself; leave data.columns out"
            )
        return _json_rows(path)
    if path.suffix.lower() not in _DELIMITERS:
        known = _listed([*_DELIMITERS, *_JSON_LINES])
        raise DataError(f"{path}: the ending {path.suffix!r} is not known; use one of {known}")
    return _table_rows(path, _DELIMITERS[path.suffix.lower()], header)


def _table_rows(path: Path, delimiter: str, named: Sequence[str]) -> Iterator[Row]:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.reader(file, delimiter=delimiter, quoting=quoting)
        lines = _whole_lines(table, path)
        header = named or next(lines, [])
        for values in lines:
            if not values:
                continue
            if len(values) != len(header):
                raise DataError(
                    f"{path} line {table.line_num}: {len(values)} values for {len(header)} columns "
                    f"({_listed(header)})"
                )
            yield Row(dict(zip(header, values, strict=True)), f"{path} line {table.line_num}")


def _whole_lines(table: "TableReader", path: Path) -> Iterator[list[str]]:
    """Yield the lines of a table; what the reader itself raises becomes a sentence."""
    while True:
        before = table.line_num
        try:
            yield next(table)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{path} line {before + 1}: {error}; is a quote that begins there not closed?"
            ) from error


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path} line {number}"
            try:
                values = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{place}: not a JSON object a line ({error.msg})") from error
            except (ValueError, RecursionError) as error:  # numbers and nests that are too large
                raise DataError(f"{place}: not a JSON object that can be read: {error}") from error
            if not isinstance(values, dict):
                raise DataError(f"{place}: found {line.strip()[:40]!r}, expected a JSON object")
            yield Row(values, place)


def as_text(value: object) -> str:
    """Return a value of a row as text; of several answers (SQuAD's form) one a line."""
    if isinstance(value, Mapping) and "text" in value:
        return as_text(value["text"])
    if isinstance(value, list | tuple):
        return "\n".join(dict.fromkeys(as_text(item) for item in value))
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
