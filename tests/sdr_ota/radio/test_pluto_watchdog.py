"""A Pluto's transmitter when its client freezes or is killed: off, by a process beside it."""

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
from sdr_ota.radio.pluto_watchdog import PlutoWatchdog
from sdr_ota.radio.virtual.pluto_attributes import PHY, TX_LO
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos

TONE = np.full(1000, 0.5, np.complex64)

CLIENT = """
import sys
import numpy as np
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.pluto_watchdog import PlutoWatchdog
with PlutoRadio(sys.argv[1]) as radio:
    radio._watchdog = PlutoWatchdog(sys.argv[1], frozen_s=1.5)
    tone = np.full(1000, 0.5, np.complex64)
    radio.begin_cyclic(tone)
    print("sends", flush=True)
    sys.stdin.readline()
    radio.begin_cyclic(tone)
    print("sends again", flush=True)
    sys.stdin.readline()
"""


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def board() -> Iterator[tuple[str, Callable[[], bool]]]:
    """One board's address, and whether its synthesiser is on."""
    world = PlutoWorld(AirSettings(AirPreset("quiet"), 1, 1e6, 915e6, seed=1))
    with VirtualPlutos(world) as served:
        yield served.node_uris[0], lambda: world.nodes[0].number((PHY, TX_LO, "powerdown")) == 0


@contextmanager
def client(uri: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, uri],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "sends\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_client_that_is_frozen_is_switched_off_and_goes_on_when_it_thaws() -> None:
    with board() as (uri, is_on), client(uri) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert is_on()
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not is_on())
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "sends again\n"
        assert is_on()


def test_a_client_that_is_killed_leaves_no_synthesiser_on() -> None:
    with board() as (uri, is_on), client(uri) as process:
        assert is_on()
        process.kill()
        wait_until(lambda: not is_on())


def test_a_client_that_lives_is_left_alone() -> None:
    with board() as (uri, is_on), PlutoRadio(uri) as radio:
        radio._watchdog = PlutoWatchdog(uri, frozen_s=1.5)
        radio.begin_cyclic(TONE)
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            assert is_on()
            time.sleep(0.05)


@pytest.mark.parametrize("is_dead", [False, True])
def test_closing_leaves_no_process_behind(is_dead: bool) -> None:
    with board() as (uri, _):
        with PlutoRadio(uri) as radio:
            radio.begin_cyclic(TONE)
            watchdog = radio._watchdog
            assert watchdog is not None
            pid = watchdog._process.pid
            if is_dead:
                os.kill(pid, signal.SIGKILL)
        assert not Path(f"/proc/{pid}").exists()
