"""Plug-ins: schemes, radios, airs and tasks of other installed packages, found by name.

A foreign name is an entry point of one of four groups, or a reference ``package.module:NAME``.
Listing imports nothing; loading imports the one module that a name stands for. The names of
what is built in come first: a plug-in never takes one of them.

A record (start.json, a capture) may come from anybody: `check_recorded` says which of the
references in it may be imported.
"""

import importlib
import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata

SCHEMES = "sdr_ota.schemes"
RADIOS = "sdr_ota.radios"
AIRS = "sdr_ota.airs"
TASKS = "sdr_ota.tasks"
"""Groups of entry points."""

GROUPS = (SCHEMES, RADIOS, AIRS, TASKS)

VARIABLE = "SDR_OTA_PLUGINS"
"""Environment variable: references that records may name, separated by commas."""

_WORD = r"[^\W\d]\w*"
_REFERENCE = re.compile(rf"{_WORD}(?:\.{_WORD})*:{_WORD}(?:\.{_WORD})*")


class PluginError(ValueError):
    """A plug-in cannot be used; the text says why."""


@dataclass(frozen=True)
class Plugin:
    """An entry point of an installed package.

    Attributes:
        group: One of ``GROUPS``.
        name: By which a configuration names it.
        reference: ``package.module:NAME`` of the object.
        package: Name and version of what is installed.
    """

    group: str
    name: str
    reference: str
    package: str


def installed_plugins(group: str) -> tuple[Plugin, ...]:
    """Return the entry points of a group, sorted by name; nothing is imported."""
    found = (
        Plugin(group, entry.name, _tidy(entry.value), _package(entry))
        for entry in metadata.entry_points(group=group)
    )
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.package)))


def plugin_names(group: str) -> tuple[str, ...]:
    """Return the names that the entry points of a group have, each once, sorted."""
    return tuple(dict.fromkeys(plugin.name for plugin in installed_plugins(group)))


def is_reference(name: str) -> bool:
    """Return whether a name is meant as ``package.module:NAME``."""
    return ":" in name


def find_reference(group: str, name: str) -> str | None:
    """Return the reference of a foreign name; None if no installed package has that name.

    Raises:
        PluginError: If two packages have it, naming both.
    """
    if is_reference(name):
        return name
    found = [plugin for plugin in installed_plugins(group) if plugin.name == name]
    if len(found) > 1:
        packages = " and ".join(f"{p.package} ({p.reference})" for p in found)
        raise PluginError(
            f"{name!r} is the name of {len(found)} plug-ins of {group}: of {packages}; uninstall "
            "one, or name the object itself as package.module:NAME"
        )
    return found[0].reference if found else None


def load_reference(reference: str) -> object:
    """Import a module and return an object of it.

    Args:
        reference: ``package.module:NAME``; the name may have dots too.

    Raises:
        PluginError: If it has not that form, the import fails, or there is no such object.
    """
    if not _REFERENCE.fullmatch(reference):
        raise PluginError(f"{reference!r} is not of the form package.module:NAME")
    module, _, path = reference.partition(":")
    try:
        found: object = importlib.import_module(module)
    except (Exception, SystemExit) as failed:  # a foreign module may raise anything
        raise PluginError(f"{reference} cannot be imported: {_told(failed)}") from failed
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise PluginError(f"{reference}: {module} has no {path}") from None
    return found


def loaded_object(reference: str) -> object | None:
    """Return the object of a reference if its module has been imported before; else None.

    Runs no code, not even a module's own ``__getattr__``.
    """
    module, _, path = reference.partition(":")
    found: object | None = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found


def plugin_name_of(group: str, found: object, taken: Collection[str]) -> str | None:
    """Return the name by which a configuration gets this very object; None if there is none.

    Looks at the entry points whose modules have been imported already.

    Args:
        group: Of the plug-ins.
        found: An object that is a plug-in, or is none.
        taken: Names of what is built in, which no plug-in has.
    """
    plugins = installed_plugins(group)
    names = [plugin.name for plugin in plugins]
    for plugin in plugins:
        is_usable = plugin.name not in taken and names.count(plugin.name) == 1
        if is_usable and loaded_object(plugin.reference) is found:
            return plugin.name
    return None


def check_recorded(group: str, name: str, named: Collection[str] = ()) -> None:
    """Refuse a reference in a record that neither an installed package nor the user has named.

    Args:
        group: What the record names.
        name: As it stands in the record.
        named: References that the user has named again, apart from those in ``VARIABLE``.

    Raises:
        PluginError: With what to do.
    """
    if not is_reference(name) or name in named or name in _named_in_environment():
        return
    if name not in {plugin.reference for plugin in installed_plugins(group)}:
        raise PluginError(
            f"the record names the code {name!r}, which is not imported because a file says so: "
            f"if you trust it, set {VARIABLE}={name}, or install a package with this entry point "
            f"of {group}"
        )


def _named_in_environment() -> Collection[str]:
    return {part.strip() for part in os.environ.get(VARIABLE, "").split(",")}


def _tidy(value: str) -> str:
    """Return an entry point's reference without spaces and extras."""
    return re.sub(r"\s|\[.*", "", value)


def _package(entry: metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def _told(failed: BaseException) -> str:
    return f"{type(failed).__name__}: {failed}"
