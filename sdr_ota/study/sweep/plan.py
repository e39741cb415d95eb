"""From a sweep file to points: which runs there are, and what each of them is called.

A sweep file looks like this:

    folder = "sweeps/snr"       # optional: where the runs and the table go
    axis = "snr_max_db"         # optional: one figure a result, over this alone
    results = ["score_after"]   # optional: columns of the table that are shown
    seeds = 3                   # run.seed 1, 2, 3; or a list
    presets = ["lab-wired"]     # air.preset, over these
    [base]                      # what all points share: a file, and values on top of it
    file = "link.toml"
    run.rounds = 40
    [grid]                      # every combination of these
    air.snr_db = [0, 10, 20]
    link.scheme = ["coherent", "energy-difference"]
    [[list]]                    # points one by one; lists of one entry go in step
    curve = "more clients"      # optional, in all entries or none: what a legend calls it
    clients.count = [2, 4, 8]
    frame.payload_chips = [128, 256, 512]
"""

import hashlib
import itertools
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdr_ota.config.load import Config, ConfigError, load_config
from sdr_ota.report.named_run import flat_settings
from sdr_ota.study.sweep.results import CURVE, SEED, SNR_MAX, USUAL, Result, chosen_results

PRESET = "air.preset"

KNOWN = ("folder", "axis", "results", "seeds", "presets", "base", "grid", "list")

MOST_NAME_LETTERS = 80

Settings = Mapping[str, object]


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: Of its folder; it changes with anything that changes the run.
        settings: What the sweep sets, by ``table.key``.
        config: The whole configuration, validated.
        arguments: What `sdr-ota run` is given for it, apart from the folder.
        curve: What the file calls its `[[list]]` entry; empty if it does not.
    """

    name: str
    settings: Settings
    config: Config
    arguments: tuple[str, ...]
    curve: str = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep file as read.

    Attributes:
        home: Folder of the file; names of files in it are relative to it.
        folder: Where the runs go, if the file says so.
        keys: What tells the points apart, in the file's order: `CURVE`, and what is swept.
        points: In order; no two are the same.
        axis: Column over which results are drawn; None for every key.
        results: What is shown.
    """

    home: Path
    folder: str | None
    keys: tuple[str, ...]
    points: tuple[Point, ...]
    axis: str | None = None
    results: tuple[Result, ...] = USUAL


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file and validate every point of it.

    Raises:
        ConfigError: With the first point that cannot run, and why.
    """
    tables = _read(path)
    unknown = [key for key in tables if key not in KNOWN]
    if unknown:
        raise ConfigError(f"{path}: unknown {unknown[0]!r}; known: {', '.join(KNOWN)}")
    base = flat_settings(_table(tables, "base"))
    file = base.pop("file", None)
    if whole := [key for key in base if "." not in key]:
        raise ConfigError(f"base: {whole[0]} belongs into a file of its own: name it in base.file")
    home = path.parent.resolve()
    combinations = _combinations(tables)
    if not combinations:
        raise ConfigError(f"{path} means no point at all: seeds or a [[list]] entry is empty")
    points = [_point(home, file, base, settings) for settings in combinations]
    unique = tuple({point.name: point for point in points}.values())
    folder, keys = tables.get("folder"), _keys(unique)
    return Sweep(
        home,
        None if folder is None else str(folder),
        keys,
        unique,
        _axis(tables.get("axis"), keys),
        chosen_results(tables.get("results")),
    )


def _keys(points: Sequence[Point]) -> tuple[str, ...]:
    """Return what tells points apart; what is the same all along each curve, its name stands for.

    Raises:
        ConfigError: If some entries have a name and others none.
    """
    curves = dict.fromkeys(point.curve for point in points)
    keys = dict.fromkeys(key for point in points for key in point.settings)
    if not any(curves):
        return tuple(keys)
    if "" in curves:
        raise ConfigError("list: give every entry a curve, or none of them")
    along = [[p.settings for p in points if p.curve == curve] for curve in curves]
    return (CURVE, *(key for key in keys if any(_varies(key, own) for own in along)))


def _varies(key: str, settings: Sequence[Settings]) -> bool:
    return any(one.get(key) != settings[0].get(key) for one in settings)


def _axis(named: object, keys: Sequence[str]) -> str | None:
    known = [*(key for key in keys if key not in {SEED, CURVE}), SNR_MAX]
    if named is not None and named not in known:
        raise ConfigError(f"axis = {named!r}: it should be one of {', '.join(known)}")
    return None if named is None else str(named)


def shown_keys(sweep: Sweep) -> tuple[str, ...]:
    """Return the columns that tell points apart: the keys, and the axis if it is none of them."""
    return tuple(dict.fromkeys([*sweep.keys, *([sweep.axis] if sweep.axis else [])]))


def toml_value(value: object) -> str:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value, default=str)  # a date is no setting: the config will say so


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _combinations(tables: Mapping[str, object]) -> list[dict[str, object]]:
    """Return what each point sets: the grid times the list times presets times seeds."""
    axes = {
        key: _values(f"grid.{key}", v) for key, v in flat_settings(_table(tables, "grid")).items()
    }
    if "presets" in tables:
        axes[PRESET] = _values("presets", tables["presets"])
    seeds = tables.get("seeds")
    if seeds is not None:
        axes[SEED] = list(range(1, seeds + 1)) if type(seeds) is int else _values("seeds", seeds)
    rows = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
    entries = tables.get("list", [{}])
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) for one in entries):
        raise ConfigError("list: write each entry as a [[list]] table")
    listed = [point for entry in entries for point in _in_step(flat_settings(entry))]
    return [{**point, **row} for point in listed for row in rows]


def _in_step(entry: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the points of one entry: its lists are read side by side."""
    lists = {key: value for key, value in entry.items() if isinstance(value, list)}
    lengths = {key: len(value) for key, value in lists.items()}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"list: lists of one entry must be of one length, found {lengths}")
    n_points = next(iter(lengths.values()), 1)
    return [
        {key: lists[key][i] if key in lists else value for key, value in entry.items()}
        for i in range(n_points)
    ]


def _values(place: str, value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise ConfigError(f"{place} = {value!r}: it should be a list with at least one value")
    return value


def _table(tables: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = tables.get(name, {})
    if not isinstance(table, Mapping):
        raise ConfigError(f"{name} = {table!r}: it should be a table")
    return table


def _point(home: Path, file: object, base: Settings, settings: Settings) -> Point:
    experiment = None if file is None else home / str(file)
    curve = settings.get(CURVE, "")
    if not isinstance(curve, str):
        raise ConfigError(f"list: curve = {curve!r}: it should be a text")
    settings = {key: value for key, value in settings.items() if key != CURVE}
    shared = [f"{key}={toml_value(value)}" for key, value in base.items() if key not in settings]
    return point_of(experiment, shared, settings, curve)


def point_of(
    experiment: Path | None, shared: Sequence[str], settings: Settings, curve: str = ""
) -> Point:
    """Return a point of an experiment.

    Args:
        experiment: File of what all points share; None for the demo.
        shared: What they change in it, as ``table.key=value``.
        settings: What this point sets.
        curve: What it is called, apart from that.

    Raises:
        ConfigError: If it cannot run.
    """
    changes = [*shared, *(f"{key}={toml_value(value)}" for key, value in settings.items())]
    try:
        config = load_config(experiment, changes)
    except ConfigError as wrong:
        where = ", ".join(f"{key} = {value}" for key, value in settings.items())
        raise ConfigError(f"point {where or '(the only one)'}: {wrong}") from None
    arguments = [str(experiment)] if experiment else ["--demo"]
    for change in changes:
        arguments += ["--set", change]
    return Point(_name(curve, settings, config), settings, config, tuple(arguments), curve)


def _name(curve: str, settings: Settings, config: Config) -> str:
    """Return a name that people can read, and that is another for another configuration."""
    words = [f"{key.rpartition('.')[2]}={value}" for key, value in settings.items()]
    words = [curve, *words] if curve else words
    text = re.sub(r"[^\w.=,+-]+", "-", ",".join(words))[:MOST_NAME_LETTERS]
    whole = config.model_dump(mode="json", exclude={"run": {"folder"}})
    called = [whole, curve] if curve else whole
    digest = hashlib.sha256(json.dumps(called, sort_keys=True).encode()).hexdigest()[:8]
    return f"{text}-{digest}" if text else digest


def needs_real_radios(points: Sequence[Point]) -> bool:
    """Whether any point opens real radios, which only one run at a time can hold."""
    return not all(point.config.radio.is_simulated for point in points)
