"""USRPs and whatever else has a SoapySDR driver and hardware time.

Bursts and receptions start at ticks that the device obeys. Several devices count the same
ticks if they share 10 MHz and a pulse per second: ``clock_source=external,
time_source=external`` in their addresses. Two channels of one device are two radios: SoapySDR
opens a device once for all that ask for it with the same arguments.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    Corruption,
    Overflow,
    PendingCapture,
    RadioError,
    RadioInfo,
    RadioLost,
    TimeError,
    Timeout,
    Underflow,
)
from sdr_ota.radio.owner import OwnedDevice
from sdr_ota.radio.refusal import (
    ASKED_TOLERANCES,
    AUTOMATIC_GAIN,
    Found,
    refuse_changed,
    refuse_not_taken,
    refuse_out_of_range,
    refuse_over_full_scale,
    refuse_start_tick,
)
from sdr_ota.radio.soapy_device import (
    Wiring,
    describe,
    name_of,
    open_device,
    temperature_c,
    wire,
)
from sdr_ota.radio.soapy_settings import apply_settings, gain_name, settings_found
from sdr_ota.types import RadioSettings, Samples

_CLIPPED = 1.0 - 2.0**-10
"""Largest part of a sample that is surely within the converter: 12 bits end at 1 - 2^-11."""

_ERRORS: Mapping[str, type[RadioError]] = {
    "TIMEOUT": Timeout,
    "TIME_ERROR": TimeError,
    "OVERFLOW": Overflow,
    "UNDERFLOW": Underflow,
    "CORRUPTION": Corruption,
}
"""What SoapySDR's codes become; all others are plain radio errors."""

_WRITE_TIMEOUT_US = 500_000
_AT_ONCE_S = 0.5  # waited inside a driver, where Python is told of no signal
_PASS_SAMPLES = "pass_samples"
"""Setting of virtual devices: so many samples of time pass in their world."""


_DEFAULT = Wiring()


class SoapyRadio(ClosedByBlock):
    """A SoapySDR device; silent until its first burst, and again when it is closed.

    Args:
        device: SoapySDR's arguments: ``driver``, ``serial`` and so on.
        wiring: Which of its connectors are used, and what it takes its clocks from.

    Raises:
        RadioNotFound: If it is not there, or SoapySDR is not installed.
        SettingNotTaken: If it has no such connector or source, or its oscillator does not lock.
    """

    def __init__(self, device: Mapping[str, str], wiring: Wiring = _DEFAULT) -> None:
        self._soapy, self._device = open_device(device)
        self._channel = wiring.channel
        self.has_pulse = bool(wiring.time_source)
        self._streams: dict[int, Any] = {}
        self._reception = 0
        self._rate_hz = 1e6
        self._unconfirmed = False
        self._is_lost = False
        self._ways: list[int] = []
        self._asked: RadioSettings | None = None
        self._in_force: Mapping[int, Found] = {}
        name = name_of(self._device, device, wiring.channel)
        self.info = RadioInfo("soapy", name, has_hardware_time=False)
        words = ",".join(f"{key}={value}" for key, value in device.items())
        with self._guarded() as there:
            known = {setting.key for setting in there.getSettingInfo()}
        self.has_virtual_time = _PASS_SAMPLES in known
        # Virtual devices of several servers have the same serials.
        self._owned = OwnedDevice(f"{name} at {words}" if self.has_virtual_time else name, words)
        try:
            self._begin(wiring)
        except BaseException:
            self._owned.close()
            raise

    def _begin(self, wiring: Wiring) -> None:
        """Choose connectors and clocks, and fall silent."""
        name = self.info.serial
        with self._guarded() as there:
            self._ways = wire(self._soapy, there, wiring, name)
            self.info = describe(self._soapy, there, name, wiring.channel, self._ways)
            self._quiet()

    def last_pulse_ns(self) -> int:
        """Return the device's time at the last pulse per second."""
        with self._guarded() as device:
            return int(device.getHardwareTime("PPS"))

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the device's time be this at the next pulse per second."""
        with self._guarded() as device:
            device.setHardwareTime(time_ns, "PPS")

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set rate, frequency, filter and gain of whatever directions the device has.

        Raises:
            SettingNotTaken: If one is out of range or reads back as something else.
        """
        soapy = self._soapy
        asked = {"sample_rates_hz": settings.sample_rate_hz}
        asked |= {"center_freqs_hz": settings.center_freq_hz}
        there, found = settings, dict[int, Found]()
        with self._guarded() as device:
            for way in self._ways:
                name = gain_name(soapy, way)
                gain = {name.replace("gain", "gains"): getattr(settings, name)}
                refuse_out_of_range(self.info, asked | gain)
                apply_settings(soapy, device, way, self._channel, settings)
                found[way] = settings_found(soapy, device, way, self._channel)
                fields = {key: found[way][key] for key in found[way] if key != AUTOMATIC_GAIN}
                there = replace(there, **fields)
                refuse_not_taken(self.info, settings, there, ASKED_TOLERANCES)
        self._rate_hz = there.sample_rate_hz
        self._asked, self._in_force = settings, found
        return there

    def _refuse_changed(self, way: int) -> None:
        """Set all anew if another program has changed a setting of a direction.

        Raises:
            SettingChanged: So that nothing is sent or received under settings of others.
        """
        asked = self._asked
        if asked is None or way not in self._in_force:
            return
        with self._guarded() as device:
            found = settings_found(self._soapy, device, way, self._channel)
        refuse_changed(self.info, self._in_force[way], found, lambda: self.configure(asked))

    def now_tick(self) -> int:
        """Return the device's time in samples."""
        with self._guarded() as device:
            return self._tick(device.getHardwareTime())

    def _tick(self, time_ns: int) -> int:
        return int(self._soapy.timeNsToTicks(time_ns, self._rate_hz))

    def _time_ns(self, tick: int) -> int:
        return int(self._soapy.ticksToTimeNs(tick, self._rate_hz))

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Hand a burst to the device, whole, before its time comes.

        Raises:
            TimeError: If the start has passed before all of it was there.
            TransmitRefused: If it exceeds full scale.
            SettingChanged: If another program has changed a setting; nothing was sent.
        """
        refuse_over_full_scale(self.info, samples)
        refuse_start_tick(self.info, start_tick)
        soapy = self._soapy
        self._refuse_changed(soapy.SOAPY_SDR_TX)
        with self._guarded() as device:
            self._refuse_past(start_tick, "burst")
            stream = self._stream(soapy.SOAPY_SDR_TX)
            flags, time_ns = soapy.SOAPY_SDR_END_BURST, 0
            if start_tick is not None:
                flags, time_ns = flags | soapy.SOAPY_SDR_HAS_TIME, self._time_ns(start_tick)
            left = np.ascontiguousarray(samples, np.complex64)
            while left.size:
                done = device.writeStream(
                    stream, [left], left.size, flags, time_ns, _WRITE_TIMEOUT_US
                )
                left = left[self._checked(done.ret) :]
                flags &= ~soapy.SOAPY_SDR_HAS_TIME  # the start is known
            self._unconfirmed = True
            self._refuse_past(start_tick, "burst")

    def _refuse_past(self, start_tick: int | None, what: str) -> None:
        now = self._tick(self._device.getHardwareTime())
        if start_tick is not None and start_tick < now:
            raise TimeError(
                f"{self.info.serial}: {what} for tick {start_tick} is late, it is {now}"
            )

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask the device what became of the last burst.

        Raises:
            TimeError: If it came late.
            Underflow: If the device ran out of samples.
        """
        if not self._unconfirmed:
            return
        self._unconfirmed = False
        soapy = self._soapy
        with self._guarded() as device:
            stream = self._stream(soapy.SOAPY_SDR_TX)
            until = time.monotonic() + timeout_s
            while time.monotonic() < until:
                status = device.readStreamStatus(stream, 10_000)
                if status.ret == soapy.SOAPY_SDR_NOT_SUPPORTED:
                    return  # it arrived in time; more this driver does not tell
                if status.ret != soapy.SOAPY_SDR_TIMEOUT:
                    self._checked(status.ret)
                    if status.flags & soapy.SOAPY_SDR_END_BURST:
                        return
            raise Timeout(f"{self.info.serial}: the end of its burst was not reported")

    def begin_cyclic(self, samples: Samples) -> None:
        """Refuse: SoapySDR has no cyclic buffers.

        Raises:
            RadioError: Always.
        """
        self._check_open()
        refuse_over_full_scale(self.info, samples)
        raise RadioError(f"{self.info.serial} sends no cyclic frames: use start ticks")

    def end_cyclic(self) -> None:
        """Do nothing: nothing is repeated."""

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Arm the receiver; only the newest reception can be read.

        Raises:
            TimeError: If the start has passed.
            SettingChanged: If another program has changed a setting.
        """
        self._check_open()
        refuse_start_tick(self.info, start_tick)
        soapy = self._soapy
        self._refuse_changed(soapy.SOAPY_SDR_RX)
        with self._guarded() as device:
            self._refuse_past(start_tick, "reception")
            stream = self._stream(soapy.SOAPY_SDR_RX)
            flags, time_ns = soapy.SOAPY_SDR_END_BURST, 0
            if start_tick is not None:
                flags, time_ns = flags | soapy.SOAPY_SDR_HAS_TIME, self._time_ns(start_tick)
            self._checked(device.activateStream(stream, flags, time_ns, n_samples))
        self._reception += 1
        return _PendingStream(self._reception, n_samples, start_tick, self._receive)

    def _receive(self, pending: "_PendingStream", timeout_s: float) -> Capture:
        if pending.number != self._reception:
            raise Overflow(
                f"{self.info.serial}: the samples of an earlier reception are gone; each is read "
                "before the next one begins"
            )
        samples, start = np.zeros(pending.n_samples, np.complex64), pending.start_tick
        n_there, until = 0, time.monotonic() + timeout_s
        with self._guarded() as device:
            stream = self._stream(self._soapy.SOAPY_SDR_RX)
            while n_there < samples.size:
                timeout_s = min(max(until - time.monotonic(), 0), _AT_ONCE_S)
                rest = samples[n_there:]
                got = device.readStream(stream, [rest], rest.size, timeoutUs=round(timeout_s * 1e6))
                if got.ret == self._soapy.SOAPY_SDR_TIMEOUT and time.monotonic() < until:
                    continue
                n_got = self._checked(got.ret)
                if got.flags & self._soapy.SOAPY_SDR_HAS_TIME:
                    start = self._check_place(self._tick(got.timeNs) - n_there, start)
                n_there += n_got
        edge = np.maximum(np.abs(samples.real), np.abs(samples.imag)) > _CLIPPED
        return Capture(samples, start or 0, int(np.count_nonzero(edge)))

    def _check_place(self, found: int, expected: int | None) -> int:
        """Return the tick of the first sample; one off is rounding of nanoseconds."""
        if expected is None:
            return found
        if abs(found - expected) > 1:
            raise Corruption(
                f"{self.info.serial}: samples belong to tick {found} instead of {expected}: some "
                "were lost"
            )
        return expected

    def _checked(self, code: int) -> int:
        if code >= 0:
            return code
        name = self._soapy.errToStr(code)
        kind = _StreamError if name == "STREAM_ERROR" else _ERRORS.get(name, RadioError)
        raise kind(f"{self.info.serial}: {name}")

    def _stream(self, way: int) -> Any:
        if way not in self._streams:
            stream = self._device.setupStream(way, self._soapy.SOAPY_SDR_CF32, [self._channel])
            self._streams[way] = stream
            if way == self._soapy.SOAPY_SDR_TX:
                self._checked(self._device.activateStream(stream))
        return self._streams[way]

    def pass_time(self, n_samples: int) -> None:
        """Let time pass in the world of a virtual device."""
        with self._guarded() as device:
            device.writeSetting(_PASS_SAMPLES, str(n_samples))

    def temperature_c(self) -> float | None:
        """Return what the device's temperature sensor says."""
        with self._guarded() as device:
            return temperature_c(device)

    def _quiet(self) -> None:
        way = self._soapy.SOAPY_SDR_TX
        if way in self._ways:
            self._device.setGain(way, self._channel, self.info.tx_gains_db.low)

    def close(self) -> None:
        """Stop the streams, turn the transmit gain down, let go of the device."""
        if self._device is None:
            return
        with suppress(RadioError), self._guarded() as device:
            for stream in self._streams.values():
                device.deactivateStream(stream)
                device.closeStream(stream)
            self._quiet()
        self._streams.clear()
        self._device = None
        self._owned.close()

    def _answers(self) -> bool:
        """Return whether the device is there: it is asked for its time."""
        try:
            self._device.getHardwareTime()
        except (RuntimeError, ValueError):
            return False
        return True

    def _lost(self, why: object) -> RadioLost:
        self._is_lost = True
        return RadioLost(f"{self.info.serial}: {why}", self.info.serial)

    @contextmanager
    def _guarded(self) -> Iterator[Any]:
        """Give the open device; what its driver raises becomes one of our errors.

        Drivers do not tell a device that has gone from one that failed once, in no two ways
        alike; so it is asked for something simple.
        """
        self._check_open()
        try:
            yield self._device
        except (Timeout, _StreamError) as error:
            if self._answers():
                raise
            raise self._lost("the device does not answer any more") from error
        except RadioError:
            raise
        except (RuntimeError, ValueError) as error:
            if self._answers():
                raise RadioError(f"{self.info.serial}: {error}") from error
            raise self._lost(error) from error

    def _check_open(self) -> None:
        if self._device is None:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")
        if self._is_lost:
            raise RadioLost(f"{self.info.serial} is lost; open a new radio", self.info.serial)


class _StreamError(RadioError):
    """SoapySDR's STREAM_ERROR: anything may have happened."""


@dataclass(frozen=True)
class _PendingStream:
    number: int
    n_samples: int
    start_tick: int | None
    receive: Callable[["_PendingStream", float], Capture]

    def result(self, timeout_s: float) -> Capture:
        """Read the samples."""
        return self.receive(self, timeout_s)
