"""Virtual SoapySDR devices on one simulated air: their settings, clocks and bursts.

They behave as USRPs with hardware time do. The air's time moves with the samples that the
receiver is asked for, when a device is told that time passes, and a little with every question
about the last pulse per second, so that whoever waits for a pulse sees it come. Samples come no
earlier than a clock on the wall allows, and a burst must be ordered as early as from a real host.
"""

import threading
from dataclasses import dataclass, replace

import numpy as np

from sdr_ota.air.impairments import cfo_of_clock_error, quantise
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
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

_RANGES = {
    "rate": (200e3, 56e6),
    "freq": (70e6, 6e9),
    "bandwidth": (200e3, 56e6),
}


class SoapyWorld:
    """Devices that share an air: places 0 to n_nodes - 1 send, the last one receives.

    Args:
        settings: What the air is made from; with a shared clock it holds for devices that were
            told to use the external one. Its rate is the only one of this world.
        command_s: Time of this world from an order until a device has its burst.

    Attributes:
        has_reference: Whether 10 MHz is connected to the devices' inputs.
    """

    def __init__(self, settings: AirSettings, command_s: float = COMMAND_S) -> None:
        self.command_s = command_s
        self.lock = threading.Lock()
        self.has_reference = True
        # A path's offset is counted from the listening device: it has the receiver's error in it.
        own = replace(settings.preset, adc_bits=None, receiver_clock_error_range_ppm=0.0)
        self.air = SimulatedAir(replace(settings, preset=own))
        rng = np.random.default_rng([settings.seed, settings.n_nodes])
        self.devices = tuple(_Device.new(place, self, rng) for place in range(settings.n_nodes + 1))

    @property
    def n_nodes(self) -> int:
        """Transmitting devices."""
        return len(self.devices) - 1

    @property
    def receiver(self) -> "_Device":
        """The device that receives the air."""
        return self.devices[-1]


@dataclass
class _Device:
    """One device.

    Attributes:
        place: Its place; the last one of the world receives.
        world: What it shares with the others.
        settings: By name; hertz and decibels.
        free_ppm: Error of its own oscillator.
        free_drift_hz_per_s: How that oscillator's carrier moves.
        time_offset: Its ticks over the air's.
    """

    place: int
    world: SoapyWorld
    settings: dict[str, float]
    free_ppm: float
    free_drift_hz_per_s: float
    time_offset: int
    clock_source: str = "internal"
    time_source: str = "internal"

    @classmethod
    def new(cls, place: int, world: SoapyWorld, rng: np.random.Generator) -> "_Device":
        rate = world.air.sample_rate_hz
        settings = {"rate": rate, "freq": 100e6, "bandwidth": rate, "gain": 0.0}
        offset = int(rng.integers(round(100 * rate)))
        drifts = [path.drift_hz_per_s for path in world.air.paths]
        drift = (*drifts, world.air.receiver.drift_hz_per_s)[place]
        return cls(place, world, settings, _CRYSTAL_PPM * rng.uniform(-1, 1), drift, offset)

    @property
    def serial(self) -> str:
        """Its name."""
        return f"virtual-{'receiver' if self.is_receiver else f'node-{self.place}'}"

    @property
    def is_receiver(self) -> bool:
        """Whether it is the one that receives."""
        return self.place == self.world.n_nodes

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

    def set(self, name: str, value: float) -> float:
        """Set what can be set and return what is in force."""
        gain_range = (0.0, 40.0) if self.is_receiver else (-60.0, 0.0)
        low, high = {**_RANGES, "gain": gain_range}[name]
        if name != "rate":  # the world has one rate
            self.settings[name] = min(max(value, low), high)
        return self.settings[name]

    def last_pulse(self) -> int:
        """Return the tick of the last pulse per second; time passes while one asks."""
        rate = round(self.world.air.sample_rate_hz)
        self.world.air.pass_time(round(_QUESTION_S * rate))
        return self.world.air.now_tick // rate * rate + self.time_offset

    def set_at_pulse(self, tick: int) -> None:
        """Let the next pulse happen at a tick of this device."""
        rate = round(self.world.air.sample_rate_hz)
        next_pulse = (self.world.air.now_tick // rate + 1) * rate
        self.time_offset = tick - next_pulse

    def send(self, samples: Samples, tick: int) -> bool:
        """Put a burst on the air; False if it is there too late for its tick, or by bad luck."""
        air = self.world.air
        start = tick - self.time_offset
        needed = round(self.world.command_s * air.sample_rate_hz)
        if air.is_late(self.place, start) or start < air.now_tick + needed:
            return False
        detuned_hz = self.settings["freq"] - self.world.receiver.settings["freq"]
        if abs(detuned_hz) < air.sample_rate_hz / 2:
            self._settle(detuned_hz)
            gain = np.float32(db_to_amplitude(self.settings["gain"]))
            air.send(self.place, gain * samples, start)
        return True

    def _settle(self, detuned_hz: float) -> None:
        """Let the oscillators of both ends act on the path."""
        path, receiver = self.world.air.paths[self.place], self.world.receiver
        error_ppm = self.error_ppm - receiver.error_ppm
        path.drift_hz_per_s = self.drift_hz_per_s
        self.world.air.receiver.drift_hz_per_s = receiver.drift_hz_per_s
        path.clock_error_ppm = error_ppm
        path.cfo_hz = cfo_of_clock_error(error_ppm, receiver.settings["freq"]) + detuned_hz

    def s_until(self, tick: int) -> float:
        """Return how long one waits for a tick: reading blocks until then, as on a real device.

        Meanwhile orders reach nodes in other processes.
        """
        ahead_s = (tick - self.now) / self.world.air.sample_rate_hz
        return min(max(ahead_s, 0.0), _LONGEST_WAIT_S)

    def receive(self, tick: int, n_samples: int) -> Samples | None:
        """Return what is received from a tick on; None if it has passed."""
        start = tick - self.time_offset
        if start < self.world.air.now_tick:
            return None
        received, _ = self.world.air.receive(start, n_samples)
        gain = np.float32(db_to_amplitude(self.settings["gain"]))
        return quantise(gain * received, ADC_BITS)
