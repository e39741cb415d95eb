"""Nodes, air and receiver as processes: they add up, survive a death, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import ota_flowgraphs
import pytest
from ota_flowgraphs.process import ChildFailed, start_module
from ota_flowgraphs.virtual_radios import MAX_NODES, VirtualRadios
from scipy import stats

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.config.load import MAX_PROCESSES
from sdr_ota.radio.address import open_radios
from sdr_ota.radio.base import RadioLost
from sdr_ota.types import Samples

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "virtual-radios.toml"
PRESET = AirPreset("calm", path_gain_db=-6.0, clock_error_range_ppm=20.0, snr_db=50.0)
WORLD = AirSettings(PRESET, 3, 1e6, 915e6, 2)


def tone(cycles: float, n_samples: int = 2000) -> Samples:
    return (0.4 * np.exp(2j * np.pi * cycles * np.arange(n_samples))).astype(np.complex64)


def level_at(samples: Samples, cycles: float, width: float = 0.02) -> float:
    """Return the amplitude of what lies around a frequency."""
    lines = np.fft.fft(samples) / len(samples)
    near = np.abs(np.fft.fftfreq(len(samples)) - cycles) < width
    return float(np.sqrt(np.sum(np.abs(lines[near]) ** 2)))


def test_nodes_add_up_each_with_an_oscillator_of_its_own() -> None:
    with (
        VirtualRadios(WORLD) as virtual,
        open_radios((virtual.receiver_address, *virtual.node_addresses)) as (receiver, *nodes),
    ):
        pids = {child.pid for child in (*virtual.nodes, virtual.air, virtual.receiver)}
        assert len(pids | {os.getpid()}) == 6
        places = (-0.2, 0.05, 0.25)
        for node, place in zip(nodes, places, strict=True):
            node.begin_cyclic(tone(place))
        received = receiver.begin_receive(40_000).result(10.0).samples[5000:]
        offsets = []
        for place in places:
            assert level_at(received, place) == pytest.approx(0.2, rel=0.03)
            lines = np.abs(np.fft.fft(received * np.hanning(len(received))))
            frequency = np.fft.fftfreq(len(received))
            lines[np.abs(frequency - place) > 0.03] = 0
            offsets.append(frequency[np.argmax(lines)] - place)
        assert max(map(abs, offsets)) <= 20e-6 * 915.0 * 1.01 + 1e-4  # 20 ppm of 915 MHz at 1 MS/s
        assert np.ptp(offsets) > 1e-3
        nodes[1].end_cyclic()
        received = receiver.begin_receive(40_000).result(10.0).samples
        assert level_at(received, places[1]) < 0.01
        assert level_at(received, places[0]) == pytest.approx(0.2, rel=0.03)


def test_the_config_knows_how_many_inputs_the_air_has() -> None:
    air = (Path(ota_flowgraphs.__file__).parent / "air.grc").read_text()
    assert MAX_PROCESSES == MAX_NODES == air.count("id: ota_iq_source")


def test_a_radio_that_cannot_start_says_why(tmp_path: Path) -> None:
    wrong = {"control": f"{tmp_path}/control", "source": "nowhere"}
    with (
        pytest.raises(
            ChildFailed, match=r"virtual receiver ended with status 1; it said: .*ZMQError"
        ),
        start_module("virtual receiver", "sdr_ota.radio.virtual.zmq_receiver", wrong),
    ):
        pass


def test_time_stands_still_while_nobody_listens() -> None:
    with (
        VirtualRadios(WORLD) as virtual,
        open_radios((virtual.receiver_address, *virtual.node_addresses)) as (receiver, *nodes),
    ):
        receiver.begin_receive(1000).result(10.0)

        def rests() -> bool:
            before = [radio.now_tick() for radio in (receiver, *nodes)]
            time.sleep(0.3)  # in which an air that moves makes 100 000 samples
            return [radio.now_tick() for radio in (receiver, *nodes)] == before

        wait_until(rests)  # what was on its way comes to rest first
        assert rests()


def test_a_dead_node_is_lost_and_the_others_go_on() -> None:
    with (
        VirtualRadios(WORLD) as virtual,
        open_radios((virtual.receiver_address, *virtual.node_addresses)) as (receiver, *nodes),
    ):
        for node, place in zip(nodes, (-0.2, 0.05, 0.25), strict=True):
            node.begin_cyclic(tone(place))
        os.kill(virtual.nodes[1].pid, signal.SIGKILL)
        received = receiver.begin_receive(200_000).result(20.0).samples[-20_000:]
        assert level_at(received, 0.05) < 0.01
        assert level_at(received, -0.2) == pytest.approx(0.2, rel=0.03)
        with pytest.raises(RadioLost, match="virtual-node-1's process has ended"):
            nodes[1].begin_cyclic(tone(0.1))
        nodes[2].end_cyclic()


def test_a_dead_air_is_told_at_once() -> None:
    with (
        VirtualRadios(WORLD) as virtual,
        open_radios((virtual.receiver_address, *virtual.node_addresses)) as (receiver, *_),
    ):
        os.kill(virtual.air.pid, signal.SIGKILL)
        with pytest.raises(RadioLost, match="virtual-receiver's process has ended"):
            receiver.begin_receive(1_000_000).result(1e4)  # longer than this suite waits


def children_of(pid: int) -> dict[int, str]:
    """Return command lines of a process's living children."""
    said = Path(f"/proc/{pid}/task/{pid}/children")
    found = {}
    for child in said.read_text().split() if said.exists() else ():
        command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if command:
            found[int(child)] = command
    return found


def is_gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


class Run:
    """`sdr-ota run` of the example, as a user starts it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        more = [word for setting in settings for word in ("--set", setting)]
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sdr_ota.cli", "run", str(EXAMPLE),
             "--set", "clients.source=synthetic", *more],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def rounds(self) -> list[dict[str, Any]]:
        files = list(self.folder.glob("runs/*/rounds.jsonl"))
        text = files[0].read_text() if files else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def child(self, what: str) -> int:
        matching = [pid for pid, said in children_of(self.process.pid).items() if what in said]
        return matching[0]


@contextmanager
def running(folder: Path, *settings: str) -> Iterator[tuple[Run, dict[int, str]]]:
    """A run that has done rounds, and its children; none of them may be left at the end."""
    run = Run(folder, "run.rounds=100000", "air.preset=ideal", *settings)
    try:
        wait_until(lambda: any(r["erasure"] is None for r in run.rounds()))
        children = children_of(run.process.pid)
        assert len(children) == 6, children
        yield run, children
    finally:
        run.process.kill()
        run.process.communicate()
    wait_until(lambda: all(is_gone(pid) for pid in children))


@pytest.mark.slow
def test_the_example_runs_and_its_sums_are_as_good_as_theory_says(tmp_path: Path) -> None:
    run = Run(tmp_path, "run.rounds=12", "air.preset=ideal")
    _, said = run.process.communicate(timeout=100)
    assert run.process.returncode == 0, said
    done = [r for r in run.rounds() if r["erasure"] is None]
    assert len(done) == 12
    errors = np.array([r["decoded_sum"] - r["true_sum"] for r in done])
    expected = float(np.mean([r["theory_error"] for r in done]))
    low, high = stats.chi2.ppf([1e-6, 1 - 1e-6], 12) / 12
    assert low * expected < np.mean(errors**2) < high * expected


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (run, children):
        run.process.send_signal(number)
        _, said = run.process.communicate(timeout=60)
        assert run.process.returncode == (-9 if number == signal.SIGKILL else 130), said
        wait_until(lambda: all(is_gone(pid) for pid in children))


@pytest.mark.slow
def test_a_run_goes_on_without_a_node_that_dies(tmp_path: Path) -> None:
    with running(tmp_path) as (run, _):
        before = len(run.rounds())
        os.kill(run.child('"node": 2'), signal.SIGKILL)
        wait_until(lambda: any(r["active_nodes"] == [0, 1, 3] for r in run.rounds()))
        lost = [r for r in run.rounds()[before - 1 :] if r["erasure"]]
        assert lost
        assert all(r["erasure"] in {"radio", "not-found", "no-plan"} for r in lost)
        last = run.rounds()[-1]
        assert "node 2 was not found" in last["detail"]
        assert run.process.poll() is None


@pytest.mark.slow
def test_a_run_stops_with_a_clear_message_if_it_shall(tmp_path: Path) -> None:
    with running(tmp_path, "radio.lost_node=stop") as (run, _):
        os.kill(run.child('"node": 2'), signal.SIGKILL)
        _, said = run.process.communicate(timeout=60)
        assert run.process.returncode == 3
        assert "virtual-node-2's process has ended" in said
        assert "the run stops" in said
