"""How a quantity of a node may move, what is seen of it, and what is expected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ota_calibration.paths import swing

Reals = NDArray[np.float64]

LIKELY_FACTOR_LOG = math.log(2)
"""By which a variance that was measured may be another one now: a factor of two."""

MOST_UNLIKELY_LOG = 20.0
"""By which nothing is less likely than the likeliest: a record may be of another day."""

CHANGE_S = 0.1
"""Time within which a level changes, where filters are compared with a rate that was measured."""

_LEAST_VARIANCE = 1e-30


@dataclass(frozen=True)
class Likely:
    """A variance, or its growth, that a node of the bench was measured to have.

    Attributes:
        value: As measured.
        std: What it may be off: what lies below it is told apart neither from it nor from none.
    """

    value: float
    std: float = 0.0

    @classmethod
    def square(cls, value: float, std: float) -> "Likely":
        """Return that of a deviation that was measured."""
        return cls(value**2, (value + std) ** 2 - value**2)

    def log_likelihood(self, variances: Reals) -> Reals:
        """Return how well each fits it, on a logarithmic scale, up to a constant."""
        least = max(self.std, _LEAST_VARIANCE)
        off = np.log((variances + least) / (self.value + least))
        return np.asarray(-((off / LIKELY_FACTOR_LOG) ** 2) / 2)


@dataclass(frozen=True)
class MotionModel:
    """How a quantity may move; variances are in its unit squared, times in seconds.

    Attributes:
        n_states: What a filter follows: 1 the level, 2 its rate too, 3 the drift of that too.
        white_variances: Of every observation by itself, beyond what the observation claims.
        walks_per_s: Growth of the variance of a random walk of the level.
        rate_walks_per_s: The same of its rate.
        swings: Variance and rate per second of a smooth swing about the level, see `swing`; as a
            share of what the bank is told, where it is told (`FilterBank.swing_scales`).
        rough_walks_per_s: Of further filters, in which nothing but a walk moves the level.
        rate_std: Of the rate before it was observed, where an observation does not hold it.
        drift_std: Of the constant drift of the rate, before any observation.
        period: The level is known modulo this; ``inf`` if it is known.
        burst_s: Length of what is observed: a walk within it blurs level and rate.
        jump_probability: Chance that the quantity is another one at the next observation.
        jump_range: Levels in which it then is, all alike; the period where there is one.
        jump_rate_range: The same of the rate.
        n_branches: Kept a filter.
        likely_whites: White variances of nodes of the bench, as measured; without any, all are
            alike.
        likely_walks: The same of the walks' rates.
        likely_changes: The same of the mean square of the level's change a second.
    """

    n_states: int
    white_variances: Sequence[float] = (0.0,)
    walks_per_s: Sequence[float] = (0.0,)
    rate_walks_per_s: Sequence[float] = (0.0,)
    swings: Sequence[tuple[float, float]] = ((0.0, 1.0),)
    rough_walks_per_s: Sequence[float] = ()
    rate_std: float = 0.0
    drift_std: float = 0.0
    period: float = math.inf
    burst_s: float = 0.0
    jump_probability: float = 1e-4
    jump_range: float = 1.0
    jump_rate_range: float = 1.0
    n_branches: int = 1
    likely_whites: Sequence[Likely] = ()
    likely_walks: Sequence[Likely] = ()
    likely_changes: Sequence[Likely] = ()

    @cached_property
    def filters(self) -> Reals:
        """White variance, walk, rate walk, swing and its rate, shape ``(n_filters, 5)``."""
        grid = product(self.white_variances, self.walks_per_s, self.rate_walks_per_s, self.swings)
        filters = [(*noises, *swing) for *noises, swing in grid]
        filters += [(0.0, walk, 0.0, 0.0, 1.0) for walk in self.rough_walks_per_s]
        return np.array(filters, np.float64)

    @property
    def log_prior(self) -> Reals:
        """How likely every filter is beforehand, on scales that are logarithmic."""
        logs = np.zeros(len(self.filters))
        for variances, measured in (
            (self.filters[:, 0], self.likely_whites),
            (self.filters[:, 1], self.likely_walks),
            (self.changes_per_s2, self.likely_changes),
        ):
            if measured:  # a filter fits as many nodes as have its noise
                each = [likely.log_likelihood(variances) for likely in measured]
                logs = logs + np.logaddexp.reduce(each)
        logs = np.maximum(logs, logs.max() - MOST_UNLIKELY_LOG)
        return np.asarray(logs - np.logaddexp.reduce(logs))

    @property
    def changes_per_s2(self) -> Reals:
        """Mean square of each filter's change of level within `CHANGE_S`, over its square."""
        walk, variance, rate = self.filters[:, 1], self.filters[:, 3], self.filters[:, 4]
        swung = 2 * variance * (1 - swing.correlation(rate * CHANGE_S))
        return np.asarray((walk * CHANGE_S + swung) / CHANGE_S**2)

    @cached_property
    def like_rates(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Filters of which no two swing at one rate, and the place among them of each filter's."""
        _, first, place = np.unique(self.filters[:, 4], return_index=True, return_inverse=True)
        return first, place

    @cached_property
    def has_swing(self) -> bool:
        """Whether any filter swings."""
        return any(variance for variance, _ in self.swings)

    @property
    def n_entries(self) -> int:
        """Numbers that a filter follows."""
        return self.n_states + swing.N_STATES * self.has_swing

    def seen_entry(self, derivative: int) -> Reals:
        """Return what of a state the level (0) or the rate (1) is the sum of."""
        entries = np.zeros(self.n_entries)
        entries[derivative] = 1.0
        if self.has_swing:
            entries[self.n_states + derivative] = 1.0
        return entries


@dataclass(frozen=True)
class Observation:
    """What one sounding says of the quantity, one entry a node observed.

    Attributes:
        nodes: Which nodes.
        times_s: When.
        levels: The quantity; modulo the period where there is one.
        variances: Of the levels.
        rates: The quantity's rate; None if it is not observed.
        rate_variances: Of the rates.
    """

    nodes: NDArray[np.intp]
    times_s: Reals
    levels: Reals
    variances: Reals
    rates: Reals | None = None
    rate_variances: Reals | None = None

    def part(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Observation":
        """Return what is said of some of the nodes."""
        return Observation(
            self.nodes[which],
            self.times_s[which],
            self.levels[which],
            self.variances[which],
            None if self.rates is None else self.rates[which],
            None if self.rate_variances is None else self.rate_variances[which],
        )


@dataclass(frozen=True)
class Forecast:
    """What the bank expects of each node, shape ``(n_nodes,)`` each.

    Attributes:
        level: Expected level; of a periodic quantity the mean direction.
        mean_rate: Expected rate, averaged until the time of the forecast.
        variance: Of the level; of a periodic quantity -2 ln |E exp(j level)|.
        walk_per_s: Expected growth of the variance by a random walk.
        white_variance: Expected scatter of each observation by itself.
        swing_variance: Of the likeliest filter; 0 if it does not swing.
        swing_rate_per_s: Of the same.
    """

    level: Reals
    mean_rate: Reals
    variance: Reals
    walk_per_s: Reals
    white_variance: Reals
    swing_variance: Reals
    swing_rate_per_s: Reals
