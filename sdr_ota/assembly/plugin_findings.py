"""What plug-ins are installed, and why one of them cannot be used."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sdr_ota.air.presets import PRESETS, air_preset
from sdr_ota.assembly.named_task import named_task
from sdr_ota.plugins import AIRS, GROUPS, RADIOS, SCHEMES, TASKS, Plugin, installed_plugins
from sdr_ota.radio.address import BUILT_IN_DRIVERS
from sdr_ota.radio.foreign_driver import foreign_opener
from sdr_ota.schemes import built_in_schemes, load_scheme

_LOADERS: Mapping[str, Callable[[str], object]] = {
    SCHEMES: load_scheme,
    RADIOS: foreign_opener,
    AIRS: air_preset,
    TASKS: named_task,
}


@dataclass(frozen=True)
class PluginFinding:
    """One plug-in that was looked at.

    Attributes:
        plugin: What is installed.
        trouble: Why it cannot be used by its name; empty if it can.
        cure: What to do about it; empty if all is well.
    """

    plugin: Plugin
    trouble: str = ""
    cure: str = ""


def plugin_findings() -> Iterator[PluginFinding]:
    """Try every installed plug-in; this imports all of them. No radio is opened."""
    for group in GROUPS:
        for plugin in installed_plugins(group):
            yield _finding(plugin)


def _finding(plugin: Plugin) -> PluginFinding:
    try:
        if plugin.name in _built_in_names(plugin.group):
            return PluginFinding(
                plugin,
                f"{plugin.name!r} is the name of what is built in, which comes first",
                f"name it {plugin.reference} in the config, or give it another name in its package",
            )
        _LOADERS[plugin.group](plugin.name)
    except Exception as failed:  # plug-ins raise what they like; the others are listed all the same
        return PluginFinding(plugin, str(failed), f"mend or uninstall {plugin.package}")
    return PluginFinding(plugin)


def _built_in_names(group: str) -> tuple[str, ...]:
    if group == TASKS:
        from zo_core.language.tasks import TASKS as SHIPPED  # noqa: PLC0415 - may be slow

        return tuple(SHIPPED)
    names = {SCHEMES: built_in_schemes(), RADIOS: BUILT_IN_DRIVERS, AIRS: tuple(PRESETS)}
    return names[group]
