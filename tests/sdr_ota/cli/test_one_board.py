"""One board and one cable, and one device behind two addresses."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.runs.run_folder import read_run
from sdr_ota.schemes import load_scheme, scheme_names

BAND = "[[band]]\nname = 'a cable'\nlow_hz = 914e6\nhigh_hz = 916e6\n"
CYCLIC = [name for name in scheme_names() if load_scheme(name).on_subcarriers is not None]


@pytest.fixture
def plutos() -> Iterator[VirtualPlutos]:
    world = PlutoWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        yield served


def run(
    folder: Path, receiver: str, nodes: tuple[str, ...], *settings: str
) -> subprocess.CompletedProcess[str]:
    listed = ", ".join(f'"{node}"' for node in nodes)
    (folder / "bench.toml").write_text(
        f'clients.count = {len(nodes)}\nclients.source = "synthetic"\nrun.rounds = 8\n'
        f'[radio]\nreceiver = "{receiver}"\nnodes = [{listed}]\ntransmit_allowed = true\n{BAND}'
    )
    words = [word for setting in settings for word in ("--set", setting)]
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "run", "bench.toml", *words],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", CYCLIC)
def test_one_full_duplex_board_is_a_bench(
    scheme: str, tmp_path: Path, plutos: VirtualPlutos
) -> None:
    board = f"driver=pluto,uri={plutos.node_uris[0]}"
    payload = "sign" if load_scheme(scheme).sign_only else "analog"
    done = run(tmp_path, board, (board,), f"link.scheme={scheme}", f"link.payload={payload}")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    rounds = [r for r in read_run(folder).rounds if r.erasure is None]
    assert len(rounds) >= 6
    errors = [(r.decoded_sum or 0) - (r.true_sum or 0) for r in rounds]
    expected = float(np.mean([r.theory_error or 0 for r in rounds]))
    assert float(np.mean(np.square(errors))) < 5 * expected


def test_one_triggered_board_is_a_bench(tmp_path: Path, plutos: VirtualPlutos) -> None:
    board = f"driver=pluto,uri={plutos.node_uris[0]},trigger=external"
    done = run(tmp_path, board, (board,), "link.scheme=coherent")
    assert done.returncode == 0, done.stderr


def test_two_names_of_one_board_are_refused_and_both_named(
    tmp_path: Path, plutos: VirtualPlutos
) -> None:
    board = f"driver=pluto,uri={plutos.node_uris[0]}"
    alias = board.replace("127.0.0.1", "localhost")
    receiver = f"driver=pluto,uri={plutos.receiver_uri}"
    done = run(tmp_path, receiver, (board, alias))
    assert done.returncode == 2
    assert f"{board} and {alias} are one device, virtual-node-0" in done.stderr
    assert "Traceback" not in done.stderr
    done = run(tmp_path, alias, (board,))
    assert done.returncode == 2
    assert "write the same address for both" in done.stderr


def test_a_device_of_one_direction_is_not_both(
    tmp_path: Path, virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    world = SoapyWorld(AirSettings(air_preset("ideal"), 1, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as served:
        (node,) = served.node_addresses
        done = run(tmp_path, node, (node,))
    assert done.returncode == 2
    assert re.search("is the receiver and a node, but it cannot send and receive", done.stderr)
