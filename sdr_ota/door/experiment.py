"""What the front door takes as a configuration: a file, tables, or nothing for the demo."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sdr_ota.config.load import Config, config_of_tables, read_tables

ConfigSource: TypeAlias = str | os.PathLike[str] | Mapping[str, object] | None
"""A TOML file, its tables as a dict, or None for the demo."""

Changes: TypeAlias = Mapping[str, object]
"""Values by ``table.key``, as ``{"run.rounds": 50}``."""


@dataclass(frozen=True)
class Experiment:
    """A configuration and where it comes from.

    Attributes:
        config: Validated.
        home: Folder to which file names in it are relative.
        name: Of its file, for messages; empty without one.
    """

    config: Config
    home: Path
    name: str


def experiment_of(source: ConfigSource, changes: Changes | None = None) -> Experiment:
    """Read a configuration and put changed values into it.

    Raises:
        ConfigError: With everything that is wrong, one line each.
    """
    plain = {name: _plain(value) for name, value in (changes or {}).items()}
    if source is None or isinstance(source, Mapping):
        return Experiment(config_of_tables(source or {}, plain), Path(), "")
    path = Path(source)
    home = path.parent
    return Experiment(config_of_tables(read_tables(path), plain, home), home, str(path))


def _plain(value: object) -> object:
    """Return a value as a TOML file could hold it: NumPy scalars and paths are unwrapped."""
    if isinstance(value, np.generic):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value
