"""The duty limit of a band: rest until the nodes have been silent long enough."""

import time


class DutyLimit:
    """Counts the time on the air from its making on, and rests where it was too much.

    What is counted is an upper bound: all of a round in which nobody computed.

    Args:
        max_duty_cycle: Largest share of the time, over 0 and at most 1.
    """

    def __init__(self, max_duty_cycle: float) -> None:
        self._max_duty_cycle = max_duty_cycle
        self._began_s = self._round_began_s = time.monotonic()
        self._on_air_s = 0.0

    def count(self, compute_s: float) -> None:
        """Count the round that has just ended.

        Args:
            compute_s: Seconds of it in which no radio was in use.
        """
        self._on_air_s += time.monotonic() - self._round_began_s - compute_s

    def rest(self) -> None:
        """Sleep until the limit is kept; the next round begins now."""
        due_s = self._began_s + self._on_air_s / self._max_duty_cycle
        time.sleep(max(due_s - time.monotonic(), 0.0))
        self._round_began_s = time.monotonic()
