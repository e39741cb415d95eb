"""How long a bench may still be on the air: all its radios, processes and commands together.

Radios that send at the same time count once. Time is counted from before a transmission is ordered
until after it has been ended; a process that is killed has used the longest burst.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import RLock

from sdr_ota.radio.air_time_log import LONGEST_WINDOW_S, SLOT_S, AirTimeLog, Span
from sdr_ota.radio.base import TransmitRefused
from sdr_ota.radio.bench_folder import bench_folder
from sdr_ota.radio.pluto_watchdog import LONGEST_BURST_S

_log = logging.getLogger(__name__)

_FIRST_S = 0.5
"""Room for the first cyclic frame; later ones need as much as the longest before them."""


@dataclass(frozen=True)
class BandLimit:
    """What is allowed in a band.

    Attributes:
        low_hz: Lower edge.
        high_hz: Upper edge.
        max_duty_cycle: Largest share of the time on the air, above 0 and at most 1.
        window_s: In any so many seconds that share is kept, at most an hour.
    """

    low_hz: float
    high_hz: float
    max_duty_cycle: float = 1.0
    window_s: float = LONGEST_WINDOW_S

    @property
    def allowed_s(self) -> float:
        """Seconds on the air in a window."""
        return self.max_duty_cycle * self.window_s


class AirTimeAccount:
    """Counts the time on the air of the radios that a process has opened, and waits where it must.

    Args:
        limit: Of the band; None counts only.
        longest_burst_s: Of a cyclic frame.
        log: Where all processes write down theirs; None for the bench's.
        clock: Seconds since 1970.
        sleep: Waits for seconds.
        steady: Seconds of a clock that nobody sets.

    Attributes:
        used_s: Seconds on the air of this process so far.
    """

    def __init__(
        self,
        limit: BandLimit | None = None,
        longest_burst_s: float = LONGEST_BURST_S,
        log: AirTimeLog | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self.longest_burst_s = limit, longest_burst_s
        self._log, self._clock, self._sleep, self._steady = log, clock, sleep, steady
        self.used_s = 0.0
        self._lock = RLock()
        self._repeating: set[object] = set()
        self._since_s, self._steady_since_s, self._span = 0.0, 0.0, Span(0.0, math.inf)
        self._longest_s = _FIRST_S
        self._ticks = (0, 0)

    def wait(self, seconds: float) -> None:
        """Sleep until so many seconds may be sent; more than is ever allowed waits for all."""
        if self._limit is None or self._limit.max_duty_cycle >= 1 or seconds <= 0:
            return
        while (left_s := self._due_s(self._limit, seconds) - self._clock()) > 0:
            self._rest(self._limit, seconds, left_s)

    def _rest(self, limit: BandLimit, seconds: float, left_s: float) -> None:
        _log.warning(
            "the band's limit of %g %% of %g s is used up; the next %.2g s on the air wait "
            "%.0f s", 100 * limit.max_duty_cycle, limit.window_s, seconds, left_s,
        )  # fmt: skip
        self._sleep(left_s)

    def _count_once_due(self, span: Span, room_s: float, seconds: float, lasts_s: float) -> None:
        """Wait until there is room, and count; other processes count before or after both."""
        limit = self._limit
        if limit is None or limit.max_duty_cycle >= 1:
            self._count(span, seconds, self._clock() + lasts_s)
            return
        while True:
            with _told_if_full():
                at_s, due = self._clock() + lasts_s, partial(self._due_s, limit, room_s)
                left_s = self._written().add_once_due(span, seconds, at_s, due)
            if left_s <= 0:
                return
            self._rest(limit, room_s, left_s)

    def _due_s(self, limit: BandLimit, seconds: float) -> float:
        """Return when so many seconds may be sent."""
        band = Span(limit.low_hz, limit.high_hz, self._span.is_virtual)
        used = list(self._written().used(band, limit.window_s))
        most_s = limit.allowed_s - min(seconds, limit.allowed_s)
        left_s, due_s = sum(one for _, one in used), -math.inf
        for end_s, one_s in used:
            if left_s <= most_s * (1 + 1e-9):
                break
            left_s, due_s = left_s - one_s, end_s + limit.window_s
        return due_s

    def burst(self, span: Span, n_samples: int, rate_hz: float, start_tick: int | None) -> None:
        """Count a burst that ends by itself; bursts at the same ticks count once.

        Raises:
            TransmitRefused: If it cannot be written down, or is longer than is ever allowed.
        """
        with self._lock:
            n_new = n_samples
            if start_tick is not None:
                n_new = self._n_new(start_tick, start_tick + n_samples)
            self._span, seconds = span, n_new / rate_hz
            self._refuse_too_long(seconds)
            # Others of the same frame may be on the air already; a burst leaves within a slot.
            room_s = seconds if n_new == n_samples else 0.0
            self._count_once_due(span, room_s, seconds, SLOT_S)
            self.used_s += seconds

    def _n_new(self, start: int, stop: int) -> int:
        """Return how many ticks of a burst are on the air for no other radio of the bench."""
        low, high = self._ticks
        if start >= high or stop <= low:
            self._ticks = start, stop
            return stop - start
        self._ticks = min(low, start), max(high, stop)
        return max(low - start, 0) + max(stop - high, 0)

    def begins(self, radio: object, span: Span) -> None:
        """Count a radio that repeats from now on.

        Raises:
            TransmitRefused: If it cannot be written down.
        """
        with self._lock:
            if not self._repeating:
                self._span = span
                longest_s = self.longest_burst_s
                self._count_once_due(span, self._longest_s, longest_s, longest_s)
                self._since_s, self._steady_since_s = self._clock(), self._steady()
            self._repeating.add(radio)

    def ends(self, radio: object) -> None:
        """Count a radio that has fallen silent; does nothing for one that was."""
        with self._lock:
            if radio not in self._repeating:
                return
            self._repeating.remove(radio)
            if not self._repeating:
                longest_s, now_s = self.longest_burst_s, self._clock()
                seconds = self._steady() - self._steady_since_s  # a clock may be set meanwhile
                self._count(self._span, seconds, now_s)
                self._count(self._span, -longest_s, self._since_s + longest_s)
                self.used_s += seconds
                self._longest_s = max(self._longest_s, seconds)

    def count(self, seconds: float) -> None:
        """Count seconds in which radios of other machines were on the air."""
        if self._limit is not None:
            self._count(Span(self._limit.low_hz, self._limit.high_hz), seconds, self._clock())
        self.used_s += seconds

    def _refuse_too_long(self, seconds: float) -> None:
        limit = self._limit
        if limit is not None and limit.max_duty_cycle < 1 and seconds > limit.allowed_s:
            raise TransmitRefused(
                f"a burst of {seconds:.3g} s was ordered; the band's limit allows "
                f"{limit.allowed_s:.3g} s in {limit.window_s:g} s"
            )

    def _count(self, span: Span, seconds: float, at_s: float) -> None:
        with _told_if_full():
            self._written().add(span, seconds, at_s)

    def _written(self) -> AirTimeLog:
        if self._log is None:
            self._log = AirTimeLog(bench_folder("air-time"), self._clock)
        return self._log


@contextmanager
def _told_if_full() -> Iterator[None]:
    """Refuse to send what cannot be written down.

    Raises:
        TransmitRefused: Instead of an `OSError`.
    """
    try:
        yield
    except OSError as full:
        raise TransmitRefused(
            f"the time on the air cannot be written down ({full}), and the band's limit holds "
            "for all commands together; make room there, or set XDG_STATE_HOME"
        ) from full
