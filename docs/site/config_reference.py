"""The page of all configuration keys, made from the tables that check a configuration."""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence

from pydantic.fields import FieldInfo

from sdr_ota.config.load import Config
from sdr_ota.config.tables import Table

UNITS = {
    "hz": "Hz",
    "db": "dB",
    "dbm": "dBm",
    "s": "s",
    "ms": "ms",
    "deg": "degrees",
    "c": "°C",
    "bytes": "bytes",
    "megabytes": "MB",
    "samples": "samples",
    "chips": "chips",
    "rounds": "rounds",
    "every": "rounds",
}
"""Last word of a key to its unit; other keys have none."""

INTRODUCTION = """# Configuration keys

A configuration is a TOML file. Every key has a default, except the limits of a `[[band]]`; together
the defaults are the demo. `--set table.key=value` changes one key on the command line. Unknown
keys and values out of range are refused, with what is allowed. The unit stands in the key.
"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield reference/config.md."""
    yield "reference/config.md", "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    """Yield the text of every table."""
    for name, field in Config.model_fields.items():
        table, is_array = _table_of(field.annotation)
        heading = f"[[{name}]]" if is_array else f"[{name}]"
        yield f"## `{heading}` {{#{name}}}\n\n{_about(table)}\n"
        yield "| key | values | unit | default | meaning |\n|---|---|---|---|---|"
        yield "".join(_row(key, known) for key, known in table.model_fields.items())


def _table_of(annotation: object) -> tuple[type[Table], bool]:
    """Return the class of a table, and whether the table may stand there several times."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation, False
    inner = [a for a in typing.get_args(annotation) if isinstance(a, type) and issubclass(a, Table)]
    if not inner:
        raise TypeError(f"{annotation} is not a table of the configuration")
    return inner[0], typing.get_origin(annotation) is tuple


def _about(table: type[Table]) -> str:
    return (table.__doc__ or "").strip()


def _row(key: str, field: FieldInfo) -> str:
    if not field.description:
        raise ValueError(f"configuration key {key!r} has no description")
    unit = UNITS.get(key.rpartition("_")[2], "")
    cells = (f"`{key}`", _values(field), unit, _default(field), field.description)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def _values(field: FieldInfo) -> str:
    """Return what a key takes: its choices, or its type and range."""
    return f"{_type_name(field.annotation)}{_range(field.metadata)}"


def _parts(annotation: object) -> list[object]:
    """Return the members of a union without None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return [part for part in typing.get_args(annotation) if part is not type(None)]
    return [annotation]


def _type_name(annotation: object) -> str:
    return " or ".join(_one_type(part) for part in _parts(annotation))


def _one_type(kind: object) -> str:
    """Say a type that is no union, with the range that it has of its own."""
    names = {int: "integer", float: "number", str: "text", bool: "`true`, `false`"}
    containers = {tuple: "list of {}", Mapping: "table of {}", dict: "table of {}"}
    origin, members = typing.get_origin(kind), [a for a in typing.get_args(kind) if a is not ...]
    if origin is typing.Annotated:
        own, *constraints = members
        bounds = [bound for c in constraints for bound in getattr(c, "metadata", [c])]
        return f"{_type_name(own)}{_range(bounds)}"
    if origin is typing.Literal:
        return ", ".join(f"`{_toml(choice)}`" for choice in members)
    if origin in containers:
        return containers[origin].format(_type_name(members[-1]))
    return names[kind]


def _range(bounds: Sequence[object]) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    said = [
        f"{words[name]} {_bound(getattr(bound, name))}"
        for bound in bounds
        for name in words
        if getattr(bound, name, None) is not None
    ]
    return f", {', '.join(said)}" if said else ""


def _bound(value: float) -> str:
    """Say a bound; a large power of two as one."""
    power = round(value).bit_length() - 1
    return f"2^{power}" if power > 30 and value == 2**power else _toml(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: must be given"
    return (
        "not set"
        if field.default is None
        else f"`{_toml(field.get_default(call_default_factory=True))}`"
    )


def _toml(value: object) -> str:
    """Write a value as a TOML file holds it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
