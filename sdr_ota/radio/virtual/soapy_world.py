"""Virtual SoapySDR devices on one simulated air: their settings, clocks and bursts.

They behave as USRPs with hardware time do. The air's time moves with the samples that the
receiver is asked for, when a device is told that time passes, and a little with every question
about the last pulse per second, so that whoever waits for a pulse sees it come. Samples come no
earlier than a clock on the wall allows, and a burst must be ordered as early as from a real host.
"""

import math
import threading
from dataclasses import replace

import numpy as np

from sdr_ota.air.impairments import cfo_of_clock_error, quantise
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.virtual.soapy_bursts import Bursts
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude

ADC_BITS = 12

_CRYSTAL_PPM = 2.0
"""Error of a B2x0's own oscillator (Ettus Research, B200/B210 data sheet: +-2.0 ppm)."""

_QUESTION_S = 0.02
"""Virtual time that a question about the last pulse takes."""

COMMAND_S = 0.5e-3
"""From an order until a device has its burst, by our choice; for an earlier tick it is late."""

_LONGEST_WAIT_S = 1.0
"""So long is waited for a tick that lies farther ahead."""

LAST_TICK = 2**53
"""Time ends here: beyond it, numbers of ticks are no longer exact."""

SOURCES = ("internal", "external")
"""Of the clock and of the time."""

OVERFLOW, TIME_ERROR = -4, -6
"""SOAPY_SDR_OVERFLOW and SOAPY_SDR_TIME_ERROR of SoapySDR's Errors.h."""

_RANGES = {
    "rate": (200e3, 56e6),
    "freq": (70e6, 6e9),
    "bandwidth": (200e3, 56e6),
}
TX_GAINS_DB, RX_GAINS_DB = (-60.0, 0.0), (0.0, 40.0)


class NotTaken(Exception):  # noqa: N818 - it is an answer
    """A device refuses what it was asked for; the text says why."""


class SoapyWorld:
    """Devices that share an air: those of the nodes send, the last one receives.

    Args:
        settings: What the air is made from; with a shared clock it holds for devices that were
            told to use the external one. Its rate is the only one of this world.
        command_s: Time of this world from an order until a device has its burst.
        n_channels: Transmitters of a device, each one a node: 2 for a B210.

    Attributes:
        has_reference: Whether 10 MHz is connected to the devices' inputs.

    Raises:
        ValueError: If the nodes fill no whole number of devices.
    """

    def __init__(
        self, settings: AirSettings, command_s: float = COMMAND_S, n_channels: int = 1
    ) -> None:
        n_devices, left = divmod(settings.n_nodes, n_channels)
        if left:
            raise ValueError(f"{settings.n_nodes} nodes do not fill devices of {n_channels}")
        self.command_s = command_s
        self.lock = threading.Condition()
        self.has_reference = True
        # A path's offset is counted from the listening device: it has the receiver's error in it.
        own = replace(settings.preset, adc_bits=None, receiver_clock_error_range_ppm=0.0)
        self.air = SimulatedAir(replace(settings, preset=own))
        rng = np.random.default_rng([settings.seed, settings.n_nodes])
        paths = [range(k * n_channels, (k + 1) * n_channels) for k in range(n_devices)]
        self.devices = tuple(
            self._device(place, tuple(there), rng) for place, there in enumerate((*paths, range(0)))
        )

    def _device(
        self, place: int, paths: tuple[int, ...], rng: np.random.Generator
    ) -> "VirtualDevice":
        """Return a device of this world; arguments as those of `VirtualDevice`."""
        return VirtualDevice(self, place, paths, rng)

    @property
    def receiver(self) -> "VirtualDevice":
        """The device that receives the air."""
        return self.devices[-1]

    def pass_time(self, n_samples: int) -> None:
        """Let time pass without anybody listening.

        Raises:
            NotTaken: If it would not be exact any more.
        """
        self._flow(self.air.now_tick + n_samples)
        self.air.pass_time(n_samples)

    def receive(self, start: int, n_samples: int) -> Samples:
        """Return what the receiver receives in a window; time moves to its end.

        Raises:
            NotTaken: If time would not be exact any more.
        """
        self._flow(start + n_samples)
        return self.air.receive(start, n_samples)[0]

    def _flow(self, until_tick: int) -> None:
        """Let transmitters radiate what they have until a tick."""
        if until_tick > LAST_TICK:
            raise NotTaken(f"time ends at tick {LAST_TICK}")
        for device in self.devices:
            for channel in device.channels:
                channel.bursts.flow(until_tick)


class Channel:
    """One connector of a device.

    Attributes:
        settings: By name; hertz and decibels.
        bursts: What its transmitter was given; of no use in a receiver.
    """

    def __init__(self, device: "VirtualDevice", path: int | None) -> None:
        self._device, self._path = device, path
        rate = device.world.air.sample_rate_hz
        self.settings = {"rate": rate, "freq": 100e6, "bandwidth": rate, "gain": 0.0}
        self._gains_db = RX_GAINS_DB if path is None else TX_GAINS_DB
        self.bursts = Bursts(lambda: device.world.air.now_tick, self._radiate)

    def set(self, name: str, value: float) -> float:
        """Set what can be set and return what is in force: the nearest possible.

        Raises:
            NotTaken: If there is no such setting, or nothing is near.
        """
        ranges = {**_RANGES, "gain": self._gains_db}
        if name not in ranges:
            raise NotTaken(f"there is no setting {name}")
        low, high = ranges[name]
        if not math.isfinite(value) or (name != "gain" and value <= 0):
            raise NotTaken(f"{name} cannot be {value:g}; it goes from {low:g} to {high:g}")
        if name != "rate":  # the world has one rate
            self.settings[name] = min(max(value, low), high)
        return self.settings[name]

    def write(self, samples: Samples, tick: int | None, is_end: bool) -> int:
        """Take samples of a burst, the first ones with the tick of the device they leave at.

        Returns:
            How many were taken, or SoapySDR's code for what went wrong.
        """
        world = self._device.world
        earliest = world.air.now_tick + round(world.command_s * world.air.sample_rate_hz)
        if self.bursts.is_open or self._path is None:
            return self.bursts.write(samples, is_end)
        start = earliest if tick is None else tick - self._device.time_offset
        is_late = world.air.is_late(self._path, start) or start < earliest
        self.bursts.begin(None if is_late and samples.size else start)
        return self.bursts.write(samples, is_end)

    def _radiate(self, samples: Samples, start: int) -> None:
        """Put samples on the air; only what the receiver is tuned to arrives."""
        world = self._device.world
        detuned_hz = self.settings["freq"] - world.receiver.channels[0].settings["freq"]
        if self._path is not None and abs(detuned_hz) < world.air.sample_rate_hz / 2:
            self._device.settle(self._path, detuned_hz)
            gain = np.float32(db_to_amplitude(self.settings["gain"]))
            world.air.send(self._path, gain * converted(samples), start)

    def amplified(self, received: Samples) -> Samples:
        """Return what the receiver's converter makes of what arrives."""
        return quantise(np.float32(db_to_amplitude(self.settings["gain"])) * received, ADC_BITS)


def converted(samples: Samples) -> Samples:
    """Return what a transmitter's converter makes of samples: it has no NaN and a full scale."""
    iq = samples.view(np.float32)
    if np.abs(iq).max(initial=0.0) <= 1.0:
        return samples
    return np.clip(np.nan_to_num(iq), -1.0, 1.0).view(np.complex64)


class VirtualDevice:
    """One device.

    Args:
        world: What it shares with the others.
        place: Its place; the last one of the world receives.
        paths: The air's paths of its transmitters; none for the receiver.
        rng: Source of what differs from device to device.

    Attributes:
        wiring: What belongs behind its address.
        free_ppm: Error of its own oscillator.
        free_drift_hz_per_s: How that oscillator's carrier moves.
        time_offset: Its ticks over the air's.
    """

    wiring = ",clock_source=external,time_source=external"

    def __init__(
        self, world: SoapyWorld, place: int, paths: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        self.world, self.place, self._paths = world, place, paths
        air = world.air
        self.time_offset = int(rng.integers(round(100 * air.sample_rate_hz)))
        oscillator = air.paths[paths[0]] if paths else air.receiver
        self.free_drift_hz_per_s = oscillator.drift_hz_per_s
        self.free_ppm = _CRYSTAL_PPM * rng.uniform(-1, 1)
        self.clock_source = self.time_source = SOURCES[0]
        self.channels = tuple(Channel(self, path) for path in paths or (None,))

    @property
    def serial(self) -> str:
        """Its name."""
        return f"virtual-{'receiver' if self.is_receiver else f'node-{self.place}'}"

    @property
    def is_receiver(self) -> bool:
        """Whether it is the one that receives."""
        return not self._paths

    @property
    def ways(self) -> str:
        """Which ways its channels go."""
        return "rx" if self.is_receiver else "tx"

    @property
    def n_channels(self) -> int:
        """Connectors of one way."""
        return len(self.channels)

    def opened(self) -> None:
        """Take notice of a program that has opened it."""

    def closed(self) -> None:
        """Take notice of a program that has let go of it."""

    @property
    def is_locked(self) -> bool:
        """Whether its oscillator follows the external reference."""
        return self.clock_source == "external" and self.world.has_reference

    @property
    def error_ppm(self) -> float:
        """Error of its clock: none with the external reference."""
        return 0.0 if self.is_locked else self.free_ppm

    @property
    def drift_hz_per_s(self) -> float:
        """How its carrier moves: not at all with the external reference."""
        return 0.0 if self.is_locked else self.free_drift_hz_per_s

    @property
    def is_steady(self) -> bool:
        """What its lock sensor says: its own oscillator needs no reference."""
        return self.clock_source == "internal" or self.is_locked

    @property
    def now(self) -> int:
        """Its time in ticks."""
        return self.world.air.now_tick + self.time_offset

    def last_pulse(self) -> int:
        """Return the tick of the last pulse per second; time passes while one asks."""
        rate = round(self.world.air.sample_rate_hz)
        self.world.pass_time(round(_QUESTION_S * rate))
        return self.world.air.now_tick // rate * rate + self.time_offset

    def set_at_pulse(self, tick: int) -> None:
        """Let the next pulse happen at a tick of this device."""
        rate = round(self.world.air.sample_rate_hz)
        next_pulse = (self.world.air.now_tick // rate + 1) * rate
        self.time_offset = tick - next_pulse

    def settle(self, path_number: int, detuned_hz: float) -> None:
        """Let the oscillators of both ends act on a path."""
        path, receiver = self.world.air.paths[path_number], self.world.receiver
        error_ppm = self.error_ppm - receiver.error_ppm
        path.drift_hz_per_s = self.drift_hz_per_s
        self.world.air.receiver.drift_hz_per_s = receiver.drift_hz_per_s
        path.clock_error_ppm = error_ppm
        center_hz = receiver.channels[0].settings["freq"]
        path.cfo_hz = cfo_of_clock_error(error_ppm, center_hz) + detuned_hz

    def s_until(self, tick: int) -> float:
        """Return how long one waits for a tick: reading blocks until then, as on a real device.

        Meanwhile orders reach nodes in other processes.
        """
        ahead_s = (tick - self.now) / self.world.air.sample_rate_hz
        return min(max(ahead_s, 0.0), _LONGEST_WAIT_S)

    def receive(self, tick: int, n_samples: int, goes_on: bool) -> Samples | int:
        """Return what is received from a tick on, or SoapySDR's code if it has passed.

        Args:
            tick: Of this device.
            n_samples: How many.
            goes_on: Whether these follow others of one stream: then those between are lost.
        """
        start, now = tick - self.time_offset, self.world.air.now_tick
        if start < now:
            return OVERFLOW if goes_on else TIME_ERROR
        return self.channels[0].amplified(self.world.receive(start, n_samples))
