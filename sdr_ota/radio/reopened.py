"""A radio that comes back: opened and set again when it was away.

Nobody waits for a device that may never answer: it is opened in a thread of its own, and
until that has ended every call says that the radio is lost.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import TypeVar

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    PendingCapture,
    Radio,
    RadioError,
    RadioInfo,
    RadioLost,
    RadioNotFound,
)
from sdr_ota.radio.clock import is_pulsed, pulsed
from sdr_ota.radio.virtual_time import has_virtual_time, in_virtual_time
from sdr_ota.types import RadioSettings, Samples

_log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Shortest time between two attempts to open a radio again."""

WAIT_S = 0.3
"""How long the first call waits for an attempt: a device on the desk answers within it."""

LAST_WAIT_S = 12.0
"""How long closing waits for an attempt under way: libiio gives up after 5 s, twice."""

_OTHER_ZERO = "opened again it would not count like the others: resume the run to align all"

T = TypeVar("T")


class ReopenedRadio(ClosedByBlock):
    """A radio around any other, which may go and come back.

    One with hardware time stays lost: opened again it would count from another zero than the
    others, and send at the wrong moment.

    Args:
        open_radio: Opens it, now and whenever it was lost.
        pause_s: Shortest time between two attempts.

    Raises:
        RadioNotFound: If it is not there now.
    """

    def __init__(self, open_radio: Callable[[], Radio], pause_s: float = PAUSE_S) -> None:
        self._open_radio, self._pause_s = open_radio, pause_s
        self._settings: RadioSettings | None = None
        self._next_attempt_s = 0.0
        self._why = ""
        self._wait_s = WAIT_S
        self._opening: Future[Radio] | None = None
        self._is_open = True
        self._radio: Radio | None = open_radio()
        self.info: RadioInfo = self._radio.info
        self.has_pulse = is_pulsed(self._radio)
        self.has_virtual_time = has_virtual_time(self._radio)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings; a radio that comes back is given them too."""
        self._settings = settings

        def configured(radio: Radio) -> RadioSettings:
            in_force = radio.configure(settings)
            self.info = radio.info  # a Pluto's gains follow from its band
            return in_force

        return self._use(configured)

    def now_tick(self) -> int:
        """Return the radio's time in samples."""
        return self._use(lambda radio: radio.now_tick())

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst."""
        self._use(lambda radio: radio.transmit(samples, start_tick))

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask what became of the last burst."""
        self._use(lambda radio: radio.confirm_sent(timeout_s))

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over."""
        self._use(lambda radio: radio.begin_cyclic(samples))

    def end_cyclic(self) -> None:
        """Fall silent; a radio that comes back is silenced by being opened."""
        if self._radio is not None:
            self._use(lambda radio: radio.end_cyclic())

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Start receiving."""
        radio = self._present()
        pending = self._use(lambda present: present.begin_receive(n_samples, start_tick))
        return _PendingOfOne(self, radio, pending)

    def result_of(self, radio: Radio, pending: PendingCapture, timeout_s: float) -> Capture:
        """Return what was received, if the radio that began it is still there."""
        if radio is not self._radio:
            raise self._lost("what it was receiving is lost")
        return self._use(lambda _: pending.result(timeout_s))

    def temperature_c(self) -> float | None:
        """Return the device's temperature in degrees Celsius; None without a sensor."""
        return self._use(lambda radio: radio.temperature_c())

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return self._use(lambda radio: pulsed(radio).last_pulse_ns())

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        self._use(lambda radio: pulsed(radio).set_time_at_pulse(time_ns))

    def pass_time(self, n_samples: int) -> None:
        """Let time pass in the radio's virtual world."""
        self._use(lambda radio: in_virtual_time(radio).pass_time(n_samples))

    def close(self) -> None:
        """Fall silent and let go of the device, also of one that is just coming back."""
        self._is_open = False
        radio, self._radio = self._radio, None
        opening, self._opening = self._opening, None
        if radio is not None:
            radio.close()
        if opening is not None:
            with suppress(RadioError, NotYet):
                opening.result(LAST_WAIT_S).close()

    def _use(self, ask: Callable[[Radio], T]) -> T:
        """Do something with the radio.

        Raises:
            RadioLost: If it has gone, or is not back yet.
            RadioError: What it raises itself.
        """
        radio = self._present()
        try:
            return ask(radio)
        except RadioLost as lost:
            self._lose(radio, str(lost))
            raise RadioLost(self._why, self.info.serial) from lost

    def _lose(self, radio: Radio, why: str) -> None:
        self._why, self._radio = why, None
        if self.info.has_hardware_time:
            radio.close()
            _log.warning("%s; %s", why, _OTHER_ZERO)
        else:
            self._opening = self._begin(radio)
            _log.warning("%s; it is opened again once it answers", why)

    def _present(self) -> Radio:
        """Return the radio, which may have come back."""
        if not self._is_open:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")
        if self._radio is None:
            self._radio = self._come_back()
            self.info = self._radio.info
            _log.warning("%s is back", self.info.serial)
        return self._radio

    def _come_back(self) -> Radio:
        if self.info.has_hardware_time:
            raise self._lost(_OTHER_ZERO)
        if self._opening is None:
            if time.monotonic() < self._next_attempt_s:
                raise self._lost("it is opened again in a moment")
            self._opening = self._begin(None)
        try:
            radio = self._opening.result(self._wait_s)
        except NotYet:
            self._wait_s = 0.0
            raise self._lost("it is being opened again") from None
        except RadioError as away:
            self._opening = None
            self._next_attempt_s = time.monotonic() + self._pause_s
            why = "" if isinstance(away, RadioNotFound) else f": {away}"
            raise self._lost(f"it is not back{why}") from away
        self._opening = None
        return radio

    def _lost(self, state: str) -> RadioLost:
        return RadioLost(f"{self._why}; {state}", self.info.serial)

    def _begin(self, broken: Radio | None) -> Future[Radio]:
        """Let go of what is broken and open the radio again, in a thread of its own."""
        opening: Future[Radio] = Future()
        self._wait_s = WAIT_S

        def work() -> None:
            try:
                if broken is not None:
                    broken.close()
                opening.set_result(self._opened())
            except RadioError as away:
                opening.set_exception(away)
            except Exception as unknown:
                opening.set_exception(RadioError(f"{type(unknown).__name__}: {unknown}"))

        Thread(target=work, name=f"opens {self.info.serial}", daemon=True).start()
        return opening

    def _opened(self) -> Radio:
        """Open the radio again and set it as it was.

        Raises:
            RadioError: If it is not back, is another one or does not take its settings.
        """
        radio = self._open_radio()
        try:
            if radio.info.serial != self.info.serial:
                raise RadioError(f"another device answers in its place: {radio.info.serial}")
            if self._settings is not None:
                radio.configure(self._settings)
        except BaseException:
            radio.close()
            raise
        return radio


@dataclass(frozen=True)
class _PendingOfOne:
    outer: ReopenedRadio
    radio: Radio
    pending: PendingCapture

    def result(self, timeout_s: float) -> Capture:
        """Return the samples."""
        return self.outer.result_of(self.radio, self.pending, timeout_s)
