"""What ends a transmission that nobody ends, and silences a radio whose call hangs."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

_LOOKS_EVERY_S = 0.2
PATIENCE_S = 1.0
"""How long silence waits for a call under way; it does not wait for one that hangs."""


class AirWatch:
    """Begins and ends transmissions, one at a time, and ends those that last too long.

    Args:
        silence: Stops sending; does nothing where nothing is sent.
        longest_s: Returns how long a transmission may last.
        patience_s: How long `silence` waits for a call under way.
    """

    def __init__(
        self,
        silence: Callable[[], None],
        longest_s: Callable[[], float],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._silence, self._longest_s, self._patience_s = silence, longest_s, patience_s
        self._lock = threading.Lock()
        self._must_end_s: float | None = None
        self._is_to_be_silent = False
        self._is_closed = threading.Event()
        threading.Thread(target=self._watch, name="air watch", daemon=True).start()

    def send(self, begin: Callable[[], None]) -> None:
        """Begin to send, unless silence is ordered meanwhile."""
        with self._lock:
            self._is_to_be_silent = False
            self._must_end_s = time.monotonic() + self._longest_s()
            begin()
        if self._is_to_be_silent:  # ordered while it was beginning, when there was nothing to end
            self.silence()

    def silence(self) -> None:
        """Stop sending, also while a call hangs."""
        self._is_to_be_silent = True
        has_lock = self._lock.acquire(timeout=self._patience_s)
        try:
            self._silence()
            if has_lock:
                self._must_end_s = None  # if it fails the watch tries again
        finally:
            if has_lock:
                self._lock.release()

    def close(self) -> None:
        """Look no more."""
        self._is_closed.set()

    def _watch(self) -> None:
        while not self._is_closed.wait(_LOOKS_EVERY_S):
            must_end_s = self._must_end_s
            if must_end_s is not None and time.monotonic() > must_end_s:
                with suppress(Exception):  # whatever a driver raises, it is tried again
                    self.silence()
