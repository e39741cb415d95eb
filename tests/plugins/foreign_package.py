"""A small package of somebody else: one scheme, one radio, one air, one task."""

from collections.abc import Mapping
from pathlib import Path

SCHEME = '''
from dataclasses import dataclass

from sdr_ota.schemes.coherent import Coherent


@dataclass(frozen=True)
class Louder(Coherent):
    """Coherent amplitudes at a level of its own."""

    level: float = 0.5

    def encode(self, symbol, node, n_nodes, n_chips, rng):
        return self.level * super().encode(symbol, node, n_nodes, n_chips, rng)

    def decode(self, chips, n_nodes, rx_amplitude):
        return super().decode(chips, n_nodes, self.level * rx_amplitude)

    def theory_variance(self, symbols, link):
        from dataclasses import replace

        softer = replace(link, rx_amplitude=self.level * link.rx_amplitude)
        return super().theory_variance(symbols, softer)
'''

RADIO = '''
"""Radios on one simulated air a process, by place: driver=foreign-air,place=0."""

from functools import cache

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.simulated import SimulatedRadio


@cache
def world():
    return SimulatedAir(AirSettings(air_preset("lab-wired"), 2, 1e6, 915e6, 1))


def open_radio(options):
    place = None if options["place"] == "receiver" else int(options["place"])
    return SimulatedRadio(world(), place, True)
'''

AIR = """
from sdr_ota.air.presets import AirPreset

QUIET = AirPreset("quiet-room", path_gain_db=-20.0, shared_clock=True, snr_db=55.0)


def louder_room():
    return AirPreset("louder-room", path_gain_db=-20.0, shared_clock=True, snr_db=25.0)
"""

TASK = """
from zo_core.language.tasks import PromptTask

MOOD = PromptTask("mood", "{report} It was", {"good": "great", "bad": "terrible"}, "mood")
"""

MODULES: Mapping[str, str] = {
    "scheme.py": SCHEME,
    "radio.py": RADIO,
    "air.py": AIR,
    "task.py": TASK,
    "broken.py": "import a_module_that_nobody_has\n",
    "leaves.py": "raise SystemExit('gone')\n",
    "wrong.py": (
        "class Scheme:\n    pass\n\n\nNUMBER = 3\n\n\ndef not_made():\n    raise KeyError('lost')\n"
    ),
}

ENTRY_POINTS: Mapping[str, Mapping[str, str]] = {
    "sdr_ota.schemes": {
        "louder": "foreign_ota.scheme:Louder",
        "coherent": "foreign_ota.scheme:Louder",
        "broken": "foreign_ota.broken:Scheme",
        "leaves": "foreign_ota.leaves:Scheme",
        "missing": "foreign_ota.scheme:Missing",
        "wrong": "foreign_ota.wrong:Scheme",
    },
    "sdr_ota.radios": {
        "foreign-air": "foreign_ota.radio:open_radio",
        "no-radio": "foreign_ota.wrong:Scheme",
        "number": "foreign_ota.wrong:NUMBER",
    },
    "sdr_ota.airs": {
        "quiet-room": "foreign_ota.air:QUIET",
        "louder-room": "foreign_ota.air:louder_room",
        "no-air": "foreign_ota.wrong:NUMBER",
        "not-made": "foreign_ota.wrong:not_made",
    },
    "sdr_ota.tasks": {"mood": "foreign_ota.task:MOOD", "no-task": "foreign_ota.wrong:NUMBER"},
}


def write_source(folder: Path) -> Path:
    """Write the package as its author keeps it: sources and a pyproject.toml."""
    _write_modules(folder / "foreign_ota")
    groups = "\n".join(_group_toml(group, points) for group, points in ENTRY_POINTS.items())
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        '[project]\nname = "foreign-ota"\nversion = "1.5"\ndependencies = ["sdr-ota"]\n\n' + groups
    )
    return folder


def write_installed(folder: Path, name: str = "foreign-ota") -> Path:
    """Write the package as an installer leaves it: modules and metadata."""
    _write_modules(folder / "foreign_ota")
    write_metadata(folder, name, ENTRY_POINTS)
    return folder


def write_metadata(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Write what an installed distribution says about itself."""
    home = folder / f"{name.replace('-', '_')}-1.5.dist-info"
    home.mkdir(parents=True)
    (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (home / "entry_points.txt").write_text("\n".join(lines) + "\n")


def _write_modules(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("")
    for name, text in MODULES.items():
        (home / name).write_text(text)


def _group_toml(group: str, points: Mapping[str, str]) -> str:
    lines = [f'[project.entry-points."{group}"]']
    return "\n".join([*lines, *(f'{key} = "{value}"' for key, value in points.items()), ""])
