"""Records out of JSON, where no library for that is there: GNU Radio's interpreter has none."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")


def record_of(kind: type[_Record], values: object) -> _Record:
    """Return a record of a dataclass whose fields are numbers, texts, tuples and such records.

    Args:
        kind: The dataclass.
        values: By the fields' names; complex numbers are pairs ``[real, imaginary]``. A field that
            has a default may be missing.

    Raises:
        TypeError: If a value is of another type, or belongs to no field.
        ValueError: If a number is not finite.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{kind.__name__} is {values!r}, not an object")
    types = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise TypeError(f"{kind.__name__} has no {unknown[0]}")
    return kind(**{name: _value(types[name], value, name) for name, value in values.items()})


def _value(kind: Any, value: object, name: str) -> object:
    if is_dataclass(kind) and isinstance(kind, type):
        return record_of(kind, value)
    if get_origin(kind) is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_value(get_args(kind)[0], each, name) for each in value)
    if isinstance(kind, UnionType):
        return None if value is None else _value(get_args(kind)[0], value, name)
    if kind is complex and isinstance(value, Sequence) and len(value) == 2:
        return complex(*(_number(part, name) for part in value))
    if kind is float:
        return _number(value, name)
    if not isinstance(kind, type) or type(value) is not kind:
        raise TypeError(f"{name} is {value!r}, not {getattr(kind, '__name__', kind)}")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is {value!r}, not a number")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}, not finite")
    return float(value)
