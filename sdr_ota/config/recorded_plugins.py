"""The plug-ins that a recorded configuration names: which of them may be imported.

Works on the tables as they were read, before anything in them is validated: validating a scheme
or an air loads it.
"""

from collections.abc import Iterator, Mapping, Sequence

from sdr_ota.plugins import AIRS, RADIOS, SCHEMES, TASKS, check_recorded, is_reference

KEYS = {"link.scheme": SCHEMES, "air.preset": AIRS, "data.task": TASKS}
"""Keys whose value may be a reference, and what it then is."""

ADDRESSES = ("receiver", "nodes")
"""Keys of the table ``radio`` whose drivers may be references."""


def check_recorded_plugins(tables: object, settings: Sequence[str] = ()) -> None:
    """Refuse a recorded configuration that names code which nobody has named.

    Args:
        tables: Of the configuration, not validated.
        settings: ``table.key=value`` that the user gave; a reference in one is named again.

    Raises:
        PluginError: With what to do.
    """
    again = {setting.partition("=")[2].strip().strip("\"'") for setting in settings}
    for group, reference in _references(tables):
        check_recorded(group, reference, again)


def references_in(tables: object) -> tuple[str, ...]:
    """Return every ``package.module:NAME`` that a configuration names."""
    return tuple(name for _, name in _references(tables) if is_reference(name))


def _references(tables: object) -> Iterator[tuple[str, str]]:
    """Yield the group and the name of everything that may be code."""
    for place, group in KEYS.items():
        table, _, key = place.partition(".")
        yield group, _text(_value(_value(tables, table), key))
    for key in ADDRESSES:
        found = _value(_value(tables, "radio"), key)
        for address in found if isinstance(found, list | tuple) else [found]:
            for pair in _text(address).split(","):
                name, _, value = pair.partition("=")
                if name.strip() == "driver":
                    yield RADIOS, value.strip()


def _value(table: object, key: str) -> object:
    return table.get(key) if isinstance(table, Mapping) else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
