"""A radio around another one, to which it passes everything on."""

from dataclasses import replace

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import PendingCapture, Radio, RadioInfo
from sdr_ota.radio.clock import is_pulsed, pulsed
from sdr_ota.radio.virtual_time import has_virtual_time, in_virtual_time
from sdr_ota.types import RadioSettings, Samples


class PassedOnRadio(ClosedByBlock):
    """Does what the radio does that it is around; others change a part of it.

    Attributes:
        prefix: Put before the radio's serial: the host that it is plugged into.

    Args:
        radio: The radio.
    """

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.prefix = ""

    @property
    def info(self) -> RadioInfo:
        """Who the radio is, and what it can do as it is set now."""
        info = self._radio.info
        return replace(info, serial=f"{self.prefix}{info.serial}") if self.prefix else info

    @property
    def has_pulse(self) -> bool:
        """Whether its time can be set at a pulse per second."""
        return is_pulsed(self._radio)

    @property
    def has_virtual_time(self) -> bool:
        """Whether time passes in its world when it is told to."""
        return has_virtual_time(self._radio)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings."""
        return self._radio.configure(settings)

    def now_tick(self) -> int:
        """Return the radio's time in samples."""
        return self._radio.now_tick()

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst."""
        self._radio.transmit(samples, start_tick)

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask what became of the last burst."""
        self._radio.confirm_sent(timeout_s)

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over."""
        self._radio.begin_cyclic(samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        self._radio.end_cyclic()

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Start receiving."""
        return self._radio.begin_receive(n_samples, start_tick)

    def temperature_c(self) -> float | None:
        """Return the device's temperature in degrees Celsius; None without a sensor."""
        return self._radio.temperature_c()

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return pulsed(self._radio).last_pulse_ns()

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        pulsed(self._radio).set_time_at_pulse(time_ns)

    def pass_time(self, n_samples: int) -> None:
        """Let time pass in the radio's virtual world."""
        in_virtual_time(self._radio).pass_time(n_samples)

    def close(self) -> None:
        """Fall silent and let go of the device."""
        self._radio.close()
