"""Node processes that share nothing but radios with the server learn what the server learns."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.run import start_run
from sdr_ota.failure import INTERRUPTED
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.two_way_world import TwoWayWorld
from sdr_ota.runs.run_folder import read_run

EXAMPLE = Path(__file__).parents[3] / "examples" / "no-cables.toml"
PROGRAM = Path(__file__).with_name("without_sockets.py")
N_NODES, N_ROUNDS, PATIENCE_S = 4, 3, 120.0


@pytest.fixture
def world() -> Iterator[VirtualSoapy]:
    preset = air_preset("usrp-shared-clock")  # the devices do not use the shared one
    settings = AirSettings(preset, N_NODES, 1e6, 915e6, 3)
    with VirtualSoapy(TwoWayWorld(settings)) as served:
        yield served


def experiment_at(folder: Path, port: int) -> Path:
    """Return the example with few rounds, at a port of its own, with a key."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("port=30600", f"port={port}")
    runs = f'rounds = {N_ROUNDS}\nevaluate_every = {N_ROUNDS}\nfolder = "{folder / "runs"}"'
    experiment = folder / "run.toml"
    experiment.write_text(text.replace("rounds = 100", runs), encoding="utf-8")
    key = folder / "no-cables.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    return experiment


@contextmanager
def listening(
    experiment: Path, addresses: Sequence[str], driver: Path
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start a node a process and wait until all of them listen; end those that are left."""
    environment = {**os.environ, "SOAPY_SDR_PLUGIN_PATH": str(driver.parent)}
    with ExitStack() as ending:
        nodes = []
        for place, address in enumerate(addresses):
            words = [str(experiment), "--air-only", address]
            words += ["--folder", str(experiment.parent / f"node-{place}")]
            node = subprocess.Popen(
                [sys.executable, str(PROGRAM), "node", *words], env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            ending.enter_context(node)
            ending.callback(node.kill)
            nodes.append(node)
        for node in nodes:
            assert node.stdout is not None
            said = next(line for line in node.stdout if "listens" in line or "sdr-ota:" in line)
            assert "listens at 915 MHz" in said
        yield nodes


def remote_ends(process: int) -> set[str]:
    """Return where a process's sockets lead, all kinds of them."""
    links = [os.readlink(fd) for fd in Path(f"/proc/{process}/fd").iterdir()]
    own = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    ends: Mapping[str, str] = {
        words[9]: words[2]
        for line in Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]
        if (words := line.split())
    }
    return {ends.get(inode, "no TCP") for inode in own}


@pytest.mark.slow
def test_nodes_that_only_the_air_leads_to_end_with_the_servers_weights(
    world: VirtualSoapy, virtual_soapy_driver: Path, tmp_path: Path
) -> None:
    experiment = experiment_at(tmp_path, world.port)
    with listening(experiment, world.node_addresses, virtual_soapy_driver) as nodes:
        for node in nodes:
            assert remote_ends(node.pid) == {f"0100007F:{world.port:04X}"}
        folder = start_run(experiment)
        for node in nodes:
            assert node.wait(PATIENCE_S) == 0
    rounds = read_run(folder).rounds
    assert [r.active_nodes for r in rounds] == [(0, 1, 2, 3)] * N_ROUNDS
    checkpoint = json.loads((folder / "journal.jsonl").read_text().splitlines()[-1])
    assert checkpoint["n_updates"] == N_ROUNDS
    ends = [json.loads((tmp_path / f"node-{k}" / "end.json").read_text()) for k in range(N_NODES)]
    assert [end["checksum"] for end in ends] == [checkpoint["checksum"]] * N_NODES
    assert [end["n_steps"] for end in ends] == [N_ROUNDS] * N_NODES
    assert (tmp_path / "node-0" / "weights.safetensors").exists()


@pytest.mark.slow
def test_a_node_that_is_asked_to_end_falls_silent_and_says_what_it_has(
    world: VirtualSoapy, virtual_soapy_driver: Path, tmp_path: Path
) -> None:
    experiment = experiment_at(tmp_path, world.port)
    with listening(experiment, world.node_addresses[1:2], virtual_soapy_driver) as (node,):
        node.terminate()
        said, _ = node.communicate(timeout=PATIENCE_S)
        assert node.returncode == INTERRUPTED, said
    end = json.loads((tmp_path / "node-0" / "end.json").read_text())
    assert (end["node"], end["n_steps"], end["last_round"]) == (1, 0, -1)
