"""The page of all configuration keys, made from the tables that check a configuration."""

import types
import typing
from collections.abc import Iterator, Mapping

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
    choices = [c for part in _parts(field.annotation) for c in typing.get_args(part)]
    if all(typing.get_origin(p) is typing.Literal for p in _parts(field.annotation)):
        return ", ".join(f"`{_toml(choice)}`" for choice in choices)
    return f"{_type_name(field.annotation)}{_range(field)}"


def _parts(annotation: object) -> list[object]:
    """Return the members of a union without None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return [part for part in typing.get_args(annotation) if part is not type(None)]
    return [annotation]


def _type_name(annotation: object) -> str:
    names = {int: "integer", float: "number", str: "text", bool: "`true`, `false`"}
    containers = {tuple: "list of {}", Mapping: "table of {}"}
    said = []
    for part in _parts(annotation):
        origin = typing.get_origin(part)
        container = next(
            (text for kind, text in containers.items() if origin in _kinds(kind)), "{}"
        )
        members = [a for a in typing.get_args(part) if a is not ...] or [part]
        said.append(container.format(names.get(members[-1], str(members[-1]))))
    return " or ".join(said)


def _kinds(kind: type) -> tuple[type, ...]:
    return (Mapping, dict) if kind is Mapping else (kind,)


def _range(field: FieldInfo) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    said = [
        f"{words[name]} {getattr(bound, name):g}"
        for bound in field.metadata
        for name in words
        if getattr(bound, name, None) is not None
    ]
    return f", {', '.join(said)}" if said else ""


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
