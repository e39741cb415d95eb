"""What is offered for borrowed laboratories fits this checkout; no laboratory is needed."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

from sdr_ota.assembly.plan import plan_run
from sdr_ota.config.load import load_config

ROOT = Path(__file__).parents[2]
LABS = ROOT / "examples" / "labs"
FOR_USRPS = {"soapysdr-module-uhd", "uhd-host"}
FOR_GNURADIO_AND_TESTS = {
    "gnuradio", "stterm", "gir1.2-gtk-3.0", "python3-scipy", "python3-zmq", "python3-pytest",
}  # fmt: skip


def debian_packages(script: Path) -> set[str]:
    text = script.read_text().replace("\\\n", " ")
    found = re.search(r"^scripts/need-debian\.sh (.+)$", text, re.MULTILINE)
    assert found is not None
    return set(found[1].split())


def test_a_lent_machine_gets_the_same_debian_packages() -> None:
    own = debian_packages(ROOT / "scripts" / "setup.sh")
    lent = debian_packages(LABS / "install.sh")
    assert lent - FOR_USRPS == own - FOR_GNURADIO_AND_TESTS
    assert lent >= FOR_USRPS
    assert own >= FOR_GNURADIO_AND_TESTS


def test_the_image_is_built_from_what_is_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (LABS / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert all((ROOT / source).exists() for source in sources)
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    packages = {folder.partition("/")[0] for folder in built["targets"]["wheel"]["packages"]}
    assert sources >= {"pyproject.toml", "README.md", "LICENSE", "LICENSES", "scripts", *packages}


@pytest.mark.parametrize("name", ["powder", "colosseum", "raspberry-pis"])
def test_every_config_has_a_plan(name: str) -> None:
    rows = dict(plan_run(LABS / f"{name}.toml", []).rows)
    config = load_config(LABS / f"{name}.toml")
    assert rows["link"].startswith(f"{config.clients.count} nodes")
    assert [f"host={n}" in address for n, address in _nodes(name)].count(True) == len(_nodes(name))


def _nodes(name: str) -> list[tuple[str, str]]:
    """Return the name that the page gives a node, and its address in the config."""
    stem = "pi" if name == "raspberry-pis" else "node"
    nodes = load_config(LABS / f"{name}.toml").radio.nodes
    return [(f"{stem}{place}", address) for place, address in enumerate(nodes, 1)]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the words of what the machines of the POWDER profile run, with 3 nodes."""
    said: list[str] = []
    portal, pg = MagicMock(), MagicMock()
    portal.Context.return_value.bindParameters.return_value = SimpleNamespace(
        nodes=3, low_mhz=3550.0, high_mhz=3560.0, hardware="d740"
    )
    pg.Execute.side_effect = lambda shell, command: said.append(command)
    parts = {"portal": portal, "rspec.pg": pg, "rspec.igext": MagicMock()}
    for name in ("", "rspec", "rspec.emulab", "rspec.emulab.spectrum", *parts):
        module = parts.get(name, ModuleType("geni"))
        monkeypatch.setitem(sys.modules, f"geni.{name}".rstrip("."), module)
        if "." in name:
            above, _, own = name.rpartition(".")
            setattr(sys.modules[f"geni.{above}"], own, module)
        elif name:
            setattr(sys.modules["geni"], name, module)
    spec = importlib.util.spec_from_file_location("profile_of_powder", LABS / "profile.py")
    assert spec is not None and spec.loader is not None
    profile = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(profile)
    profile.main()
    return [shlex.split(command) for command in said]


def test_the_nodes_of_the_profile_are_those_of_its_config(commands: list[list[str]]) -> None:
    config = load_config(LABS / "powder.toml")
    (server, *nodes), (band,) = commands, config.band
    assert "server" in server
    starts = [words[words.index("node") :][:5] for words in nodes]
    assert [(words[1], f"{words[3]},host={words[1]}") for words in starts] == _nodes("powder")
    assert {words[2] for words in starts} == {"10.10.1.1"}
    for words in starts:
        low, _, high = words[4].partition(":")
        assert (float(low), float(high)) == (band.low_hz, band.high_hz)


@pytest.mark.parametrize("words", [[], ["sever"], ["node", "node1"], ["server", "a", "b"]])
def test_nothing_is_installed_for_words_that_make_no_sense(words: list[str]) -> None:
    done = subprocess.run(
        [LABS / "start.sh", *words], capture_output=True, text=True, env={}, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "say server [ADDRESS], or node NAME" in done.stderr
