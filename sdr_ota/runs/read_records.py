"""JSON and JSON lines of a run folder read back: checked against a type before they are used.

What is wrong is said in one sentence with file, line and field. Beyond the type, numbers must be
such that sums of their squares stay finite: nothing that a run writes is larger than 1e60.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

_Record = TypeVar("_Record")

MOST_BITS = 64
LARGEST_NUMBER = 1e60

_UNUSUAL = re.compile(
    rb"[eE]\+?[0-9]{2}|(?<![0-9.])(?:(?:1[89]|[2-9][0-9])[0-9]{18}|[0-9]{21})|NaN|Infinity"
)
"""What a text must hold for a number in it to be not finite, or beyond both limits below."""


class RunFolderError(OSError):
    """A run folder cannot be made, written or read."""


def read_object(
    path: Path, kind: type[_Record], most_bits: int = MOST_BITS, is_finite: bool = True
) -> _Record:
    """Return the one record that a JSON file holds.

    Args:
        path: The file; it must be there.
        kind: Type of the record: a pydantic model, a dataclass, a typed mapping.
        most_bits: Of a whole number in it.
        is_finite: Whether it holds finite numbers only, beyond those whose type says so.

    Raises:
        RunFolderError: If it holds something else, or cannot be read.
    """
    return parse_record(_bytes(path), kind, str(path), most_bits, is_finite)


def read_lines(path: Path, kind: type[_Record]) -> list[_Record]:
    """Return the records of a file of JSON lines; a torn last line is left out.

    Raises:
        RunFolderError: If a line holds something else, or the file cannot be read.
    """
    if not path.is_file():
        return []
    return list(parse_lines(whole_lines(_bytes(path)), kind, path))


def whole_lines(content: bytes) -> list[bytes]:
    """Return the lines that end as lines do."""
    return content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]


def parse_lines(
    lines: list[bytes], kind: type[_Record], path: Path, first: int = 1
) -> Iterator[_Record]:
    """Yield the record of every line.

    Args:
        lines: Without their ends.
        kind: Type of the records.
        path: Of the file, for messages.
        first: Number of the first line, for messages.

    Raises:
        RunFolderError: If a line holds something else.
    """
    for number, line in enumerate(lines, first):
        yield parse_record(line, kind, f"{path}, line {number}")


def parse_record(
    text: bytes,
    kind: type[_Record],
    place: str,
    most_bits: int = MOST_BITS,
    is_finite: bool = True,
) -> _Record:
    """Return the record that a JSON text holds.

    Raises:
        RunFolderError: If it holds something else.
    """
    if is_finite and not _UNUSUAL.search(text):
        with suppress(ValidationError):  # which the slow way finds words for
            usual: _Record = _adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]
            return usual
    try:
        plain = from_json(text, allow_inf_nan=not is_finite)
        check_numbers(plain, most_bits, LARGEST_NUMBER if is_finite else inf)
        checked: _Record = _adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]
        return checked
    except ValidationError as wrong:
        raise RunFolderError(f"{place} is damaged: {first_error(wrong)}") from None
    except (ValueError, RecursionError) as wrong:
        raise RunFolderError(f"{place} is damaged: {wrong}") from None


def first_error(wrong: ValidationError) -> str:
    """Say where the first error of a record lies and what it is."""
    error = wrong.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in error["loc"])
    return f"{where}: {error['msg']}" if where else error["msg"]


def check_numbers(value: object, most_bits: int, largest: float) -> None:
    """Refuse numbers that no record of ours holds.

    Raises:
        ValueError: With the number.
    """
    if isinstance(value, int) and value.bit_length() > most_bits:
        raise ValueError(f"it holds a whole number of {value.bit_length()} bits")
    if isinstance(value, float) and abs(value) > largest:
        raise ValueError(f"it holds the number {value:g}")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            check_numbers(inner, most_bits, largest)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """Return what checks records of a type; to make one takes longer than to use it."""
    return TypeAdapter(kind)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
