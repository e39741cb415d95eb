"""How long a transmitter may still be on the air: a credit that grows by a share of the time."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

WINDOW_S = 60.0
"""The credit is at most what a radio silent for so long has gained: enough for a first burst."""


class AirTimeCredit:
    """Seconds on the air that are left; kept in a file, starting again does not renew it.

    Args:
        max_duty_cycle: Largest share of the time on the air, above 0 and at most 1; with 1
            nothing is counted.
        path: File in which it is kept; None keeps it in memory.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        max_duty_cycle: float,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_duty_cycle, self._path, self._clock = max_duty_cycle, path, clock
        self._left_s, self._at_s = self._most_s, clock()
        if path is not None and path.exists() and not self.is_unlimited:
            self._left_s, self._at_s = self._kept(path)

    @property
    def is_unlimited(self) -> bool:
        """Whether any time on the air is allowed."""
        return self.max_duty_cycle >= 1.0

    def left_s(self) -> float:
        """Return how long the transmitter may be on the air from now on; negative if too long."""
        if self.is_unlimited:
            return math.inf
        now_s = self._clock()
        gained_s = self.max_duty_cycle * max(now_s - self._at_s, 0.0)
        self._left_s, self._at_s = min(self._left_s + gained_s, self._most_s), now_s
        return self._left_s

    def take(self, seconds: float) -> None:
        """Use up time on the air, or give back what was not used.

        Raises:
            OSError: If it cannot be written down.
        """
        if self.is_unlimited:
            return
        self._left_s = self.left_s() - seconds
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".draft")
            draft.write_text(json.dumps([self._left_s, self._at_s]))
            draft.replace(self._path)

    @property
    def _most_s(self) -> float:
        return self.max_duty_cycle * WINDOW_S

    def _kept(self, path: Path) -> tuple[float, float]:
        """Return what a file holds; none is left where it cannot be read."""
        try:
            left_s, at_s = json.loads(path.read_text())
            if math.isfinite(left_s) and math.isfinite(at_s):
                return float(left_s), float(at_s)
        except (ArithmeticError, ValueError, TypeError):
            pass
        return 0.0, self._clock()
