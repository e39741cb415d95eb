"""The seam to radios: one narrow protocol, its records and its errors.

    RadioError
     |- RadioNotFound     no such device, or it does not answer
     |- RadioLost         it has gone
     |- SettingNotTaken   a setting is out of range or did not take
     |- TransmitRefused   the configuration does not allow this transmission
     |- TimeError         the start time has passed
     |- Timeout           no samples in time
     |- Overflow          samples were lost on the way in
     |- Underflow         samples were missing on the way out
     `- Corruption        the stream is not what was asked for

The last five bear SoapySDR's names (its ``Errors.h``), which the field knows.
"""

from dataclasses import dataclass, replace
from math import inf
from types import TracebackType
from typing import Protocol, Self

from sdr_ota.types import RadioSettings, Samples


class RadioError(Exception):
    """Something is wrong with a radio; the round at hand is lost."""


class RadioNotFound(RadioError):  # noqa: N818 - SoapySDR's words
    """No such device, or it does not answer."""


class RadioLost(RadioError):  # noqa: N818
    """A radio has gone; this object of it is of no use any more, a new one may be.

    Attributes:
        serial: Which one.
    """

    def __init__(self, text: str, serial: str) -> None:
        super().__init__(text)
        self.serial = serial


class SettingNotTaken(RadioError):  # noqa: N818
    """A setting is out of range, or the device reads back something else."""


class SettingChanged(RadioError):  # noqa: N818
    """A setting is no longer what it was set to: another program has changed it."""


class TransmitRefused(RadioError):  # noqa: N818
    """The configuration does not allow this transmission."""


class TimeError(RadioError):
    """The start time has passed when the command arrived."""


class Timeout(RadioError):  # noqa: N818
    """No samples came in time."""


class Overflow(RadioError):  # noqa: N818
    """Samples were lost on the way in."""


class Underflow(RadioError):  # noqa: N818
    """Samples were missing on the way out."""


class Corruption(RadioError):  # noqa: N818
    """The stream is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a setting may be, both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


ANY = Range(-inf, inf)


@dataclass(frozen=True, slots=True)
class RadioInfo:
    """Who a radio is and what it can do.

    Attributes:
        driver: Name of the back-end.
        serial: What tells this device from its siblings.
        has_hardware_time: Whether ``start_tick`` is obeyed to the sample.
        is_full_duplex: Whether it can send and receive at the same time.
        can_repeat: Whether it sends cyclic frames.
        sample_rates_hz: Rates that it takes.
        center_freqs_hz: Frequencies that it tunes to.
        tx_gains_db: Transmit gains; 0 dB and below for an attenuator.
        rx_gains_db: Receive gains.
        init_id: What changes whenever the device was started anew: a start draws new phases.
        tx_bits: Bits of one branch of the transmitter's converter.
        rx_bits: The same of the receiver's.
        center_freq_step_hz: Step of the synthesiser; None where it cannot be tuned apart from
            those of the other radios.
    """

    driver: str
    serial: str
    has_hardware_time: bool
    is_full_duplex: bool = False
    can_repeat: bool = True
    sample_rates_hz: Range = ANY
    center_freqs_hz: Range = ANY
    tx_gains_db: Range = ANY
    rx_gains_db: Range = ANY
    init_id: str = ""
    tx_bits: int | None = None
    rx_bits: int | None = None
    center_freq_step_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Received samples and what is known about them.

    Attributes:
        samples: Shape ``(n_samples,)``.
        start_tick: Receiver tick of the first sample.
        n_clipped: Samples of which a part touched full scale.
        further: The same window at the receiver's other antennas, each alone.
    """

    samples: Samples
    start_tick: int
    n_clipped: int = 0
    further: tuple["Capture", ...] = ()

    @property
    def antennas(self) -> tuple["Capture", ...]:
        """What each antenna received, in their order."""
        return (replace(self, further=()), *self.further) if self.further else (self,)


class PendingCapture(Protocol):
    """A reception that has been started."""

    def result(self, timeout_s: float) -> Capture:
        """Wait for the samples.

        Raises:
            Timeout: If they did not come in time.
            Overflow: If samples were lost.
        """
        ...


class Radio(Protocol):
    """A transmitter, a receiver, or both. Time is counted in ticks of one sample.

    A back-end never changes an array it is given, and is silent before the first
    ``transmit``, after ``close`` and when its ``with`` block ends for any reason.
    """

    @property
    def info(self) -> RadioInfo:
        """Who the radio is and what it can do."""
        ...

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings and return those really in force.

        Raises:
            SettingNotTaken: If one did not take.
        """
        ...

    def now_tick(self) -> int:
        """Return the radio's time in samples."""
        ...

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst, at once or when ``start_tick`` comes.

        Args:
            samples: Shape ``(n_samples,)``, modulus at most 1.
            start_tick: Needs hardware time.

        Raises:
            TimeError: If ``start_tick`` has passed.
            TransmitRefused: If the samples exceed full scale.
        """
        ...

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask what became of the last burst: some devices know only afterwards.

        Raises:
            TimeError: If it came late and was not sent.
            Underflow: If it was torn.
        """
        ...

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over, from some moment soon, until ``end_cyclic``.

        How a radio without hardware time takes part: its start is unknown, but what it
        sends can be found in any window as long as one period.

        Args:
            samples: One period, shape ``(n_samples,)``, modulus at most 1.

        Raises:
            TransmitRefused: If the samples exceed full scale.
        """
        ...

    def end_cyclic(self) -> None:
        """Fall silent; does nothing where nothing is being sent."""
        ...

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Start receiving and return at once: bursts are sent while it runs.

        What was sent before this call and ended before it is not in the capture.
        """
        ...

    def temperature_c(self) -> float | None:
        """Return the device's temperature in degrees Celsius; None where it has no sensor."""
        ...

    def close(self) -> None:
        """Fall silent and let go of the device; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
