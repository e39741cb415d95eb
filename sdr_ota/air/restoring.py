"""Checks of what comes out of a snapshot: a checkpoint's files may be damaged."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples

_Kind = TypeVar("_Kind", bound=np.generic)


def mapping_of(found: object) -> Mapping[str, Any]:
    """Return a part of a snapshot that has named fields.

    Raises:
        TypeError: If it has none.
    """
    if not isinstance(found, Mapping):
        raise TypeError(f"named fields are expected, not {type(found).__name__}")
    return found


def whole_number(found: object, limit: int = 2**63) -> int:
    """Return a whole number whose magnitude is below a limit.

    Raises:
        TypeError, ValueError: If it is none.
    """
    if isinstance(found, bool) or not isinstance(found, int | np.integer):
        raise TypeError(f"a whole number is expected, not {type(found).__name__}")
    found = int(found)
    if abs(found) >= limit:
        raise ValueError(f"{found} is out of range")
    return found


def array_like(found: object, model: NDArray[_Kind]) -> NDArray[_Kind]:
    """Return an array of the shape and kind of another.

    Raises:
        TypeError, ValueError: If it has another shape, or holds no numbers.
    """
    array = np.array(found, model.dtype)
    if array.shape != model.shape:
        raise ValueError(f"an array has the shape {array.shape}, not {model.shape}")
    return array


def samples_of(found: object) -> Samples:
    """Return samples, as many as there are.

    Raises:
        TypeError, ValueError: If they are none.
    """
    samples = np.array(found, np.complex64)
    if samples.ndim != 1:
        raise ValueError(f"samples lie in one dimension, not in {samples.ndim}")
    return samples
