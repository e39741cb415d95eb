"""What a virtual SoapySDR transmitter does with the samples that it is given, as UHD's do.

A burst begins at its tick and ends with the sample that is marked as its last. Whole bursts are
put on the air as one; of a burst whose end was not said, what there is goes out when its time
comes, and when that has run out the transmitter reports an underflow. What becomes of bursts is
reported afterwards. Ticks are the air's.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from sdr_ota.types import Samples

ACKNOWLEDGED, TIMEOUT, TIME_ERROR, UNDERFLOW = 0, -1, -6, -7
"""SoapySDR's codes (its Errors.h); a burst that was sent is reported as 0."""

MOST_SAMPLES = 2**22
"""That wait for their time; a device takes no more until some have left."""

_AHEAD = 2**24
"""Samples that the air keeps in advance."""

_MOST_EVENTS = 256


class Bursts:
    """The bursts of one transmitter, in order.

    Args:
        now: The air's time in ticks.
        radiate: Puts samples on the air at a tick.
    """

    def __init__(self, now: Callable[[], int], radiate: Callable[[Samples, int], None]) -> None:
        self._now, self._radiate = now, radiate
        self._waiting: deque[tuple[int, Samples]] = deque()
        self._pieces: list[Samples] = []
        self._start: int | None = None
        self._events: deque[int] = deque(maxlen=_MOST_EVENTS)
        self.is_open = False

    def begin(self, start: int | None) -> None:
        """Begin a burst; None for one that came late: its samples are thrown away."""
        self._start, self.is_open = start, True
        if start is None:
            self._events.append(TIME_ERROR)

    def write(self, samples: Samples, is_end: bool) -> int:
        """Take the next samples of the burst; return how many, or ``TIMEOUT`` if there is no room.

        Args:
            samples: They may be none: then the burst may just end.
            is_end: Whether these are its last ones.
        """
        if self._n_waiting() + samples.size > MOST_SAMPLES:
            return TIMEOUT
        if self._start is not None and samples.size:
            self._pieces.append(samples)
        if is_end:
            self._end()
        return int(samples.size)

    def _n_waiting(self) -> int:
        whole = sum(samples.size for _, samples in self._waiting)
        return whole + sum(piece.size for piece in self._pieces)

    def _end(self) -> None:
        """Let the burst go: at once, or when its time is near."""
        if self._pieces and self._start is not None:
            self._waiting.append((self._start, np.concatenate(self._pieces)))
        if self._start is not None:
            self._events.append(ACKNOWLEDGED)
        self._pieces, self._start, self.is_open = [], None, False
        self._release(self._now())

    def _release(self, tick: int) -> None:
        while self._waiting and self._waiting[0][0] <= tick + _AHEAD:
            start, samples = self._waiting.popleft()
            self._radiate(samples, start)

    def flow(self, until_tick: int) -> None:
        """Let what has its time before a tick go out, and see whether the burst runs dry."""
        self._release(until_tick)
        if self._start is None or self._start >= until_tick:
            return
        if self._pieces:
            samples = np.concatenate(self._pieces)
            self._radiate(samples, self._start)
            self._start += samples.size
            self._pieces = []
        if self._start < until_tick:
            self._events.append(UNDERFLOW)
            self._start, self.is_open = None, False

    def event(self) -> int | None:
        """Return what is reported next; None for nothing."""
        return self._events.popleft() if self._events else None
