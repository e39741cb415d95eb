"""Virtual radios that are processes of their own; their samples go over ZeroMQ, not through here.

They are like stock Plutos: no hardware time, a start that nobody knows, frames repeated
until they are told to stop. Their world stands still while nobody listens.
"""

import threading
from multiprocessing.connection import Connection

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.base import (
    Capture,
    Overflow,
    PendingCapture,
    RadioError,
    RadioInfo,
    RadioLost,
    RadioNotFound,
    SettingNotTaken,
    Timeout,
    TransmitRefused,
)
from sdr_ota.radio.refusal import refuse_over_full_scale, refuse_start_tick
from sdr_ota.radio.virtual.zmq_control import (
    NOTHING,
    Fields,
    connect,
    receive_message,
    send_message,
)
from sdr_ota.types import RadioSettings, Samples

_ANSWER_S = 10.0
"""Longest time for an answer that needs no samples."""

_PASSED_AT_ONCE = 1 << 18
"""Samples of time for which one answer is waited."""


class ZeroMqRadio(ClosedByBlock):
    """A radio that is a process; asked over a Unix socket.

    Args:
        control: Path of the socket.

    Raises:
        RadioNotFound: If no process listens there.
    """

    def __init__(self, control: str) -> None:
        self._lock = threading.Lock()
        self._open = True
        try:
            self._connection: Connection = connect(control)
        except OSError as missing:
            raise RadioNotFound(f"no virtual radio listens at control={control}") from missing
        self.info = RadioInfo("zmq", control, has_hardware_time=False)
        said, _ = self._ask({"what": "hello"})
        self._receives = self.has_virtual_time = bool(said["receives"])
        self._world = (said["sample_rate_hz"], said["center_freq_hz"])
        self.info = RadioInfo("zmq", said["serial"], has_hardware_time=False)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Accept the air's own rate, frequency and levels only: this world has no others."""
        self._check_open()
        asked = (settings.sample_rate_hz, settings.center_freq_hz)
        if asked != self._world:
            raise SettingNotTaken(
                f"{self.info.serial}: asked for {asked[0]:g} samples/s at {asked[1]:g} Hz; "
                f"its world runs at {self._world[0]:g} samples/s at {self._world[1]:g} Hz"
            )
        if settings.tx_gain_db or settings.rx_gain_db:
            raise SettingNotTaken(
                f"{self.info.serial}: asked for gains of {settings.tx_gain_db:g} dB (transmit) and "
                f"{settings.rx_gain_db:g} dB (receive), allowed: 0 dB; levels are those of the air"
            )
        return settings

    def now_tick(self) -> int:
        """Return how many samples this process has seen."""
        self._check_open()
        return int(self._ask({"what": "tick"})[0]["tick"])

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        """Send a burst, soon."""
        self._check_sends(samples)
        refuse_start_tick(self.info, start_tick)
        self._ask({"what": "burst"}, samples)

    def confirm_sent(self, timeout_s: float) -> None:
        """Do nothing: a process that took a burst sends it."""

    def begin_cyclic(self, samples: Samples) -> None:
        """Send a period over and over."""
        self._check_sends(samples)
        self._ask({"what": "repeat"}, samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        if self._open and not self._receives:
            self._ask({"what": "silence"})

    def begin_receive(self, n_samples: int, start_tick: int | None = None) -> PendingCapture:
        """Let time pass and listen; only what is sent from now on counts."""
        self._check_open()
        refuse_start_tick(self.info, start_tick)
        if not self._receives:
            raise RadioError(f"{self.info.serial} sends only")
        return _PendingWindow(self, n_samples)

    def receive(self, n_samples: int, timeout_s: float) -> Capture:
        """Return the next window of the stream.

        Raises:
            Timeout: If the air does not move.
            RadioLost: If the receiver's process has ended.
        """
        asked = {"what": "receive", "n_samples": n_samples, "timeout_s": timeout_s}
        said, samples = self._ask(asked, patience_s=2 * timeout_s + _ANSWER_S)
        self._refuse_standing(said, timeout_s)
        return Capture(samples, int(said["tick"]), int(said["n_clipped"]))

    def pass_time(self, n_samples: int) -> None:
        """Let time pass in the world of a receiver.

        Raises:
            Timeout: If the air does not move.
            RadioLost: If the receiver's process has ended.
        """
        for passed in range(0, n_samples, _PASSED_AT_ONCE):
            n_now = min(n_samples - passed, _PASSED_AT_ONCE)
            asked = {"what": "pass", "n_samples": n_now, "timeout_s": _ANSWER_S}
            said, _ = self._ask(asked, patience_s=2 * _ANSWER_S)
            self._refuse_standing(said, _ANSWER_S)

    def _refuse_standing(self, said: Fields, timeout_s: float) -> None:
        if "timeout" in said:
            raise Timeout(f"{self.info.serial}: no samples within {timeout_s:g} s; the air stands")

    def temperature_c(self) -> float | None:
        """Return None: there is nothing to warm up."""
        return None

    def close(self) -> None:
        """Fall silent and hang up; the process itself belongs to whoever started it."""
        if not self._open:
            return
        try:
            self.end_cyclic()
        except RadioError:
            pass  # a process that has ended sends nothing
        finally:
            self._open = False
            self._connection.close()

    def _check_open(self) -> None:
        if not self._open:
            raise RadioError(f"{self.info.serial} is closed; open a new radio")

    def _check_sends(self, samples: Samples) -> None:
        self._check_open()
        if self._receives:
            raise TransmitRefused(f"{self.info.serial} receives only")
        refuse_over_full_scale(self.info, samples)

    def _ask(
        self, asked: Fields, samples: Samples = NOTHING, patience_s: float = _ANSWER_S
    ) -> tuple[Fields, Samples]:
        try:
            with self._lock:
                send_message(self._connection, asked, samples)
                if not self._connection.poll(patience_s):
                    self._connection.close()  # a late answer must not pass for a later question's
                    raise RadioLost(
                        f"{self.info.serial}'s process did not answer in {patience_s:g} s",
                        self.info.serial,
                    )
                said, received = receive_message(self._connection)
        except (EOFError, OSError) as gone:
            what = "was given up: it did not answer" if self._connection.closed else "has ended"
            text = f"{self.info.serial}'s process {what}"
            raise RadioLost(text, self.info.serial) from gone
        if "refused" in said:
            raise RadioError(f"{self.info.serial}: {said['refused']}")
        return said, received


class _PendingWindow:
    """A window that is read when it is asked for: until then the air stands still."""

    def __init__(self, radio: ZeroMqRadio, n_samples: int) -> None:
        self._radio, self._n_samples = radio, n_samples
        self._is_read = False

    def result(self, timeout_s: float) -> Capture:
        """Return the window's samples, once."""
        if self._is_read:
            raise Overflow("a window is read once; its samples are gone")
        self._is_read = True
        return self._radio.receive(self._n_samples, timeout_s)
