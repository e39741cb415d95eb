"""How scalars are added: one file a scheme, found by its file's name.

A scheme called ``energy-difference`` lives in ``energy_difference.py`` and is
what that module calls ``SCHEME``. A new scheme is a new file, or an entry point of
the group ``sdr_ota.schemes`` in a package of its own, or ``package.module:Class``.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from sdr_ota.plugins import (
    SCHEMES,
    check_recorded,
    find_reference,
    is_reference,
    load_reference,
    loaded_object,
    plugin_name_of,
    plugin_names,
)
from sdr_ota.schemes.base import (
    AggregationScheme,
    Antennas,
    CombinesAntennas,
    LinkQuality,
    adds_powers,
    overlaps_of,
    theory_squared_error,
)
from sdr_ota.schemes.foreign import checked_scheme_class
from sdr_ota.schemes.gain_errors import GainErrors

__all__ = [
    "AggregationScheme",
    "Antennas",
    "CombinesAntennas",
    "GainErrors",
    "LinkQuality",
    "adds_powers",
    "built_in_schemes",
    "load_recorded_scheme",
    "load_scheme",
    "overlaps_of",
    "scheme_names",
    "scheme_record",
    "theory_squared_error",
]

_NO_SCHEMES = ("base", "foreign", "gain_errors")
"""Files of this folder that are no scheme."""


def built_in_schemes() -> tuple[str, ...]:
    """Return the names of the schemes that come with the package, sorted."""
    modules = (m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NO_SCHEMES)
    return tuple(sorted(name.replace("_", "-") for name in modules))


def scheme_names() -> tuple[str, ...]:
    """Return the names of all schemes, those of other packages too; nothing is imported."""
    return tuple(sorted({*built_in_schemes(), *plugin_names(SCHEMES)}))


def load_scheme(name: str, parameters: Mapping[str, float] | None = None) -> AggregationScheme:
    """Return a scheme by name.

    Args:
        name: One of ``scheme_names()``, or ``package.module:Class``.
        parameters: Values of the scheme's own fields; defaults for the others.

    Raises:
        ValueError: For an unknown scheme or parameter, naming those there are, and for a
            plug-in that cannot be loaded or is no scheme.
    """
    return _made(_scheme_class(name), name, parameters or {})


def load_recorded_scheme(
    name: str, parameters: Mapping[str, float] | None = None
) -> AggregationScheme:
    """Return the scheme that a record names; no code is imported only because a file names it.

    Args:
        name: As `scheme_record` wrote it. ``package.module:Class`` must have been imported
            before, be an installed entry point, or stand in ``SDR_OTA_PLUGINS``.
        parameters: Values of the scheme's own fields.

    Raises:
        ValueError: As `load_scheme`, and for code that nobody has named.
    """
    found = loaded_object(name) if is_reference(name) else None
    if found is not None:
        return _made(checked_scheme_class(name, found), name, parameters or {})
    check_recorded(SCHEMES, name)
    return load_scheme(name, parameters)


def scheme_record(scheme: AggregationScheme) -> tuple[str, Mapping[str, float]]:
    """Return the name and the parameters with which ``load_scheme`` makes this scheme again.

    Raises:
        ValueError: If its class has no name that could be imported.

    >>> scheme_record(load_scheme("fsk-vote", {"look_chips": 32}))
    ('fsk-vote', {'look_chips': 32})
    """
    return _name_of(type(scheme)), {
        f.name: getattr(scheme, f.name) for f in fields(cast("Any", scheme))
    }


def _name_of(kind: type) -> str:
    if kind.__module__.startswith(f"{__name__}."):
        return kind.__module__.removeprefix(f"{__name__}.").replace("_", "-")
    if "<locals>" in kind.__qualname__:
        raise ValueError(
            f"scheme {kind.__qualname__} is made inside a function, where no record can name it: "
            "define it at the top of a module"
        )
    name = plugin_name_of(SCHEMES, kind, built_in_schemes())
    return name or f"{kind.__module__}:{kind.__qualname__}"


def _scheme_class(name: str) -> type[AggregationScheme]:
    if name in built_in_schemes():
        own: type[AggregationScheme]
        own = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").SCHEME
        return own
    reference = find_reference(SCHEMES, name)
    if reference is None:
        raise ValueError(f"unknown scheme {name!r}; there are {', '.join(scheme_names())}")
    return checked_scheme_class(name, load_reference(reference))


def _made(
    scheme: type[AggregationScheme], name: str, parameters: Mapping[str, float]
) -> AggregationScheme:
    known = {field.name for field in fields(cast("Any", scheme))}
    unknown = sorted(set(parameters) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"scheme {name!r} has no parameter {unknown[0]!r}; it has: {allowed}")
    return scheme(**{k: _whole(v) for k, v in parameters.items()})


def _whole(value: float) -> float:
    """Return an int where a configuration has made 32.0 of a count of 32."""
    return int(value) if float(value).is_integer() else value
