"""Radios that share a simulated air instead of a real one."""

from dataclasses import dataclass, replace

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    Overflow,
    PendingCapture,
    RadioError,
    RadioInfo,
    SettingNotTaken,
    TimeError,
    TransmitRefused,
)
from sdr_ota.radio.refusal import refuse_over_full_scale, refuse_start_tick
from sdr_ota.types import RadioSettings, Samples


class SimulatedRadio(ClosedByBlock):
    """A radio on a simulated air.

    Args:
        air: The world shared with the other radios.
        node: Which of the air's paths this radio sends through; None for the receiver.
        has_hardware_time: Whether it obeys start ticks; without, it is like a stock Pluto.
    """

    def __init__(self, air: SimulatedAir, node: int | None, has_hardware_time: bool = True) -> None:
        self._air = air
        self._node = node
        self._open = True
        name = "receiver" if node is None else f"node-{node}"
        self.info = RadioInfo(
            "simulated",
            name,
            has_hardware_time,
            is_full_duplex=True,
            init_id=air.init_id,
            center_freq_step_hz=1.0,
        )

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Accept the air's own rate and frequency only; a node's may be off a little."""
        self._check_open()
        asked = (settings.sample_rate_hz, settings.center_freq_hz)
        there = (self._air.sample_rate_hz, self._air.center_freq_hz)
        detuned_hz = asked[1] - there[1]
        most_hz = 0.0 if self._node is None else there[0] / 4
        if asked[0] != there[0] or abs(detuned_hz) > most_hz:
            raise SettingNotTaken(
                f"{self.info.serial}: asked for {asked[0]:g} samples/s at {asked[1]:g} Hz; "
                f"the simulated air runs at {there[0]:g} samples/s at {there[1]:g} Hz"
            )
        if self._node is not None:
            self._air.paths[self._node].detune(detuned_hz)
        return settings

    def now_tick(self) -> int:
        """Return the air's virtual time."""
        return self._air.now_tick

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst over this node's path."""
        node = self._sender(samples)
        refuse_start_tick(self.info, start_tick)
        start = self._air.now_tick if start_tick is None else start_tick
        if self._air.is_late(node, start):
            raise TimeError(
                f"{self.info.serial}: burst for tick {start} came late, at {self._air.now_tick}"
            )
        self._air.send(node, samples, start)

    def confirm_sent(self, timeout_s: float) -> None:
        """Do nothing: ``transmit`` has said it all."""

    def begin_cyclic(self, samples: Samples) -> None:
        """Send a period over and over through this node's path."""
        self._air.begin_cyclic(self._sender(samples), samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        if self._node is not None:
            self._air.end_cyclic(self._node)

    def _sender(self, samples: Samples) -> int:
        """Return which path is sent through, if sending is possible at all."""
        self._check_open()
        if self._node is None:
            raise TransmitRefused(f"{self.info.serial} receives only")
        refuse_over_full_scale(self.info, samples)
        return self._node

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Note a window of virtual time; its samples exist once it is asked for them."""
        self._check_open()
        refuse_start_tick(self.info, start_tick)
        start = self._air.now_tick if start_tick is None else start_tick
        if start < self._air.now_tick:
            raise TimeError(f"{self.info.serial}: reception at {start}, it is {self._air.now_tick}")
        return _PendingWindow(self._air, start, n_samples)

    def close(self) -> None:
        """Stop using the air."""
        self.end_cyclic()
        self._open = False

    def temperature_c(self) -> float | None:
        """Return None: there is nothing to warm up."""
        return None

    def _check_open(self) -> None:
        if not self._open:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")


@dataclass(frozen=True)
class _PendingWindow:
    air: SimulatedAir
    start_tick: int
    n_samples: int

    def result(self, timeout_s: float) -> Capture:
        """Return the window's samples, once; virtual time never times out."""
        if self.start_tick < self.air.now_tick:
            raise Overflow(
                f"the samples from tick {self.start_tick} on are gone, it is {self.air.now_tick}; "
                "a window is read once and before any later one"
            )
        first, *further = (
            Capture(samples, self.start_tick, n_clipped)
            for samples, n_clipped in self.air.receive_all(self.start_tick, self.n_samples)
        )
        return replace(first, further=tuple(further))
