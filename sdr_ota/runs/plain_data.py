"""Nested plain data as strict JSON and arrays, and back without losing a bit.

JSON has no arrays of numbers of one type, no complex numbers, no NaN: an array becomes
``{"array": NAME}`` and goes into a table of arrays, a complex number ``{"complex": [re, im]}``,
a float that is not finite ``{"float": "nan"}``. Whole numbers have any size.
"""

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Arrays: TypeAlias = dict[str, NDArray[np.generic]]

_TAGS = frozenset({"array", "complex", "float"})


def to_plain(value: object, arrays: Arrays) -> object:
    """Return a value as JSON can say it; arrays are put into ``arrays``.

    Raises:
        TypeError: If it holds something else than mappings of texts, sequences, numbers,
            texts, None and arrays.
    """
    if isinstance(value, Mapping):
        return {_text(key): to_plain(inner, arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner, arrays) for inner in value]
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    return _plain_number(value.item() if isinstance(value, np.generic) else value)


def _plain_number(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, complex):
        return {"complex": [_plain_number(part) for part in (value.real, value.imag)]}
    raise TypeError(f"a {type(value).__name__} is no plain data")


def from_plain(value: object, arrays: Mapping[str, NDArray[np.generic]]) -> object:
    """Return what `to_plain` was given; tuples have become lists.

    Raises:
        KeyError: If an array is missing.
        ValueError, TypeError: If it is not what `to_plain` makes.
    """
    if isinstance(value, list):
        return [from_plain(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (tag := next(iter(value))) in _TAGS:
        return _tagged(tag, value[tag], arrays)
    return {key: from_plain(inner, arrays) for key, inner in value.items()}


def _tagged(tag: str, content: object, arrays: Mapping[str, NDArray[np.generic]]) -> object:
    if tag == "array":
        return arrays[str(content)]
    if tag == "float":
        return float(str(content))
    if not isinstance(content, list):
        raise TypeError("a complex number is a list of two numbers")
    real, imaginary = (float(str(from_plain(part, arrays))) for part in content)
    return complex(real, imaginary)


def _text(key: object) -> str:
    if not isinstance(key, str) or key in _TAGS:
        raise TypeError(f"{key!r} cannot be a key of plain data")
    return key
