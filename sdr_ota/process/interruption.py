"""Ctrl-C and SIGTERM: end a run once, cleanly, with all radios silent."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Self

_GRACE_S = 5.0
"""How long later signals are ignored: radios are being switched off meanwhile."""


class Interruption:
    """Turns both signals into `KeyboardInterrupt` while its block lasts.

    Outside the main thread, which alone is told of signals, it does nothing.
    """

    def __init__(self) -> None:
        self._came_s: float | None = None

    def check(self) -> None:
        """Raise again: the first time may have been inside a destructor, which swallows it."""
        if self._came_s is not None:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._came_s is None or now_s > self._came_s + _GRACE_S:
            self._came_s = now_s
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
