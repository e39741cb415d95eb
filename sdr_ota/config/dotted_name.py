"""Values under dotted names in tables: ``table.key``, or ``band.0.low_hz`` of the first of many."""

from collections.abc import Mapping
from typing import TypeAlias

Place: TypeAlias = dict[str, object] | list[object]

LISTS = frozenset({"band"})
"""Tables of which there are several, counted from 0."""


def put(tables: dict[str, object], name: str, value: object) -> None:
    """Put a value under a dotted name into tables, which change; what is missing is made.

    Args:
        tables: As a TOML file holds them.
        name: ``table.key``; a number is a place in a list, at most one behind its last.
        value: What is put there.

    Raises:
        ValueError: If there is no such place.

    >>> put(tables := {}, "band.0.low_hz", 914e6)
    >>> tables
    {'band': [{'low_hz': 914000000.0}]}
    """
    *parents, key = [part.strip() for part in name.split(".")]
    if not parents or not key:
        raise ValueError("its name is not of the form table.key")
    place: Place = tables
    for parent in parents:
        place = _inner(place, parent)
    _store(place, key, value)


def _inner(place: Place, key: str) -> Place:
    """Return what lies under a key, made if it is not there, as something that may change."""
    there = place.get(key) if isinstance(place, dict) else _listed(place, key)
    if there is None:
        there = [] if key in LISTS else {}
    inner: Place
    if isinstance(there, Mapping):
        inner = dict(there)
    elif isinstance(there, list | tuple):
        inner = list(there)
    else:
        raise ValueError(f"{key} is a value, not a table")
    _store(place, key, inner)
    return inner


def _listed(place: list[object], key: str) -> object | None:
    """Return what is at a place of a list; None for the one behind its last."""
    if not key.isdecimal() or int(key) > len(place):
        allowed = f"0 to {len(place)}" if place else "0"
        raise ValueError(f"there are several of them: write a number, {allowed}, for {key!r}")
    return place[int(key)] if int(key) < len(place) else None


def _store(place: Place, key: str, value: object) -> None:
    if isinstance(place, dict):
        place[key] = value
    elif _listed(place, key) is None:
        place.append(value)
    else:
        place[int(key)] = value
