"""`sdr-ota dataset`: superposed bursts with ground truth, for those who build receivers."""

import csv
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from rich.progress import track

from sdr_ota.air.presets import air_preset
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.failure import INTERRUPTED, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.report.printable_console import PrintableConsole
from sdr_ota.runs.new_folder import check_new_folder
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.schemes import load_scheme
from sdr_ota.study.dataset.baseline import of_cells, of_settings
from sdr_ota.study.dataset.card import write_card
from sdr_ota.study.dataset.checksums import write_checksums
from sdr_ota.study.dataset.setting import ROWS, Setting, write_rows, write_setting
from sdr_ota.study.dataset.split import SPLITS, captures_of
from sdr_ota.study.dataset.tracker_errors import tracker_rows

GRID = "dataset.json"

TRACKER = "tracker"
"""Folder of the second part, a file an air."""


@dataclass(frozen=True)
class Grid:
    """What a data set holds.

    Attributes:
        presets: Simulated airs.
        schemes: How symbols are added.
        most_nodes: K goes from 1 to this.
        snrs_db: Of one full-scale node.
        captures: In every setting, its three splits together.
        seed: Everything random follows from it.
        settings: Further ``table.key=value`` for all of them.
        predictions: Of the second part, in each of its worlds; 0 for no second part.
    """

    presets: tuple[str, ...]
    schemes: tuple[str, ...]
    most_nodes: int
    snrs_db: tuple[float, ...]
    captures: int
    seed: int
    settings: tuple[str, ...] = ()
    predictions: int = 12

    def configs(self) -> dict[Setting, Config]:
        """Return every setting with its configuration.

        Raises:
            ValueError: If a name is unknown or a setting is impossible.
        """
        for preset in self.presets:
            air_preset(preset)
        for scheme in self.schemes:
            load_scheme(scheme)
        counts = range(1, self.most_nodes + 1)
        splits = [split for split in SPLITS if captures_of(split, self.captures)]
        places = product(self.presets, self.schemes, counts, self.snrs_db, splits)
        made = (Setting(*place) for place in places)
        configs = {
            s: s.config(self.settings, captures_of(s.split, self.captures), self.seed) for s in made
        }
        for config in configs.values():
            if config.radio.sends_cyclic_frames or not config.radio.is_simulated:
                raise ValueError("a data set is made by simulated radios with hardware time")
        return configs


def make_dataset(root: Path, grid: Grid) -> int:
    """Make a data set, or what is missing of it; return its number of captures.

    Raises:
        CommandFailed: If the grid cannot be used, or the folder cannot be written.
    """
    try:
        configs = grid.configs()
    except (ConfigError, ValueError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    try:
        with Interruption() as interruption:
            _claim(root, grid)
            title = f"{len(configs)} settings"
            shown = track(configs.items(), title, console=PrintableConsole(stderr=True))
            for setting, config in shown:
                if not (root / setting.folder / ROWS).is_file():
                    _forget(root / setting.folder)
                    write_setting(setting, config, root)
                interruption.check()
            for preset in grid.presets if grid.predictions else ():
                _write_tracker(root, grid, preset)
                interruption.check()
            _describe(root, grid, tuple(configs))
    except KeyboardInterrupt:
        text = f"interrupted; the same command goes on with what is missing in {root}"
        raise CommandFailed(text, INTERRUPTED) from None
    except OSError as error:
        raise CommandFailed(
            f"cannot write {root}: {error.strerror or error}; what is there stays, and the same "
            "command goes on with what is missing"
        ) from error
    return sum(config.run.rounds for config in configs.values())


def _claim(root: Path, grid: Grid) -> None:
    """Make the folder, or see that it holds the beginning of this very data set."""
    wanted = json.loads(json.dumps(asdict(grid)))
    path = root / GRID
    if path.is_file():
        with suppress(ValueError):
            if json.loads(path.read_text(encoding="utf-8")) == wanted:
                return
        raise CommandFailed(
            f"{root} holds a data set of other settings ({path}); choose another folder", WRONG_USE
        )
    check_new_folder(root)
    root.mkdir(parents=True, exist_ok=True)
    replace_file(path, f"{json.dumps(wanted, indent=2)}\n".encode())


def _forget(folder: Path) -> None:
    """Remove a setting that was broken off."""
    if folder.exists():
        shutil.rmtree(folder)


def _write_tracker(root: Path, grid: Grid, preset: str) -> None:
    """Write the second part of one air, if it is not there."""
    path = root / TRACKER / f"{preset}.csv"
    if not path.is_file():
        rows = tracker_rows(preset, grid.most_nodes, grid.predictions, grid.seed, grid.settings)
        path.parent.mkdir(exist_ok=True)
        write_rows(path, [asdict(row) for row in rows])


def _describe(root: Path, grid: Grid, settings: Sequence[Setting]) -> None:
    """Write the index, the baselines, the data card and the checksums."""
    rows = [row for setting in settings for row in _read(root / setting.folder / ROWS)]
    parts = [root / TRACKER / f"{preset}.csv" for preset in grid.presets if grid.predictions]
    tracked = [row for part in parts for row in _read(part)]
    write_rows(root / "index.csv", rows)
    cells = of_cells(rows)
    write_rows(root / "baseline.csv", [asdict(result) for result in of_settings(rows)])
    write_rows(root / "baseline-cfo.csv", [asdict(result) for result in cells])
    if tracked:
        write_rows(root / "tracker.csv", tracked)
    write_card(root, rows, cells, tracked)
    write_checksums(root)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
