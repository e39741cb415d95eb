"""A Pluto whose client freezes, hangs or is killed is switched off by a process beside it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.pluto_watchdog import BoardSwitch
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.types import RadioSettings

SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
TONE = np.full(1000, 0.5, np.complex64)
LONGEST_S = 1.5

CLIENT = """
import sys
import numpy as np
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.types import RadioSettings
with PlutoRadio(sys.argv[1], longest_burst_s=float(sys.argv[2])) as radio:
    radio.configure(RadioSettings(915e6, 1e6, 0.8e6))
    tone = np.full(1000, 0.5, np.complex64)
    radio.begin_cyclic(tone)
    print("sends", flush=True)
    sys.stdin.readline()
    radio.end_cyclic()
    radio.begin_cyclic(tone)
    print("sends again", flush=True)
    sys.stdin.readline()
"""


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


class Board:
    """One virtual board."""

    def __init__(self, world: PlutoWorld, uri: str) -> None:
        self.world, self.uri = world, uri

    def is_on(self) -> bool:
        """Whether its synthesiser is on."""
        return self.world.nodes[0].number((PHY, TX_LO, "powerdown")) == 0

    def radiates(self) -> bool:
        """Whether anything of it is in the air."""
        with self.world.lock:
            return bool(self.world.air._cyclic)


@contextmanager
def board() -> Iterator[Board]:
    world = PlutoWorld(AirSettings(AirPreset("quiet"), 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        with PlutoRadio(served.receiver_uri) as receiver:  # what it is tuned to is in the air
            receiver.configure(SETTINGS)
        yield Board(world, served.node_uris[0])


@contextmanager
def client(uri: str, longest_s: float = LONGEST_S) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, uri, str(longest_s)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "sends\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line about a process, after what opening the board said."""
    assert process.stderr is not None
    assert "was on when opened" in process.stderr.readline()
    return process.stderr.readline()


def test_a_client_that_is_frozen_is_switched_off_and_goes_on_when_it_thaws() -> None:
    with board() as there, client(there.uri) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert there.radiates()
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not there.radiates())
        assert not there.is_on()
        assert said(process).endswith(
            f"process {process.pid} gave no sign of life for 1.5 s; its transmitter was switched "
            "off\n"
        )
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "sends again\n"
        assert there.is_on()


def test_a_frame_that_a_living_client_does_not_end_is_switched_off() -> None:
    with board() as there, client(there.uri) as process:
        wait_until(lambda: not there.radiates())
        assert process.poll() is None
        assert "did not end a cyclic frame for 1.5 s" in said(process)


def test_a_client_that_is_killed_leaves_no_synthesiser_on_and_nobody_else_begins_before() -> None:
    with board() as there, client(there.uri) as process:
        assert there.is_on()
        process.kill()
        process.wait()
        with PlutoRadio(there.uri) as next_one:  # waits until the dead one's watchdog is done
            assert not there.is_on()
            next_one.configure(SETTINGS)
            next_one.begin_cyclic(TONE)
            assert there.radiates()


def test_frames_that_end_in_time_are_left_alone() -> None:
    with board() as there, PlutoRadio(there.uri, longest_burst_s=LONGEST_S) as radio:
        until = time.monotonic() + 2 * LONGEST_S
        while time.monotonic() < until:
            radio.begin_cyclic(TONE)
            time.sleep(0.05)
            assert there.is_on()
            radio.end_cyclic()


@pytest.mark.parametrize("is_dead", [False, True])
def test_closing_leaves_no_process_behind(is_dead: bool) -> None:
    with board() as there:
        with PlutoRadio(there.uri) as radio:
            radio.begin_cyclic(TONE)
            watchdog = radio._watchdog
            assert watchdog is not None
            pid = watchdog._process.pid
            if is_dead:
                os.kill(pid, signal.SIGKILL)
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(("uri", "is_ended"), [("usb:1.2.5", True), ("ip:192.168.2.1", False)])
def test_over_usb_a_client_in_the_way_is_ended(uri: str, is_ended: bool) -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:  # holds the board as long as it lives
        process.send_signal(signal.SIGSTOP)
        switch = BoardSwitch(uri, process.pid, lambda _: process.poll() is not None)
        assert switch("gave no sign of life") == is_ended
        assert (process.poll() == -signal.SIGKILL) == is_ended
        process.kill()
