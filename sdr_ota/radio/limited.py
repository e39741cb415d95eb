"""A radio behind its owner's limits: bands, largest gain, share of the time on the air."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdr_ota.radio.air_time_credit import AirTimeCredit
from sdr_ota.radio.base import Radio, SettingNotTaken, TransmitRefused
from sdr_ota.radio.passed_on import PassedOnRadio
from sdr_ota.types import RadioSettings, Samples


@dataclass(frozen=True)
class Limits:
    """What an owner allows.

    Attributes:
        bands_hz: Lower and upper edges; None for any frequency: radios in software.
        max_tx_gain_db: Largest transmit gain.
        max_duty_cycle: Largest share of the time on the air, above 0 and at most 1.
    """

    bands_hz: tuple[tuple[float, float], ...] | None = None
    max_tx_gain_db: float | None = None
    max_duty_cycle: float = 1.0


class LimitedRadio(PassedOnRadio):
    """Refuses what its owner does not allow, whoever orders it; passes the rest on.

    Args:
        radio: The radio.
        limits: What its owner allows.
        kept_in: File for the time on the air that is left; None forgets it with the process.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        radio: Radio,
        limits: Limits,
        kept_in: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(radio)
        self._limits, self._clock = limits, clock
        self._credit = AirTimeCredit(limits.max_duty_cycle, kept_in, clock)
        self._rate_hz: float | None = None
        self._held: tuple[float, float] | None = None

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings that lie within a band and the gain that the owner allows.

        Raises:
            SettingNotTaken: If they do not.
        """
        self._check_settings(settings)
        in_force = self._radio.configure(settings)
        self._rate_hz = in_force.sample_rate_hz
        return in_force

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst.

        Raises:
            TransmitRefused: If it would be on the air for a larger share of the time than allowed.
        """
        burst_s = len(samples) / self._known_rate_hz()
        self._check_may_send(burst_s)
        self._take(burst_s)
        self._radio.transmit(samples, start_tick)

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over.

        Raises:
            TransmitRefused: If the radio has been on the air for the share that is allowed.
        """
        self._known_rate_hz()
        self._count_cyclic()
        self._check_may_send(0.0)
        if not self._credit.is_unlimited:  # all is held: whoever is killed now has used it
            self._held = self._credit.left_s(), self._clock()
            self._take(self._held[0])
        self._radio.begin_cyclic(samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        self._radio.end_cyclic()
        self._count_cyclic()

    def longest_s(self) -> float:
        """Return how long a transmission that begins now may last."""
        return self._credit.left_s()

    def close(self) -> None:
        """Fall silent and let go of the device."""
        self._count_cyclic()
        self._radio.close()

    def _check_settings(self, settings: RadioSettings) -> None:
        half = abs(settings.sample_rate_hz) / 2
        low, high = settings.center_freq_hz - half, settings.center_freq_hz + half
        bands = self._limits.bands_hz
        if bands is not None and not any(a <= low and high <= b for a, b in bands):
            there = ", ".join(f"{a / 1e6:g} to {b / 1e6:g} MHz" for a, b in bands) or "none"
            raise SettingNotTaken(
                f"{self.info.serial}: asked for {low / 1e6:g} to {high / 1e6:g} MHz; its owner "
                f"allows {there}"
            )
        most = self._limits.max_tx_gain_db
        if most is not None and not settings.tx_gain_db <= most:
            raise SettingNotTaken(
                f"{self.info.serial}: asked for a transmit gain of {settings.tx_gain_db:g} dB; its "
                f"owner allows at most {most:g} dB"
            )

    def _known_rate_hz(self) -> float:
        """Return the rate of a radio whose settings have passed the limits.

        Raises:
            TransmitRefused: If none have: it may be tuned to anything.
        """
        if self._rate_hz is None:
            raise TransmitRefused(f"{self.info.serial} was given no settings yet; it may not send")
        return self._rate_hz

    def _check_may_send(self, burst_s: float) -> None:
        left_s = self._credit.left_s()
        if burst_s > left_s * (1 + 1e-9) or left_s <= 0:  # sums of floats
            raise TransmitRefused(
                f"{self.info.serial}: a burst of {burst_s:.3g} s was ordered, {max(left_s, 0):.3g} "
                "s on the air are left; its owner allows "
                f"{100 * self._limits.max_duty_cycle:g} % of the time"
            )

    def _count_cyclic(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held_s, since_s = held
            self._take(self._clock() - since_s - held_s)

    def _take(self, seconds: float) -> None:
        try:
            self._credit.take(seconds)
        except OSError as full:
            raise TransmitRefused(
                f"{self.info.serial}: its time on the air cannot be written down ({full}), and its "
                "owner has limited it; make room there"
            ) from full
