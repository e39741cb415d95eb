"""How fast rounds go and how long the rest will take, in words."""

import time
from collections.abc import Callable
from datetime import timedelta


class Pace:
    """Counts rounds as they are done.

    The first round compiles kernels, so the pace is counted from its end.

    Args:
        n_rounds: Planned in all.
        clock_s: Returns the time in seconds.
    """

    def __init__(self, n_rounds: int, clock_s: Callable[[], float] = time.perf_counter) -> None:
        self._n_rounds, self._clock_s = n_rounds, clock_s
        self._began_s: float | None = None
        self._n_here, self._n_done = 0, 0
        self._rounds_per_s: float | None = None

    def count(self, n_done: int) -> None:
        """Take note of a round's end.

        Args:
            n_done: Rounds of the run that are done now, those before a resume included.
        """
        self._n_done = n_done
        now_s = self._clock_s()
        if self._began_s is None:
            self._began_s = now_s
            return
        self._n_here += 1
        self._rounds_per_s = self._n_here / max(now_s - self._began_s, 1e-9)

    @property
    def words(self) -> str:
        """Pace and time left; empty before the second round."""
        if self._rounds_per_s is None:
            return ""
        left_s = (self._n_rounds - self._n_done) / self._rounds_per_s
        return f"{pace_words(self._rounds_per_s)}, {timedelta(seconds=round(left_s))} left"


def pace_words(rounds_per_s: float) -> str:
    """Return a pace as it is read best: rounds a second, or seconds a round where they are slow.

    >>> pace_words(24.0), pace_words(0.125)
    ('24.0 rounds/s', '8.0 s/round')
    """
    return (
        f"{rounds_per_s:.1f} rounds/s" if rounds_per_s >= 1 else f"{1 / rounds_per_s:.1f} s/round"
    )
