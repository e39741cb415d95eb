"""What the server sends arrives at the nodes of a two-way world: how strong, how far off, when."""

import math
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.downlink.frames import ReceivedMessage, control_burst, receive_message
from sdr_ota.downlink.messages import AirSounding
from sdr_ota.downlink.sealing import RunKey, Stamp
from sdr_ota.radio.address import open_radios
from sdr_ota.radio.base import Capture, Radio, TimeError, Timeout
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.two_way_world import TwoWayWorld
from sdr_ota.receiver.control_frame import SenderClock
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import RadioSettings

RATE_HZ, CARRIER_HZ = 1e6, 915e6
MOST_SAMPLES, WINDOW = 40_000, 2000
PRESET = AirPreset("test", path_gain_db=-20.0, path_gain_spread_db=3.0, delay_range_s=5e-6,
                   start_phase="uniform", snr_db=50.0)  # fmt: skip
CONTROL, KEY = ControlFormat(bench=3), RunKey(bytes(range(32)), 3)
CLOCK = SenderClock(RATE_HZ / CARRIER_HZ)


@contextmanager
def opened(world: TwoWayWorld) -> Iterator[tuple[Radio, ...]]:
    """Open the server's device, then the nodes'."""
    settings = RadioSettings(CARRIER_HZ, RATE_HZ, 0.8 * RATE_HZ, 0.0, 0.0)
    with (
        VirtualSoapy(world) as served,
        open_radios((served.receiver_address, *served.node_addresses)) as radios,
    ):
        for radio in radios:
            radio.configure(settings)
        yield radios


class Listener(threading.Thread):
    """A program that receives one window after the other until it is stopped."""

    def __init__(self, radio: Radio) -> None:
        super().__init__(daemon=True)
        self.radio, self.is_over = radio, threading.Event()
        self.windows: list[Capture] = []

    def run(self) -> None:
        tick = self.radio.now_tick()
        while not self.is_over.is_set():
            self.windows.append(self.radio.begin_receive(WINDOW, tick).result(30))
            tick += WINDOW
        self.radio.close()  # nobody waits for it any more

    @property
    def capture(self) -> Capture:
        samples = np.concatenate([window.samples for window in self.windows])
        return Capture(samples, self.windows[0].start_tick)


def received_by_all(radios: Sequence[Radio], n_samples: int) -> list[Capture]:
    """Return what the first radio and then the others receive in its next samples."""
    first, *others = radios
    listeners = [Listener(radio) for radio in others]
    for listener in listeners:
        listener.start()
    captures = [first.begin_receive(n_samples, first.now_tick()).result(30)]
    for listener in listeners:
        listener.is_over.set()
    first.close()
    for listener in listeners:
        listener.join(60)
    return [*captures, *(listener.capture for listener in listeners)]


def world_of(n_nodes: int, preset: AirPreset = PRESET) -> TwoWayWorld:
    return TwoWayWorld(AirSettings(preset, n_nodes, RATE_HZ, CARRIER_HZ, 4))


def taken(capture: Capture) -> ReceivedMessage:
    return receive_message(capture.samples, -1, KEY, CONTROL, 0.02, CLOCK)


def test_a_control_frame_reaches_every_node_by_its_own_clock(virtual_soapy_driver: Path) -> None:
    """Level, offset and time within six deviations of the fit of what the world was drawn with."""
    world = world_of(3)
    errors = [d.free_ppm - world.devices[-1].free_ppm for d in world.devices[:-1]]
    assert min(abs(a - b) for a in errors for b in errors if a is not b) > 0.01
    with opened(world) as radios:
        server = radios[0]
        due = server.now_tick() + 5000
        message = AirSounding(1, 70_000)
        server.transmit(control_burst(message, Stamp(0, due), KEY, CONTROL), due)
        captures = received_by_all(radios, MOST_SAMPLES)
    air_tick = due - world.devices[-1].time_offset
    for node, capture in enumerate(captures[1:]):
        found, device, path = taken(capture), world.devices[node], world.air.paths[node]
        assert found.message == message
        fit, error = found.burst, errors[node] * 1e-6
        cfo = -CARRIER_HZ * error / (1 + error) / RATE_HZ
        # Nothing is taken off the chirps' stretch here: a quarter of their bandwidth, see beacon.
        assert fit.cfo == pytest.approx(cfo, abs=6 * fit.cfo_std + abs(error))
        assert abs(fit.gain) == pytest.approx(abs(path.gain), rel=0.02)
        arrival = device.time_offset + air_tick * (1 + error) + path.delay_samples
        assert capture.start_tick + fit.start == pytest.approx(arrival, abs=0.05)


def test_what_nodes_send_reaches_the_server_and_no_other_node(virtual_soapy_driver: Path) -> None:
    world = world_of(2)
    with opened(world) as radios:
        _, node, _ = radios
        due = node.now_tick() + 5000
        node.transmit(control_burst(AirSounding(1, 7), Stamp(0), KEY, CONTROL), due)
        at_server, _, at_other = received_by_all(radios, MOST_SAMPLES)
    found, device = taken(at_server), world.devices[0]
    error = (device.free_ppm - world.devices[-1].free_ppm) * 1e-6
    arrival = (due - device.time_offset) / (1 + error) + world.air.paths[0].delay_samples
    arrival += world.devices[-1].time_offset
    assert at_server.start_tick + found.burst.start == pytest.approx(arrival, abs=0.05)
    noise_power = np.mean(np.abs(at_other.samples) ** 2)
    quantised = 2 * (2**-11) ** 2 / 12
    expected = 10 ** (-PRESET.snr_db / 10) + quantised
    assert noise_power == pytest.approx(expected, rel=6 / math.sqrt(MOST_SAMPLES))


def test_time_waits_for_whoever_works_on_what_it_received(virtual_soapy_driver: Path) -> None:
    """The node's samples come when the server, too, receives; what that sends is not late."""
    with opened(world_of(1)) as radios:
        server, node = radios
        with pytest.raises(Timeout):
            node.begin_receive(WINDOW, node.now_tick()).result(0.1)
        began = server.now_tick()
        for start in (600, 800, 1000):
            server.transmit(np.full(100, 0.5, np.complex64), began + start)
            server.confirm_sent(5.0)
        assert server.now_tick() == began
        _, there = received_by_all(radios, 4000)
    level = np.abs(there.samples)
    assert np.count_nonzero(level > 0.5 * level.max()) == pytest.approx(300, abs=6)


def test_a_burst_that_is_ordered_too_late_is_not_sent(virtual_soapy_driver: Path) -> None:
    with opened(world_of(1)) as radios:
        node = radios[1]
        node.transmit(np.full(100, 0.5, np.complex64), node.now_tick() + 10)
        with pytest.raises(TimeError):
            node.confirm_sent(5.0)


def test_a_driver_that_chooses_again_lets_go_of_what_it_had() -> None:
    world = world_of(2)
    with (
        VirtualSoapy(world) as served,
        socket.create_connection(("127.0.0.1", served.port), 30) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(b"HELLO 0\nHELLO 1\n")
        assert [answers.readline()[:2] for _ in range(2)] == [b"OK", b"OK"]
        assert [math.isinf(device.stands_at) for device in world.devices] == [True, False, True]
    assert [device.has_been_opened for device in world.devices] == [True, True, False]


def test_an_air_whose_carriers_drift_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lab-indoor.*drift"):
        world_of(2, air_preset("lab-indoor"))
    world_of(2, replace(air_preset("lab-indoor"), shared_clock=True))
