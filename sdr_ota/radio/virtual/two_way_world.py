"""Virtual SoapySDR devices that all send and receive: the server's samples reach every node.

Each device counts by its own oscillator from a start of its own. The way down to a node has the
level and the delay of its way up, and fading, noise and phases of its own. Nodes do not receive
each other, nor a device itself.

Time passes while radios receive. A window is received once all other devices, those that work on
what they have received included, can send nothing more into it: each stands at the end of its last
window until it asks for the next one. So the world waits for whoever computes, however busy its
host is, and a run does not depend on that. Until every device was opened it stands still.
"""

import math
from dataclasses import replace

import numpy as np

from sdr_ota.air.impairments import cfo_of_clock_error
from sdr_ota.air.node_path import NodePath
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.virtual.soapy_bursts import TIMEOUT, Bursts
from sdr_ota.radio.virtual.soapy_world import (
    LAST_TICK,
    OVERFLOW,
    TIME_ERROR,
    TX_GAINS_DB,
    Channel,
    NotTaken,
    SoapyWorld,
    VirtualDevice,
    converted,
)
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude

LONGEST_WAIT_S = 0.5
"""On the wall, for the other devices; then a driver asks again."""

_BY_THEMSELVES = "time of a two-way world passes while its radios receive"


class TwoWayWorld(SoapyWorld):
    """Devices that share an air, all with a transmitter and a receiver; the last one is the server.

    Args:
        settings: What the air is made from; its rate is the only one of this world.

    Raises:
        ValueError: If carriers drift in it: their sample clocks would have to drift, too.
    """

    devices: "tuple[TwoWayDevice, ...]"

    def __init__(self, settings: AirSettings) -> None:
        preset = settings.preset
        drifts = preset.frequency_drift_hz_per_s or preset.receiver_frequency_drift_hz_per_s
        if drifts and not preset.shared_clock:
            raise ValueError(
                f"in the air {preset.name!r} carriers drift, which the clocks of a two-way world "
                "do not follow: choose one without drift"
            )
        self.settings = settings
        super().__init__(settings)

    def _device(
        self, place: int, paths: tuple[int, ...], rng: np.random.Generator
    ) -> "TwoWayDevice":
        return TwoWayDevice(self, place, paths, rng)

    def way_down(self, node: int) -> SimulatedAir:
        """Return the way from the server to a node, on the node's own ticks from 0."""
        own = replace(self.settings.preset, adc_bits=None, receiver_clock_error_range_ppm=0.0)
        seed = int(np.random.SeedSequence([self.settings.seed, node, 1]).generate_state(1)[0])
        air = SimulatedAir(replace(self.settings, preset=own, n_nodes=1, seed=seed))
        down, up = air.paths[0], self.air.paths[node]
        down.gain *= abs(up.gain) / abs(down.gain)
        down.delay_samples = up.delay_samples
        return air

    def pass_time(self, n_samples: int) -> None:
        """Refuse.

        Raises:
            NotTaken: Always.
        """
        raise NotTaken(_BY_THEMSELVES)

    def wait_for(self, device: "TwoWayDevice", until: float) -> bool:
        """Wait until nobody can send anything more that reaches the air before a moment.

        Args:
            device: Receives until then.
            until: Tick of the air, with fraction.

        Returns:
            False if others have not come so far yet.
        """
        device.waits_until = until
        self.lock.notify_all()
        try:
            is_there = self.lock.wait_for(lambda: self._may_pass(until), LONGEST_WAIT_S)
        finally:
            device.waits_until = None
        if is_there:
            device.reached = max(device.reached, until)
            for one in self.devices:
                one.channels[0].bursts.flow(math.floor(one.tick_at(until)))
            self.lock.notify_all()
        return is_there

    def _may_pass(self, until: float) -> bool:
        return all(one.has_been_opened and one.stands_at >= until for one in self.devices)


class TwoWayDevice(VirtualDevice):
    """One device; arguments as those of `VirtualDevice`.

    Attributes:
        way_down: From the server to it; None for the server's own.
        reached: Tick of the air up to which it has received.
        waits_until: Tick up to which it is about to; None while it works.
        has_been_opened: Whether a program ever had it.
    """

    wiring = ""
    world: TwoWayWorld

    def __init__(
        self, world: TwoWayWorld, place: int, paths: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        super().__init__(world, place, paths, rng)
        self.path = paths[0] if paths else None
        self.way_down = None if self.path is None else world.way_down(self.path)
        self.channels = (TwoWayChannel(self, self.path), Channel(self, None))
        self.reached = 0.0
        self.waits_until: float | None = None
        self.has_been_opened = False
        self._n_programs = 0

    @property
    def ways(self) -> str:
        """Which ways its channels go: both."""
        return "both"

    @property
    def n_channels(self) -> int:
        """Connectors of one way."""
        return 1

    def opened(self) -> None:
        """Let the world wait for the program that has opened it."""
        self.has_been_opened = True
        self._n_programs += 1
        self.world.lock.notify_all()

    def closed(self) -> None:
        """Let the world wait no more for a program that has let go of it."""
        with self.world.lock:
            self._n_programs -= 1
            self.world.lock.notify_all()

    @property
    def stands_at(self) -> float:
        """Tick of the air before which it can send nothing more; no end where nobody has it."""
        if not self._n_programs:
            return math.inf
        return self.reached if self.waits_until is None else self.waits_until

    @property
    def rate(self) -> float:
        """Its ticks in one of the air, which are the server's."""
        return 1 + (self.error_ppm - self.world.receiver.error_ppm) * 1e-6

    def tick_at(self, air_tick: float) -> float:
        """Return its time, with fraction, at a time of the air."""
        return self.time_offset + air_tick * self.rate

    def air_at(self, tick: float) -> float:
        """Return the air's time, with fraction, at a time of its own."""
        return (tick - self.time_offset) / self.rate

    @property
    def now(self) -> int:
        """Its time in ticks."""
        return math.floor(self.tick_at(self.reached))

    def last_pulse(self) -> int:
        """Refuse: there is none."""
        raise NotTaken("no pulse per second comes to the devices of a two-way world")

    def set_at_pulse(self, tick: int) -> None:
        """Refuse: there is none."""
        self.last_pulse()

    def s_until(self, tick: int) -> float:
        """Return 0: `receive` waits itself."""
        return 0.0

    def receive(self, tick: int, n_samples: int, goes_on: bool) -> Samples | int:
        """Return what is received, once nobody can send more into it; else SoapySDR's code."""
        if tick < self.now:
            return OVERFLOW if goes_on else TIME_ERROR
        if tick + n_samples > LAST_TICK:
            raise NotTaken(f"time ends at tick {LAST_TICK}")
        if not self.world.wait_for(self, self.air_at(tick + n_samples)):
            return TIMEOUT
        air = self.world.air if self.way_down is None else self.way_down
        received, _ = air.receive(tick - self.time_offset, n_samples)
        return self.channels[1].amplified(received)


class TwoWayChannel(Channel):
    """The transmitter of a device; its bursts have ticks of the device."""

    def __init__(self, device: TwoWayDevice, path: int | None) -> None:
        super().__init__(device, path)
        self._own = device
        self._gains_db = TX_GAINS_DB
        self.bursts = Bursts(lambda: device.now, self._radiate)

    def write(self, samples: Samples, tick: int | None, is_end: bool) -> int:
        """Take samples of a burst, the first ones with the tick of the device they leave at."""
        world, now = self._own.world, self._own.now
        earliest = now + round(world.command_s * world.air.sample_rate_hz)
        if self.bursts.is_open:
            return self.bursts.write(samples, is_end)
        start = earliest if tick is None else tick
        is_unlucky = world.air.is_late(self._path or 0, world.air.now_tick)
        is_late = start < earliest or is_unlucky
        self.bursts.begin(None if is_late and samples.size else start)
        return self.bursts.write(samples, is_end)

    def _radiate(self, samples: Samples, start: int) -> None:
        """Put samples on the air: up to the server, or down to all nodes."""
        device, world = self._own, self._own.world
        level = np.float32(db_to_amplitude(self.settings["gain"]))
        sent = level * converted(samples)
        began = device.air_at(start)
        if device.path is not None:
            _settle(world.air.paths[device.path], device, world.devices[-1])
            _send(world.air, device.path, sent, began)
            return
        for node in world.devices[:-1]:
            assert node.way_down is not None  # noqa: S101 - only the server has none
            _settle(node.way_down.paths[0], device, node)
            _send(node.way_down, 0, sent, node.tick_at(began) - node.time_offset)


def _settle(path: NodePath, sender: TwoWayDevice, receiver: TwoWayDevice) -> None:
    """Let the oscillators of both ends act on a path."""
    error_ppm = (sender.rate / receiver.rate - 1) * 1e6
    tx, rx = sender.channels[0].settings["freq"], receiver.channels[1].settings["freq"]
    path.clock_error_ppm = error_ppm
    path.cfo_hz = cfo_of_clock_error(error_ppm, rx) + tx - rx


def _send(air: SimulatedAir, path: int, samples: Samples, began: float) -> None:
    """Put samples on a way, if its receiver is tuned to them."""
    if abs(air.paths[path].cfo_hz) < air.sample_rate_hz / 2:
        start = math.floor(began)
        air.send(path, samples, start, began - start)
