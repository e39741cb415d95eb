"""How scalars are added: one file a scheme, found by its file's name.

A scheme called ``energy-difference`` lives in ``energy_difference.py`` and is
what that module calls ``SCHEME``. A new scheme is a new file.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from sdr_ota.schemes.base import AggregationScheme, LinkQuality, theory_squared_error

__all__ = [
    "AggregationScheme",
    "LinkQuality",
    "load_scheme",
    "scheme_names",
    "scheme_record",
    "theory_squared_error",
]


def scheme_names() -> tuple[str, ...]:
    """Return the names of all schemes, sorted."""
    modules = (m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")
    return tuple(sorted(name.replace("_", "-") for name in modules))


def load_scheme(name: str, parameters: Mapping[str, float] | None = None) -> AggregationScheme:
    """Return a scheme by name.

    Args:
        name: One of ``scheme_names()``.
        parameters: Values of the scheme's own fields; defaults for the others.

    Raises:
        ValueError: For an unknown scheme or parameter, naming those there are.
    """
    if name not in scheme_names():
        raise ValueError(f"unknown scheme {name!r}; there are {', '.join(scheme_names())}")
    scheme = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").SCHEME
    known = {field.name for field in fields(scheme)}
    unknown = sorted(set(parameters or {}) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"scheme {name!r} has no parameter {unknown[0]!r}; it has: {allowed}")
    made: AggregationScheme = scheme(**{k: _whole(v) for k, v in (parameters or {}).items()})
    return made


def scheme_record(scheme: AggregationScheme) -> tuple[str, Mapping[str, float]]:
    """Return the name and the parameters with which ``load_scheme`` makes this scheme again.

    >>> scheme_record(load_scheme("fsk-vote", {"look_chips": 32}))
    ('fsk-vote', {'look_chips': 32})
    """
    name = type(scheme).__module__.removeprefix(f"{__name__}.").replace("_", "-")
    return name, {f.name: getattr(scheme, f.name) for f in fields(cast("Any", scheme))}


def _whole(value: float) -> float:
    """Return an int where a configuration has made 32.0 of a count of 32."""
    return int(value) if float(value).is_integer() else value
