"""A radio whose time on the air is counted with that of all others of the bench."""

import math

from sdr_ota.radio.air_time_account import AirTimeAccount
from sdr_ota.radio.air_time_log import Span
from sdr_ota.radio.base import Radio
from sdr_ota.radio.passed_on import PassedOnRadio
from sdr_ota.types import RadioSettings, Samples


class AccountedRadio(PassedOnRadio):
    """Waits until the band's limit allows what it is to send; passes the rest on.

    Args:
        radio: The radio.
        account: Of the bench.
    """

    def __init__(self, radio: Radio, account: AirTimeAccount) -> None:
        super().__init__(radio)
        self._account, self._rate_hz = account, 1.0
        self._span = Span(0.0, math.inf, self._is_virtual)  # wherever it is tuned to

    @property
    def _is_virtual(self) -> bool:
        return self.has_virtual_time or self.info.driver == "zmq"

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings."""
        there = super().configure(settings)
        half_hz, self._rate_hz = there.sample_rate_hz / 2, there.sample_rate_hz
        center_hz = there.center_freq_hz
        self._span = Span(center_hz - half_hz, center_hz + half_hz, self._is_virtual)
        return there

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst, once the band's limit allows it."""
        self._account.burst(self._span, len(samples), self._rate_hz, start_tick)
        super().transmit(samples, start_tick)

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over, once the band's limit allows it."""
        self._account.begins(self, self._span)
        super().begin_cyclic(samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        try:
            super().end_cyclic()
        finally:
            self._account.ends(self)

    def close(self) -> None:
        """Fall silent and let go of the device."""
        try:
            super().close()
        finally:
            self._account.ends(self)
