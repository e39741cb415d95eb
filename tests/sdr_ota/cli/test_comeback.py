"""Runs whose radios go and come back, as a user starts them: cables cut, boards killed."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from tests.ports import free_ports
from tests.sdr_ota.radio.relay import Relay

BENCH = """
[clients]
count = 2
source = "synthetic"
[link]
scheme = "energy-difference"
[radio]
receiver = "{receiver}"
nodes = ["{nodes[0]}", "{nodes[1]}"]
transmit_allowed = true
[[band]]
name = "cables only"
low_hz = 914e6
high_hz = 916e6
"""
LONGEST_S = 60.0


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + LONGEST_S
    while not holds():
        assert time.monotonic() < until, f"{what} did not happen in {LONGEST_S:g} s"
        time.sleep(0.02)


def write_bench(folder: Path, receiver: str, nodes: tuple[str, ...]) -> None:
    (folder / "bench.toml").write_text(BENCH.format(receiver=receiver, nodes=nodes))


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sdr_ota.cli", *words]


class Run:
    """One `sdr-ota run` in a folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self._said = (folder / "stderr.txt").open("w")
        self._process = subprocess.Popen(
            command("run", *words), cwd=folder, stdout=subprocess.DEVNULL, stderr=self._said
        )

    @property
    def run_folder(self) -> Path:
        (found,) = (self.folder / "runs").iterdir()
        return found

    def rounds(self) -> list[dict[str, Any]]:
        """Return all rounds so far; the last line may be half written."""
        files = list(self.folder.glob("runs/*/rounds.jsonl"))
        lines = files[0].read_text().splitlines() if files else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def does_rounds(self, nodes: list[int], n_more: int = 3) -> None:
        """Wait until some more rounds in a row had these nodes and no others."""
        first = len(self.rounds())

        def done() -> bool:
            assert self._process.poll() is None, self.said()
            newest = self.rounds()[first:][-n_more:]
            return len(newest) == n_more and all(
                r["erasure"] is None and r["active_nodes"] == nodes for r in newest
            )

        wait_until(done, f"{n_more} rounds with nodes {nodes}")

    def said(self) -> str:
        """Return what it said on standard error, without the line a round."""
        text = (self.folder / "stderr.txt").read_text()
        return re.sub(r"(?m)^round \d+ of .*\n", "", text)

    def ends(self) -> int:
        try:
            return self._process.wait(LONGEST_S)
        finally:
            self.close()

    def is_interrupted(self) -> None:
        self._process.send_signal(signal.SIGINT)
        assert self.ends() == 130, self.said()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._said.close()


@contextmanager
def running(folder: Path, *settings: str) -> Iterator[Run]:
    words = [word for setting in settings for word in ("--set", setting)]
    run = Run(folder, "bench.toml", "--set", "run.rounds=100000", *words)
    try:
        run.does_rounds([0, 1])
        yield run
    finally:
        run.close()


def assert_short_and_clean(said: str) -> None:
    assert "Traceback" not in said, said
    assert "ignored" not in said, said
    assert len(said.splitlines()) < 30, said


class Cabled:
    """Two virtual Plutos and a receiving one, each behind a relay."""

    def __init__(self, folder: Path) -> None:
        self.world = PlutoWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, seed=1))
        self.served = VirtualPlutos(self.world)
        uris = (self.served.receiver_uri, *self.served.node_uris)
        relays = [Relay(int(uri.rpartition(":")[2])) for uri in uris]
        self.receiver, *self.nodes = relays
        first, *others = (f"driver=pluto,uri=ip:127.0.0.1:{relay.port}" for relay in relays)
        write_bench(folder, first, tuple(others))

    def is_silent(self) -> bool:
        """Whether no synthesiser of a transmitter is on."""
        return all(board.number((PHY, TX_LO, "powerdown")) for board in self.world.nodes)

    def is_dark(self) -> bool:
        return not self.world.air._cyclic and all(
            board.number((PHY, TX, "hardwaregain")) == -89.75
            and board.number((PHY, TX_LO, "powerdown")) == 1
            for board in self.world.nodes
        )

    def close(self) -> None:
        for relay in (self.receiver, *self.nodes):
            relay.close()
        self.served.close()


@pytest.fixture
def cabled(tmp_path: Path) -> Iterator[Cabled]:
    made = Cabled(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_a_node_whose_cable_is_out_for_two_seconds_is_left_out_and_comes_back(
    tmp_path: Path, cabled: Cabled
) -> None:
    with running(tmp_path) as run:
        cabled.nodes[1].cut()
        run.does_rounds([0])
        time.sleep(2)
        cabled.nodes[1].mend()
        run.does_rounds([0, 1])
        run.is_interrupted()
        assert_short_and_clean(run.said())
    assert cabled.is_dark()


def test_a_node_that_does_not_come_back_is_left_out(tmp_path: Path, cabled: Cabled) -> None:
    with running(tmp_path) as run:
        cabled.nodes[0].cut()
        run.does_rounds([1], n_more=20)
        assert "node 0 was not found" in run.rounds()[-1]["detail"]
        run.is_interrupted()
        assert_short_and_clean(run.said())


@pytest.mark.slow
def test_a_device_with_hardware_time_that_was_away_stays_away_until_the_run_is_resumed(
    tmp_path: Path, virtual_soapy_driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    world = SoapyWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as served, Relay(served.port) as relay:
        first, second = served.node_addresses
        far = second.replace(f"port={served.port}", f"port={relay.port}")
        write_bench(tmp_path, served.receiver_address, (first, far))
        with running(tmp_path, "radio.lead_s=0.05") as run:
            relay.cut()
            run.does_rounds([0])
            relay.mend()
            run.does_rounds([0], n_more=10)
            run.is_interrupted()
            assert_short_and_clean(run.said())
            assert "resume the run to align all" in run.said()
        resumed = Run(tmp_path, "--resume", str(run.run_folder))
        try:
            resumed.does_rounds([0, 1])
            resumed.is_interrupted()
        finally:
            resumed.close()


@pytest.mark.slow
def test_a_run_stops_when_it_shall_stop_for_a_lost_node(tmp_path: Path, cabled: Cabled) -> None:
    with running(tmp_path, "radio.lost_node=stop") as run:
        cabled.nodes[1].cut()
        assert run.ends() == 3
        said = run.said()
        assert_short_and_clean(said)
        assert "sdr-ota: virtual-node-1: " in said
        assert "the run stops; go on with: sdr-ota run --resume runs/" in said


@pytest.mark.slow
def test_a_receiver_that_is_away_for_a_moment_costs_rounds_and_not_the_run(
    tmp_path: Path, cabled: Cabled
) -> None:
    with running(tmp_path) as run:
        before = len(run.rounds())
        cabled.receiver.cut()
        time.sleep(2)
        n_lost = len([r for r in run.rounds()[before:] if r["erasure"] == "radio"])
        assert 1 <= n_lost < 12  # and not 50 a second
        cabled.receiver.mend()
        run.does_rounds([0, 1])
        run.is_interrupted()
        assert_short_and_clean(run.said())
    assert cabled.is_dark()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["receiver", "nodes", "all"])
def test_a_bench_that_stays_away_ends_the_run_and_it_can_be_resumed(
    which: str, tmp_path: Path, cabled: Cabled
) -> None:
    relays = {"receiver": [cabled.receiver], "nodes": cabled.nodes}
    relays["all"] = [*cabled.nodes, cabled.receiver]
    with running(tmp_path, "radio.give_up_after=4") as run:
        for relay in relays[which]:
            relay.cut()
        assert run.ends() == 3
        assert_short_and_clean(run.said())
        assert "the bench is gone: 4 rounds in a row were lost" in run.said()
        rounds = run.rounds()
        assert [r["round"] for r in rounds] == list(range(len(rounds)))
        assert all(r["erasure"] == "radio" for r in rounds[-4:])
        assert json.loads((run.run_folder / "stop.json").read_text())["ending"] == "fail"
        for relay in relays[which]:
            relay.mend()
        resumed = Run(tmp_path, "--resume", str(run.run_folder))
        try:
            resumed.does_rounds([0, 1])
            resumed.is_interrupted()
        finally:
            resumed.close()
        assert [r["round"] for r in resumed.rounds()[: len(rounds)]] == list(range(len(rounds)))
        assert_short_and_clean(resumed.said())


@pytest.mark.slow
def test_an_ethernet_cable_that_is_out_for_two_seconds_loses_nothing_but_time(
    tmp_path: Path, cabled: Cabled
) -> None:
    with running(tmp_path) as run:
        cabled.nodes[1].stall()
        time.sleep(2)
        cabled.nodes[1].flow()
        run.does_rounds([0, 1])
        run.is_interrupted()
        assert_short_and_clean(run.said())


@pytest.mark.slow
def test_a_frozen_host_falls_silent_and_goes_on_when_it_thaws(
    tmp_path: Path, cabled: Cabled
) -> None:
    with running(tmp_path) as run:
        run.send(signal.SIGSTOP)
        wait_until(cabled.is_silent, "silence")
        run.send(signal.SIGCONT)
        run.does_rounds([0, 1])
        assert not cabled.is_silent()
        run.send(signal.SIGKILL)
        wait_until(cabled.is_silent, "silence")


@contextmanager
def boards(kind: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Virtual boards in a process of their own, and what they print."""
    served = subprocess.Popen(
        command(f"virtual-{kind}", "--nodes", "2", "--preset", "ideal", *words),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert served.stdout is not None
        lines = []
        while not lines or lines[-1] != "]\n":
            line = served.stdout.readline()
            assert line, "no boards are served"
            lines.append(line)
        yield served, "".join(lines)
    finally:
        with suppress(ProcessLookupError):
            served.kill()
        served.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pluto", "soapy"])
def test_boards_that_are_killed_end_the_run_and_new_ones_resume_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual_soapy_driver: Path
) -> None:
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(virtual_soapy_driver.parent))
    option = "--first-port" if kind == "pluto" else "--port"
    same_ports = (option, str(free_ports(3)))
    with boards(kind, *same_ports) as (served, said):
        receiver, *nodes = re.findall(r'^[^#\n]*"(driver=.*)"', said, re.MULTILINE)
        write_bench(tmp_path, receiver, tuple(nodes))
        lead = "radio.lead_s=0.05" if kind == "soapy" else "radio.lead_s=1e-3"
        with running(tmp_path, "radio.give_up_after=4", lead) as run:
            served.kill()
            assert run.ends() == 3
            assert_short_and_clean(run.said())
            assert "go on with: sdr-ota run --resume" in run.said()
    with boards(kind, *same_ports):
        resumed = Run(tmp_path, "--resume", str(run.run_folder))
        try:
            resumed.does_rounds([0, 1])
            resumed.is_interrupted()
        finally:
            resumed.close()
        assert_short_and_clean(resumed.said())
