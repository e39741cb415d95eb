"""What a process can be asked to end by: it ends once, cleanly, with all radios silent."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Self

_GRACE_S = 5.0
"""How long later signals are ignored: radios are being switched off meanwhile."""

_ASKS_TO_END = (signal.SIGINT, signal.SIGTERM)

_WOULD_END = (
    "SIGHUP",  # the terminal, or the connection to it, has gone
    "SIGQUIT",
    "SIGUSR1",  # batch systems warn with it
    "SIGUSR2",
    "SIGALRM",
    "SIGVTALRM",
    "SIGPROF",
    "SIGIO",
    "SIGPWR",
    "SIGXCPU",
    "SIGSTKFLT",
)
"""Whose default is the process's end, signal(7), without those that faults raise."""


class Interruption:
    """Turns signals that end a process into `KeyboardInterrupt` while its block lasts.

    A signal that somebody else handles, or that is ignored (nohup), is left alone, but for Ctrl-C
    and SIGTERM. Outside the main thread, which alone is told of signals, it does nothing.
    """

    def __init__(self) -> None:
        self._came_s: float | None = None
        self._by: int | None = None

    @property
    def has_come(self) -> bool:
        """Whether the process was asked to end."""
        return self._came_s is not None

    @property
    def reason(self) -> str:
        """What asked for the end."""
        if self._by in {None, signal.SIGINT}:
            return "interrupted by the user"
        return f"ended by {signal.Signals(self._by).name}"

    def check(self) -> None:
        """Raise again: the first time may have been inside a destructor, which swallows it."""
        if self.has_come:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._came_s is None or now_s > self._came_s + _GRACE_S:
            self._came_s, self._by = now_s, number
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (*_ASKS_TO_END, *_unhandled()) if is_main else ()
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


def _unhandled() -> list[signal.Signals]:
    """Return the signals that would end the process without a word."""
    there = (getattr(signal, name, None) for name in _WOULD_END)
    numbers = [signal.Signals(number) for number in there if number is not None]
    return [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
