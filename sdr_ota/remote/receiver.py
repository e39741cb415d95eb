"""A receiver on another machine: what it captures comes back as plain arrays."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

import msgspec
import numpy as np

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    PendingCapture,
    Radio,
    RadioError,
    RadioLost,
    RadioNotFound,
    TransmitRefused,
)
from sdr_ota.radio.clock import is_pulsed, pulsed
from sdr_ota.remote.cluster import ClusterError, HostLost, check_free, connect, start_agent
from sdr_ota.remote.joining import Joined, check_alike
from sdr_ota.remote.offer import offered
from sdr_ota.remote.ray_node import FREED_S, RADIO
from sdr_ota.remote.wire import answered, opened
from sdr_ota.rounds.messages import from_bytes, to_bytes
from sdr_ota.types import RadioSettings, Samples

JOIN_S = 30.0
"""How long an agent may take to start and to open its radio."""


class ReceiverActor:
    """Holds the receiver on its machine."""

    def __init__(self) -> None:
        self._radio: Radio | None = None
        self._pending: dict[int, PendingCapture] = {}

    def open(self, address: str) -> bytes:
        """Open the radio, if it is lent; return `Joined`."""
        return answered(partial(self._open, address))

    def configure(self, settings: bytes) -> bytes:
        """Apply settings; return those in force."""
        asked = partial(msgspec.msgpack.decode, settings, type=RadioSettings)
        return answered(lambda: msgspec.msgpack.encode(self._opened().configure(asked())))

    def now_tick(self) -> bytes:
        """Return the radio's time in samples."""
        return answered(lambda: str(self._opened().now_tick()).encode())

    def begin_receive(self, number: int, n_samples: int, start_tick: int | None) -> bytes:
        """Start receiving under a number."""

        def begin() -> bytes:
            self._pending[number] = self._opened().begin_receive(n_samples, start_tick)
            return b""

        return answered(begin)

    def result(self, number: int, timeout_s: float) -> bytes:
        """Return a capture: start tick, clipped samples, and the samples."""

        def wait() -> bytes:
            capture = self._pending.pop(number).result(timeout_s)
            samples = np.asarray(capture.samples, "<c8").tobytes()
            return msgspec.msgpack.encode((capture.start_tick, capture.n_clipped, samples))

        return answered(wait)

    def last_pulse_ns(self) -> bytes:
        """Return the radio's time at the last pulse per second."""
        return answered(lambda: str(pulsed(self._opened()).last_pulse_ns()).encode())

    def set_time_at_pulse(self, time_ns: int) -> bytes:
        """Let the radio's time be this at the next pulse."""

        def set_time() -> bytes:
            pulsed(self._opened()).set_time_at_pulse(time_ns)
            return b""

        return answered(set_time)

    def close(self) -> bytes:
        """Let go of the radio."""

        def close() -> bytes:
            if self._radio is not None:
                self._radio.close()
            return b""

        return answered(close)

    def _open(self, address: str) -> bytes:
        self._radio = radio = offered().open(address)
        settings = RadioSettings(0.0, 0.0, 0.0)
        has_pulse = is_pulsed(radio)
        return to_bytes(Joined(radio.info, settings, has_pulse, metadata.version("sdr-ota")))

    def _opened(self) -> Radio:
        if self._radio is None:
            raise RadioNotFound("the receiver's agent has not opened its radio")
        return self._radio


class RemoteReceiver(ClosedByBlock):
    """A receiver that is plugged into another machine. It does not transmit.

    Args:
        host: Name under which the machine has joined the cluster.
        address: Of the radio, on that machine.

    Raises:
        RadioNotFound: If there is no cluster, no such machine or no such radio, or if the
            machine runs another version.
    """

    def __init__(self, host: str, address: str) -> None:
        self._host, self._serial, self._n_begun = host, host, 0
        try:
            connect()
            check_free(RADIO, host, FREED_S)
            self._agent = start_agent(RADIO, host, ReceiverActor)
            joined = from_bytes(Joined, self._ask("open", address, timeout_s=JOIN_S))
            check_alike(host, joined, "", "")
        except (ClusterError, HostLost, RadioLost) as missing:
            raise RadioNotFound(str(missing)) from missing
        self.info, self.has_pulse = joined.info, joined.has_pulse
        self._serial = self.info.serial
        self._is_open = True

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings and return those in force."""
        in_force = self._ask("configure", msgspec.msgpack.encode(settings))
        return msgspec.msgpack.decode(in_force, type=RadioSettings)

    def now_tick(self) -> int:
        """Return the radio's time as it was when the question arrived."""
        return int(self._ask("now_tick"))

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Refuse: it is a receiver."""
        raise TransmitRefused(f"{self.info.serial} receives only")

    def confirm_sent(self, timeout_s: float) -> None:
        """Do nothing: nothing was sent."""

    def begin_cyclic(self, samples: Samples) -> None:
        """Refuse: it is a receiver."""
        raise TransmitRefused(f"{self.info.serial} receives only")

    def end_cyclic(self) -> None:
        """Do nothing: nothing is being sent."""

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Start receiving; returns when the machine has begun."""
        self._n_begun += 1
        self._ask("begin_receive", self._n_begun, n_samples, start_tick)
        return _RemoteCapture(self, self._n_begun)

    def result_of(self, number: int, timeout_s: float) -> Capture:
        """Return the capture with this number."""
        data = self._ask("result", number, timeout_s, timeout_s=timeout_s)
        tick, n_clipped, samples = msgspec.msgpack.decode(data, type=tuple[int, int, bytes])
        return Capture(np.frombuffer(samples, "<c8").astype(np.complex64), tick, n_clipped)

    def temperature_c(self) -> float | None:
        """Return None: it is not asked for."""
        return None

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return int(self._ask("last_pulse_ns"))

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        self._ask("set_time_at_pulse", time_ns)

    def close(self) -> None:
        """Let go of the radio."""
        if self._is_open:
            self._is_open = False
            with suppress(RadioError):
                self._ask("close")
            self._agent.end()

    def _ask(self, method: str, *arguments: object, timeout_s: float = 0.0) -> bytes:
        try:
            answer = self._agent.answer(self._begun(method, *arguments), timeout_s)
            return opened(answer, {}, self._host)
        except (HostLost, RadioLost) as gone:
            raise RadioLost(str(gone), self._serial) from gone

    def _begun(self, method: str, *arguments: object) -> Any:
        return self._agent.begin(method, *arguments)


@dataclass(frozen=True)
class _RemoteCapture:
    """A reception that has been started on another machine."""

    radio: RemoteReceiver
    number: int

    def result(self, timeout_s: float) -> Capture:
        """Wait for the samples."""
        return self.radio.result_of(self.number, timeout_s)
