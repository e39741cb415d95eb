"""ADALM-PLUTO boards through pyadi-iio.

Stock firmware has no timed transmissions and no receive timestamps: a Pluto sends cyclic
frames and captures are read from the middle of them. With a common pulse on all boards'
trigger inputs (see `sdr_ota.radio.pluto_trigger`) it sends bursts at ticks after the pulse.
The transmit converter takes codes of 16 bits, left-justified; the receive converter gives 12.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from traceback import clear_frames
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    Overflow,
    PendingCapture,
    RadioError,
    RadioLost,
    TimeError,
    Timeout,
)
from sdr_ota.radio.libiio_errors import radio_error
from sdr_ota.radio.libiio_versions import (
    destroy_receive_buffer,
    destroy_transmit_buffer,
    keep_one_kernel_buffer,
    send,
)
from sdr_ota.radio.owner import OwnedDevice
from sdr_ota.radio.pluto_identity import (
    MUTED_DB,
    PASS_SAMPLES,
    connect,
    has_virtual_time,
    left_on_db,
    oscillator_down,
    pluto_info,
    temperature_c,
)
from sdr_ota.radio.pluto_ranges import rx_gains_db
from sdr_ota.radio.pluto_settings import radio_settings, receiver_settings, transmitter_settings
from sdr_ota.radio.pluto_trigger import PULSE_TICKS, start_engine, stop_engine
from sdr_ota.radio.pluto_watchdog import LONGEST_BURST_S, PlutoWatchdog
from sdr_ota.radio.refusal import (
    ASKED_TOLERANCES,
    Found,
    refuse_changed,
    refuse_not_taken,
    refuse_out_of_range,
    refuse_over_full_scale,
    refuse_start_tick,
)
from sdr_ota.types import RadioSettings, Samples

_log = logging.getLogger(__name__)

_TX_FULL_SCALE = 2**15 - 1
_RX_FULL_SCALE = 2**11
_TAIL_SAMPLES = 1024
"""Zeros after a burst: what the converter holds when its buffer has run out."""


class PlutoRadio(ClosedByBlock):
    """A PlutoSDR; silent until its first cyclic frame, and again when it is closed.

    A transmitter that an earlier program left on is switched off on opening.

    Args:
        uri: Where it is, as libiio writes it: ``ip:192.168.2.1``, ``usb:1.2.5``.
        is_triggered: Whether buffers start on an external pulse, which all boards get. Ticks
            are then counted from pulse to pulse, each a whole number of ``PULSE_TICKS``.
        longest_burst_s: A cyclic frame that lasts longer, or a process that gives no sign of life
            for so long, is switched off by a process of its own.

    Raises:
        RadioNotFound: If it does not answer, or pyadi-iio is not installed.
        RadioInUse: If another process uses it; nothing was changed then.
    """

    def __init__(
        self, uri: str, is_triggered: bool = False, longest_burst_s: float = LONGEST_BURST_S
    ) -> None:
        self._sdr: Any = connect(uri)
        self._uri, self._longest_burst_s = uri, longest_burst_s
        self._watchdog: PlutoWatchdog | None = None
        self._tick = 0
        self._sends = False
        self._is_lost = False
        self._asked: RadioSettings | None = None
        self._sends_with: Found = {}
        self._receives_with: Found = {}
        self.info = pluto_info(self._sdr, uri, is_triggered)
        self.has_virtual_time = has_virtual_time(self._sdr)
        # Virtual boards of several servers have the same serials.
        device = f"{self.info.serial} at {uri}" if self.has_virtual_time else self.info.serial
        self._owned = OwnedDevice(device, uri)
        try:
            with self._device() as sdr:
                self._say_if_left_on()
                self._silence()
                (start_engine if is_triggered else stop_engine)(sdr._ctx)
        except BaseException:
            self._owned.close()
            raise

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set rate, frequencies, filters and gains, in the order in which none undoes another.

        Raises:
            SettingNotTaken: If one is out of range or reads back as something else.
        """
        asked = {
            "sample_rates_hz": settings.sample_rate_hz,
            "center_freqs_hz": settings.center_freq_hz,
            "tx_gains_db": settings.tx_gain_db,
        }
        with self._device() as sdr:
            refuse_out_of_range(self.info, asked)
            sdr.rx_lo = sdr.tx_lo = round(settings.center_freq_hz)
            self.info = replace(self.info, rx_gains_db=rx_gains_db(sdr._ctrl))  # of this band
            refuse_out_of_range(self.info, {"rx_gains_db": settings.rx_gain_db})
            sdr.sample_rate = round(settings.sample_rate_hz)
            sdr.rx_rf_bandwidth = sdr.tx_rf_bandwidth = round(settings.bandwidth_hz)
            sdr.gain_control_mode_chan0 = "manual"  # otherwise a gain is silently ignored
            sdr.rx_hardwaregain_chan0 = settings.rx_gain_db
            sdr.tx_hardwaregain_chan0 = settings.tx_gain_db  # a rate change has reset it
            self._sends_with = transmitter_settings(sdr)
            self._receives_with = receiver_settings(sdr)
        there = radio_settings(self._sends_with, self._receives_with)
        refuse_not_taken(self.info, settings, there, ASKED_TOLERANCES)
        self._asked = settings
        return there

    def _refuse_changed(self, in_force: Found, read: Callable[[Any], Found]) -> None:
        """Set all anew if another program has changed a setting, and say what it was.

        Raises:
            SettingChanged: So that nothing is sent or received under settings of others.
        """
        asked = self._asked
        if asked is None:
            return
        with self._device() as sdr:
            found = read(sdr)
        refuse_changed(self.info, in_force, found, lambda: self.configure(asked))

    def now_tick(self) -> int:
        """Return the samples received so far, or the next pulse: there is no other clock."""
        return self._tick

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Hand over a burst that leaves so many ticks after the next pulse.

        Raises:
            RadioError: Without a trigger: nothing would say when the burst leaves.
            TimeError: If it would not end before a second pulse.
        """
        self._check_open()
        refuse_over_full_scale(self.info, samples)
        if not self.info.has_hardware_time:
            raise RadioError(f"{self.info.serial} has no hardware time: send cyclic frames instead")
        n_before = (start_tick or 0) % PULSE_TICKS
        if n_before + samples.size > PULSE_TICKS:
            raise TimeError(f"{self.info.serial}: burst for {start_tick} is before the next pulse")
        self._send(np.pad(samples, (n_before, _TAIL_SAMPLES)), is_cyclic=False)

    def confirm_sent(self, timeout_s: float) -> None:
        """Do nothing: the board does not tell."""

    def begin_cyclic(self, samples: Samples) -> None:
        """Send a period over and over, beginning some milliseconds from now.

        A process of its own watches that it ends even if this one freezes, hangs or is killed.

        Raises:
            SettingChanged: If another program has changed a setting; nothing was sent.
        """
        self._check_open()
        refuse_over_full_scale(self.info, samples)
        self._send(samples, is_cyclic=True)

    def _send(self, samples: Samples, is_cyclic: bool) -> None:
        self._refuse_changed(self._sends_with, transmitter_settings)
        if self._watchdog is None:
            self._watchdog = PlutoWatchdog(self._uri, self._longest_burst_s, self._owned.fileno())
        if is_cyclic:
            self._watchdog.burst_begins()
        iq = np.stack([samples.real, samples.imag])
        codes = np.clip(np.rint(iq * _TX_FULL_SCALE), -_TX_FULL_SCALE, _TX_FULL_SCALE)
        codes = codes.astype(np.int16)
        with self._device() as sdr:
            destroy_transmit_buffer(sdr)
            self._power(True)
            send(sdr, codes, is_cyclic)
            self._sends = True

    def end_cyclic(self) -> None:
        """Fall silent."""
        if self._sdr is not None and self._sends:
            with self._device() as sdr:
                destroy_transmit_buffer(sdr)
                self._sends = False
            if self._watchdog is not None and self._watchdog.burst_ends() > self._longest_burst_s:
                _log.warning(
                    "%s: a cyclic frame lasted longer than %g s (radio.longest_burst_s); its "
                    "transmitter was switched off meanwhile",
                    self.info.serial,
                    self._longest_burst_s,
                )

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Prepare a reception; it begins when its result is asked for.

        Raises:
            SettingChanged: If another program has changed a setting.
        """
        self._check_open()
        refuse_start_tick(self.info, start_tick)
        self._refuse_changed(self._receives_with, receiver_settings)
        start = self._tick if start_tick is None else start_tick
        if start < self._tick:
            raise TimeError(f"{self.info.serial}: reception at {start}, it is {self._tick}")
        return _PendingBuffer(start, n_samples, self._receive)

    def _receive(self, start: int, n_samples: int, timeout_s: float) -> Capture:
        n_before = start - self._tick if self.info.has_hardware_time else 0
        if n_before < 0:
            raise Overflow(f"{self.info.serial}: the samples from tick {start} on are gone")
        codes = self._codes(n_before + n_samples, timeout_s)[n_before:]
        if self.info.has_hardware_time:
            self._tick = (start // PULSE_TICKS + 1) * PULSE_TICKS
        else:
            start, self._tick = self._tick, self._tick + n_samples
        edge = np.maximum(np.abs(codes.real), np.abs(codes.imag)) >= _RX_FULL_SCALE - 1
        samples = np.asarray(codes / _RX_FULL_SCALE, np.complex64)
        return Capture(samples, start, int(np.count_nonzero(edge)))

    def _codes(self, n_samples: int, timeout_s: float) -> NDArray[np.complex128]:
        with self._device() as sdr:
            sdr._ctx.set_timeout(max(round(timeout_s * 1e3), 1))
            # A new buffer: what older ones hold was captured before, under other settings.
            destroy_receive_buffer(sdr)
            keep_one_kernel_buffer(sdr)
            sdr.rx_buffer_size = n_samples
            try:
                codes = np.atleast_1d(sdr.rx())
            except OSError as error:
                if error.errno == errno.ETIMEDOUT and self._answers():
                    raise Timeout(f"{self.info.serial}: no answer in time") from error
                raise
            destroy_receive_buffer(sdr)
        return np.asarray(codes)

    def _answers(self) -> bool:
        """Return whether the board is there: buffers have connections of their own."""
        try:
            return bool(self._tx_oscillator_down.value)
        except OSError:
            return False

    def pass_time(self, n_samples: int) -> None:
        """Let time pass in the world of a virtual board."""
        with self._device() as sdr:
            sdr._ctrl.debug_attrs[PASS_SAMPLES].value = str(n_samples)
        if not self.info.has_hardware_time:
            self._tick += n_samples

    def temperature_c(self) -> float | None:
        """Return the transceiver's temperature."""
        with self._device() as sdr:
            return temperature_c(sdr)

    def close(self) -> None:
        """Switch the transmitter off and let go of the board; a lost one is let go of only."""
        if self._sdr is None:
            return
        try:
            self._let_go()
        except KeyboardInterrupt:
            self._let_go()  # a signal in the middle must not leave half of it on
            raise
        finally:
            self._sdr = None
            if self._watchdog is not None:
                self._watchdog.close()
            self._owned.close()

    def _let_go(self) -> None:
        # Open buffers at the interpreter's exit crash libiio 0.24.
        with suppress(OSError):
            destroy_receive_buffer(self._sdr)
        if self._is_lost:
            destroy_transmit_buffer(self._sdr)
            return
        try:
            with self._device():
                self._silence()
        except RadioError as broken:
            _log.warning("%s; whether its transmitter is off is not known", broken)

    def _say_if_left_on(self) -> None:
        gain_db = left_on_db(self._sdr)
        if gain_db is not None:
            _log.warning(
                "%s: its transmitter was on when opened (gain %g dB); it is off now",
                self.info.serial,
                gain_db,
            )

    def _silence(self) -> None:
        """Tones off, buffers gone, full attenuation, synthesiser down, in this order."""
        sdr = self._sdr
        sdr.disable_dds()
        destroy_transmit_buffer(sdr)
        self._sends = False
        sdr.tx_hardwaregain_chan0 = MUTED_DB
        self._power(False)

    @property
    def _tx_oscillator_down(self) -> Any:
        return oscillator_down(self._sdr)

    def _power(self, is_on: bool) -> None:
        self._tx_oscillator_down.value = "0" if is_on else "1"

    @contextmanager
    def _device(self) -> Iterator[Any]:
        """Give the open device; what libiio raises becomes one of our errors."""
        self._check_open()
        try:
            yield self._sdr
        except BaseException as error:
            clear_frames(error.__traceback__)  # a buffer in there would live until the exit
            what = self._meaning(error)
            if what is error:
                raise
            raise what from error

    def _meaning(self, error: BaseException) -> BaseException:
        """Return what an exception of libiio or pyadi-iio is in our terms."""
        if isinstance(error, RadioError) or not isinstance(error, Exception):
            return error
        if not isinstance(error, OSError):
            return RadioError(f"{self.info.serial}: {error}")  # pyadi-iio raises plain ones
        what = radio_error(self.info.serial, error)
        self._is_lost |= isinstance(what, RadioLost)
        return what

    def _check_open(self) -> None:
        if self._sdr is None:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")
        if self._is_lost:
            raise RadioLost(f"{self.info.serial} is lost; open a new radio", self.info.serial)


@dataclass(frozen=True)
class _PendingBuffer:
    start_tick: int
    n_samples: int
    receive: Callable[[int, int, float], Capture]

    def result(self, timeout_s: float) -> Capture:
        """Receive now."""
        return self.receive(self.start_tick, self.n_samples, timeout_s)
