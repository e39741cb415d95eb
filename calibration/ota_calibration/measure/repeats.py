r"""How often to repeat a measurement: Stein's two-stage procedure, with a bound.

A first stage of $n_0$ observations gives a sample deviation $s$; the whole series is then

$$N = \max\{n_0, \lceil (t_{1-\alpha/2,\,n_0-1}\, s / d)^2 \rceil\}$$

observations long, and the mean of all of them lies within $d$ of the truth with probability of at
least $1 - \alpha$, whatever the unknown variance (Stein, Annals of Mathematical Statistics
16(3), 1945). The interval keeps the deviation and the degrees of freedom of the first stage:
a deviation taken from all observations would be too small, because the series was stopped by it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """When a series is long enough.

    Attributes:
        n_first: Observations of the first stage, at least 3.
        n_most: Bound of the series; a precision that needs more is not reached.
        confidence: Of the interval.
    """

    n_first: int = 8
    n_most: int = 40
    confidence: float = 0.95

    def n_needed(self, first: Sequence[float], half_width: float) -> int:
        """Return how many observations give a mean with this half-width; at most ``n_most``.

        Args:
            first: Observations of the first stage, independent, of one unknown variance.
            half_width: Wanted half-width $d$ of the interval, positive.

        >>> RepeatRule().n_needed([1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 1.0, 1.0], 0.05)
        13
        """
        quantile = float(student.ppf((1 + self.confidence) / 2, len(first) - 1))
        wanted = (quantile * float(np.std(first, ddof=1)) / half_width) ** 2
        return int(min(max(math.ceil(wanted), len(first)), self.n_most))


@dataclass(frozen=True, slots=True)
class SeriesMean:
    """Mean of a series that Stein's rule has stopped.

    Attributes:
        value: Mean of all observations.
        std: Its standard deviation, from the first stage.
        freedom: Degrees of freedom of ``std``.
        n_repeats: Observations.
    """

    value: float
    std: float
    freedom: int
    n_repeats: int


def series_mean(observations: Sequence[float], n_first: int) -> SeriesMean:
    """Return the mean of a whole series with the deviation that its first stage allows."""
    first = np.asarray(observations[:n_first], np.float64)
    std = float(first.std(ddof=1)) / math.sqrt(len(observations))
    return SeriesMean(float(np.mean(observations)), std, len(first) - 1, len(observations))


def residual_mean(
    times_s: Sequence[float], observations: Sequence[float], n_first: int
) -> SeriesMean:
    """Return the mean of a series that drifts: its value at the mean time.

    The scatter is taken around a straight line through the first stage, so that a drift
    is not mistaken for noise. Needs ``n_first`` of at least 3.
    """
    time, first = np.asarray(times_s[:n_first]), np.asarray(observations[:n_first], np.float64)
    time = time - time.mean()
    slope = float(time @ first / (time @ time))
    rest = first - first.mean() - slope * time
    freedom = len(first) - 2
    std = math.sqrt(float(rest @ rest) / freedom / len(observations))
    return SeriesMean(float(np.mean(observations)), std, freedom, len(observations))
