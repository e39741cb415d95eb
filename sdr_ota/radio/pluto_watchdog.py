"""A process beside ours that switches a Pluto's transmitter off when ours freezes, hangs or dies.

A board repeats a cyclic frame until its client says otherwise, and a client that was stopped,
swapped out or killed says nothing. So a small process of its own session is told that the client
lives, and when a frame begins and ends. When nothing was heard for as long as a burst may last,
when a frame lasts longer than that, or when the pipe ends without a farewell, it opens the board
by itself and powers the transmit synthesiser down. Another client cannot take a buffer from the
one that filled it, but the buffer's samples reach no antenna then. A client that goes on powers
the synthesiser up again with its next frame.

Over USB a board has one client at a time. Where it cannot be opened there, the client is killed:
the board is free then, and a run can be resumed.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sdr_ota.process.closed_by_block import ClosedByBlock

LONGEST_BURST_S = 10.0
"""Longest frame, and longest time without a sign of life; a frame takes less than one second."""

_BEATS, _LONGEST_BEAT_S = 5, 1.0
"""Signs of life in the longest burst."""

_RETRY_S, _LAST_TRIES = 1.0, 5
_PATIENCE_S = 2.0
_ALIVE, _BEGINS, _ENDS, _FAREWELL = b".", b"(", b")", b"q"


class PlutoWatchdog(ClosedByBlock):
    """Our side: tells the process that we live, until it is closed.

    Args:
        uri: Of the board, as libiio writes it.
        longest_burst_s: After how long the transmitter is switched off.
        owned: Descriptor that holds the board for its owner: it is held until this process has
            ended too.
    """

    def __init__(self, uri: str, longest_burst_s: float, owned: int) -> None:
        self._ended = threading.Event()
        self._began_s: float | None = None
        self._beat_s = min(longest_burst_s / _BEATS, _LONGEST_BEAT_S)
        theirs, ours = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, uri, str(longest_burst_s), str(os.getpid())],
            stdin=theirs, stdout=subprocess.DEVNULL, start_new_session=True, pass_fds=(owned,),
        )  # fmt: skip
        os.close(theirs)
        self._pipe = os.fdopen(ours, "wb", buffering=0)
        threading.Thread(target=self._beat, name="watchdog", daemon=True).start()

    def burst_begins(self) -> None:
        """Say that a frame begins: it is switched off if it lasts too long."""
        self._began_s = time.monotonic()
        self._say(_BEGINS)

    def burst_ends(self) -> float:
        """Say that the frame has ended; return how long it was, in seconds."""
        self._say(_ENDS)
        began_s, self._began_s = self._began_s, None
        return 0.0 if began_s is None else time.monotonic() - began_s

    def _beat(self) -> None:
        while not self._ended.is_set() and self._say(_ALIVE):
            self._ended.wait(self._beat_s)

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


def watch(longest_s: float, switch_off: Callable[[str], bool]) -> None:
    """Listen on standard input until the client says farewell or dies.

    Args:
        longest_s: How long it may be silent, and a frame may last.
        switch_off: Switches the board off, for a reason; False if that did not work.
    """
    alive_s, begun_s = time.monotonic(), None
    due_s: float | None = alive_s + longest_s
    while True:
        now_s = time.monotonic()
        if not select.select([0], [], [], None if due_s is None else max(due_s - now_s, 0.0))[0]:
            is_silent = time.monotonic() >= alive_s + longest_s
            why = "gave no sign of life" if is_silent else "did not end a cyclic frame"
            if switch_off(f"{why} for {longest_s:g} s"):
                due_s, begun_s = None, begun_s and time.monotonic()  # until it says a word
            else:
                due_s = time.monotonic() + _RETRY_S
            continue
        said = os.read(0, 4096)
        if not said or _FAREWELL in said:
            if not said:
                _switch_off_at_last(switch_off)
            return
        alive_s = time.monotonic()
        begun_s = _begun(said, begun_s, alive_s)
        due_s = (alive_s if begun_s is None else min(alive_s, begun_s)) + longest_s


def _begun(said: bytes, begun_s: float | None, now_s: float) -> float | None:
    """Return when the frame began that is on the air after some words; None for none."""
    begins, ends = said.rfind(_BEGINS), said.rfind(_ENDS)
    if max(begins, ends) < 0:
        return begun_s
    return now_s if begins > ends else None


def _switch_off_at_last(switch_off: Callable[[str], bool]) -> None:
    for _ in range(_LAST_TRIES):
        if switch_off("has ended without switching it off"):
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


class BoardSwitch:
    """Switches a board off that a client of it does not, and says so.

    Args:
        uri: Of the board, as libiio writes it.
        pid: Of the client.
        power_down: Switches it off; False if that did not work.
    """

    def __init__(self, uri: str, pid: int, power_down: Callable[[str], bool] = power_down) -> None:
        self._uri, self._pid, self._power_down = uri, pid, power_down
        self._client: int | None = None
        with suppress(OSError):  # it has ended already: there is nobody to kill
            self._client = os.pidfd_open(pid)  # a number could be another process's by then

    def __call__(self, why: str) -> bool:
        """Switch the board off; where its client is in the way, end that first."""
        is_off, done = self._power_down(self._uri), "its transmitter was switched off"
        if not is_off and self._uri.startswith("usb:") and self._client is not None:
            with suppress(OSError):
                signal.pidfd_send_signal(self._client, signal.SIGKILL)
                select.select([self._client], [], [], _PATIENCE_S)
                is_off = self._power_down(self._uri)
                done = "it was ended, over USB a board has one client, and the transmitter is off"
        if is_off:
            with suppress(OSError):
                text = f"sdr-ota: {self._uri}: process {self._pid} {why}; {done}\n"
                sys.stderr.write(text)
                sys.stderr.flush()
        return is_off


if __name__ == "__main__":
    watch(float(sys.argv[2]), BoardSwitch(sys.argv[1], int(sys.argv[3])))
