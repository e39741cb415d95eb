"""Runs side by side, each called by what tells it from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdr_ota.runs.run_folder import RunRecord

MOST_SETTINGS = 3
"""Runs that differ in more settings than these are called by their folders."""

UNTOLD = frozenset({"run.folder"})
"""Settings that say nothing about what a run does."""


@dataclass(frozen=True)
class NamedRun:
    """A run, and what it is called in tables and legends."""

    name: str
    run: RunRecord


def name_runs(runs: Sequence[RunRecord]) -> list[NamedRun]:
    """Call runs by the settings in which they differ, or by their folders."""
    settings = [flat_settings(run.start.get("config")) for run in runs]
    keys = different_keys(settings)
    if 0 < len(keys) <= MOST_SETTINGS:
        names = [", ".join(f"{_word(key)}={one.get(key)}" for key in keys) for one in settings]
    else:
        names = [run.folder.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    return [NamedRun(name, run) for name, run in zip(names, runs, strict=True)]


def _word(key: str) -> str:
    return key.rpartition(".")[2]


def flat_settings(tables: object, prefix: str = "") -> dict[str, object]:
    """Return a configuration's values under ``table.key``, however deep; empty if there is none."""
    if not isinstance(tables, Mapping):
        return {}
    flat: dict[str, object] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def different_keys(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the keys whose values are not the same everywhere, in their order."""
    keys = dict.fromkeys(key for one in settings for key in one)
    return [
        key
        for key in keys
        if key not in UNTOLD and any(one.get(key) != settings[0].get(key) for one in settings)
    ]
