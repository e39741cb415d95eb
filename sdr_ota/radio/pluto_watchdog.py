"""A process beside ours that switches a Pluto's transmitter off when ours freezes or dies.

A board repeats a cyclic frame until its client says otherwise, and a client that was stopped,
swapped out or killed says nothing. So a small process of its own session is told once a second
that the client lives. When nothing was heard for ``FROZEN_S``, or the pipe ends without a
farewell, it opens the board by itself and powers the transmit synthesiser down. A client that
goes on powers it up again with its next frame.

Over USB a board has one client at a time: there it can act only once the client has died.
"""

import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress

from sdr_ota.process.closed_by_block import ClosedByBlock

FROZEN_S = 5.0
"""Longest time without a sign of life: a frame takes less than one."""

_BEAT_S, _RETRY_S, _LAST_TRIES = 1.0, 1.0, 5
_PATIENCE_S = 2.0
_ALIVE, _FAREWELL = b".", b"q"


class PlutoWatchdog(ClosedByBlock):
    """Our side: tells the process that we live, until it is closed.

    Args:
        uri: Of the board, as libiio writes it.
        frozen_s: After how long without a sign of life the transmitter is switched off.
    """

    def __init__(self, uri: str, frozen_s: float = FROZEN_S) -> None:
        self._ended = threading.Event()
        theirs, ours = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, uri, str(frozen_s)],
            stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._pipe = os.fdopen(ours, "wb", buffering=0)
        threading.Thread(target=self._beat, name="watchdog", daemon=True).start()

    def _beat(self) -> None:
        while not self._ended.is_set() and self._say(_ALIVE):
            self._ended.wait(_BEAT_S)

    def _say(self, word: bytes) -> bool:
        try:
            self._pipe.write(word)
        except (OSError, ValueError):
            return False  # it has ended, or is being closed
        return True

    def close(self) -> None:
        """Say farewell: the board has been silenced, or is none of ours any more."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._say(_FAREWELL)
        with suppress(OSError):
            self._pipe.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def watch(uri: str, frozen_s: float) -> None:
    """Wait for signs of life on standard input; switch the board off when there are none."""
    deadline_s: float | None = time.monotonic() + frozen_s
    while True:
        left_s = None if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)
        if not select.select([0], [], [], left_s)[0]:
            deadline_s = None if power_down(uri) else time.monotonic() + _RETRY_S
            continue
        said = os.read(0, 4096)
        if _FAREWELL in said:
            return
        if not said:
            _power_down_at_last(uri)
            return
        deadline_s = time.monotonic() + frozen_s


def _power_down_at_last(uri: str) -> None:
    for _ in range(_LAST_TRIES):
        if power_down(uri):
            return
        time.sleep(_RETRY_S)


def power_down(uri: str) -> bool:
    """Switch the transmit synthesiser of a board off; False if that did not work."""
    import iio  # noqa: PLC0415 - optional

    try:
        phy = iio.Context(uri).find_device("ad9361-phy")
        phy.find_channel("altvoltage1", True).attrs["powerdown"].value = "1"
    except (OSError, AttributeError, KeyError):
        return False
    return True


if __name__ == "__main__":
    watch(sys.argv[1], float(sys.argv[2]))
