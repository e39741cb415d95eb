"""Whether blocks still work on messages: GNU Radio drops those that wait when a stream ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_POLL_S = 0.05

_QUIET_POLLS = 20
"""Looks in a row at which nothing was done: a message that was sent is taken up before that.

They are counted, not timed, so that a process that is held up does not seem to be idle."""


class Activity:
    """Counts what blocks have begun and ended; they run in threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_begun = self._n_running = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Count the block's work as one piece."""
        with self._lock:
            self._n_begun += 1
            self._n_running += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_running -= 1

    def wait_until_idle(self) -> None:
        """Return when nothing has been done for a while; not to be called from inside a piece."""
        n_quiet, n_before = 0, -1
        while n_quiet < _QUIET_POLLS:
            time.sleep(_POLL_S)
            with self._lock:
                is_quiet = not self._n_running and self._n_begun == n_before
                n_before = self._n_begun
            n_quiet = n_quiet + 1 if is_quiet else 0


WORKING = Activity()
"""Of this process."""
