r"""A power schedule that knows no future channel, for runs over real radios.

Each round it asks what the optimum over the remaining rounds would be if every
one of them could reach the forecast $f$ (a running quantile of the weakest
node's level so far), and takes the first level of that optimum:

$$q_t = \min\{\kappa_t, q_t^\text{max}, Q_t\}, \qquad
\sum_{j=0}^{n-1} \min\{\kappa_t A^{-j/2}, f\} = Q_t,$$

with $Q_t$ the budget left and $n$ the rounds left. Channel gains are public, so
following them costs no privacy.
"""

import math
from bisect import bisect_left, insort
from collections import deque

import numpy as np
from numpy.typing import NDArray

from ota_calibration.privacy.schedules import BUDGET_MARGIN

FORECAST_WINDOW = 257


class RunningQuantile:
    """Quantile of the last ``window`` values, kept sorted as they come.

    Args:
        quantile: In [0, 1]; 0.5 is the median.
        window: How many values count, at least 1.
    """

    def __init__(self, quantile: float, window: int = FORECAST_WINDOW) -> None:
        if not (0.0 <= quantile <= 1.0 and window >= 1):
            raise ValueError(f"quantile = {quantile} must lie in [0, 1], window = {window} above 0")
        self._quantile = quantile
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._window = window

    def update(self, value: float) -> float:
        """Add a value and return the quantile of the window that now ends with it."""
        self._recent.append(value)
        insort(self._sorted, value)
        if len(self._recent) > self._window:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        return self._sorted[round(self._quantile * (len(self._sorted) - 1))]


class OnlineSchedule:
    r"""Hands out the peak SNR of one round after the other, never more than the budget.

    Args:
        n_rounds: Rounds the budget is meant for; further rounds get what is left.
        snr_budget: $Q$, as of :func:`ota_calibration.privacy.peak_snr.snr_budget`.
        contraction: $A$ per round, in (0, 1]; 1 aims at equal levels.
        quantile: Which quantile of the weakest node's level is the forecast.
    """

    def __init__(
        self, n_rounds: int, snr_budget: float, contraction: float, quantile: float = 0.5
    ) -> None:
        if not (n_rounds >= 1 and snr_budget >= 0 and 0.0 < contraction <= 1.0):
            raise ValueError(
                f"n_rounds = {n_rounds} must be at least 1, snr_budget = {snr_budget} not "
                f"negative, contraction = {contraction} in (0, 1]"
            )
        self._rounds_left = n_rounds
        self._remaining = snr_budget * (1.0 - BUDGET_MARGIN)
        self._log_growth = -0.5 * math.log(contraction)
        self._forecast = RunningQuantile(quantile)

    @property
    def remaining(self) -> float:
        """Peak SNR not yet spent; never negative."""
        return self._remaining

    def allocate(self, max_peak_snr: float) -> float:
        """Return this round's peak SNR, charge it and move to the next round.

        Args:
            max_peak_snr: What the weakest node reaches in this round, as just sounded.
        """
        if not max_peak_snr >= 0:
            raise ValueError(f"max_peak_snr = {max_peak_snr} must be zero or more")
        ceiling = self._forecast.update(max_peak_snr)
        wanted = first_level(self._remaining, ceiling, max(self._rounds_left, 1), self._log_growth)
        # The budget holds by this line alone, whatever the forecast was worth.
        level = min(wanted, max_peak_snr, self._remaining)
        self._rounds_left -= 1
        self._remaining -= level
        return level

    def charge(self, level: float) -> None:
        """Take a retransmission, or what a resumed run had spent, out of the budget."""
        self._remaining = max(self._remaining - level, 0.0)

    def skip(self, n_rounds: int) -> None:
        """Count rounds that are already over, when a run is resumed."""
        self._rounds_left -= n_rounds


def online(
    max_peak_snr: NDArray[np.float64], snr_budget: float, contraction: float, quantile: float = 0.5
) -> NDArray[np.float64]:
    """Return what :class:`OnlineSchedule` would have handed out over a whole run.

    Args:
        max_peak_snr: Shape ``(n_rounds,)``; entry t is only looked at in round t.
        snr_budget: Sum of the result at most.
        contraction: Per round, in (0, 1].
        quantile: Forecast quantile.
    """
    schedule = OnlineSchedule(max(len(max_peak_snr), 1), snr_budget, contraction, quantile)
    return np.array([schedule.allocate(value) for value in max_peak_snr.tolist()], dtype=np.float64)


def first_level(budget: float, ceiling: float, n_rounds: int, log_growth: float) -> float:
    r"""Return $\kappa$ with $\kappa + \sum_{1 \le j<n} \min\{\kappa g^j, f\} = Q$.

    This round has no ceiling here, because its own is known and not forecast.
    The last rounds are the capped ones. With the first $m$ below the ceiling,
    $\kappa = (Q - (n - m) f) / \sum_{j<m} g^j$, and $m$ is the least integer for
    which $\kappa = f g^{-m}$ would spend no more than $Q$.

    Args:
        budget: $Q$, not negative.
        ceiling: $f$, not negative.
        n_rounds: $n$, at least 1.
        log_growth: $\ln g$, not negative.
    """
    if n_rounds * ceiling <= budget:
        return budget - (n_rounds - 1) * ceiling
    if log_growth == 0.0:
        return budget / n_rounds
    below = math.ceil(_rounds_below(n_rounds - budget / ceiling, log_growth))
    uncapped = min(max(below, 1), n_rounds)
    shrink = math.exp(-uncapped * log_growth)
    for_uncapped = budget - (n_rounds - uncapped) * ceiling
    return for_uncapped * math.expm1(log_growth) * shrink / -math.expm1(-uncapped * log_growth)


def _rounds_below(excess: float, log_growth: float) -> float:
    r"""Return the real $m$ with $m - (1 - g^{-m}) / (g - 1)$ equal to ``excess`` > 0.

    Newton's method: the left side is convex and grows with $m$, so it converges
    from any positive start. The start is the limit of few or of many rounds.
    """
    growth_step = math.expm1(log_growth)
    rounds = excess + min(1.0 / growth_step, math.sqrt(2.0 * excess / log_growth))
    for _ in range(50):
        shrunk = -math.expm1(-rounds * log_growth)
        slope = 1.0 - log_growth / growth_step * (1.0 - shrunk)
        step = (rounds - shrunk / growth_step - excess) / slope
        rounds -= step
        if abs(step) < 1e-6:
            break
    return rounds
