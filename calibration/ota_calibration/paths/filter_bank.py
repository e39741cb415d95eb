"""A bank of Kalman filters that follow one quantity of each node: a phase, a level, a delay.

The quantity has a rate and a drift of the rate. How fast each of them moves is not known: every
filter of the bank assumes other noise, and the innovations say how much to believe each (multiple
model estimation: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and
Navigation, 2001, section 11.6). A quantity that is known modulo a period, as a phase is, splits
every filter into branches, one a number of whole periods; the likeliest are kept.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

FORGETTING = 0.98
"""Weight of the past when filters are compared: about 50 observations count."""

_LEAST_VARIANCE = 1e-30
_UNMEASURED = 1e30
"""Variance of a rate that an observation does not hold, in any unit."""


@dataclass(frozen=True)
class MotionModel:
    """How a quantity may move; variances are in its unit squared, times in seconds.

    Attributes:
        n_states: What a filter follows: 1 the level, 2 its rate too, 3 the drift of that too.
        white_variances: Of every observation by itself, beyond what the observation claims.
        walks_per_s: Growth of the variance of a random walk of the level.
        rate_walks_per_s: The same of its rate.
        rate_std: Of the rate before it was observed, where an observation does not hold it.
        drift_std: Of the constant drift of the rate, before any observation.
        period: The level is known modulo this; ``inf`` if it is known.
        burst_s: Length of what is observed: a walk within it blurs level and rate.
        jump_probability: Chance that the quantity is another one at the next observation.
        jump_range: Levels in which it then is, all alike; the period where there is one.
        jump_rate_range: The same of the rate.
        n_branches: Kept a filter.
    """

    n_states: int
    white_variances: Sequence[float] = (0.0,)
    walks_per_s: Sequence[float] = (0.0,)
    rate_walks_per_s: Sequence[float] = (0.0,)
    rate_std: float = 0.0
    drift_std: float = 0.0
    period: float = math.inf
    burst_s: float = 0.0
    jump_probability: float = 1e-4
    jump_range: float = 1.0
    jump_rate_range: float = 1.0
    n_branches: int = 1

    @cached_property
    def filters(self) -> Reals:
        """White variance, walk and rate walk of every filter, shape ``(n_filters, 3)``."""
        grid = product(self.white_variances, self.walks_per_s, self.rate_walks_per_s)
        return np.array(list(grid), np.float64)

    @cached_property
    def log_prior(self) -> Reals:
        """How likely every filter is beforehand: each step up in a noise halves it."""
        lengths = (len(self.white_variances), len(self.walks_per_s), len(self.rate_walks_per_s))
        steps = np.array([sum(place) for place in product(*map(range, lengths))])
        logs = -math.log(2) * steps
        return np.asarray(logs - np.logaddexp.reduce(logs))


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


@dataclass(frozen=True)
class Forecast:
    """What the bank expects of each node, shape ``(n_nodes,)`` each.

    Attributes:
        level: Expected level; of a periodic quantity the mean direction.
        mean_rate: Expected rate, averaged until the time of the forecast.
        variance: Of the level; of a periodic quantity -2 ln |E exp(j level)|.
        walk_per_s: Expected growth of the variance by a random walk.
        white_variance: Expected scatter of each observation by itself.
    """

    level: Reals
    mean_rate: Reals
    variance: Reals
    walk_per_s: Reals
    white_variance: Reals


@dataclass
class FilterBank:
    """The filters of all nodes; all that changes is arrays.

    Attributes:
        model: How the quantity may move.
        n_nodes: How many nodes are followed.
        times_s: Last observation of each node; NaN before the first.
        means: Level, rate and drift, shape ``(n_nodes, n_filters, n_branches, n_states)``.
        covariances: Theirs, one axis more.
        log_weights: Of the branches, normalised over a node; ``-inf`` where there is none.
        innovations: What the last observation was off the bank's prediction, over the standard
            deviation that the bank expected of that; NaN before the second observation.
    """

    model: MotionModel
    n_nodes: int
    times_s: Reals = field(init=False)
    means: Reals = field(init=False)
    covariances: Reals = field(init=False)
    log_weights: Reals = field(init=False)
    innovations: Reals = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.n_nodes, len(self.model.filters), self.model.n_branches)
        self.times_s = np.full(self.n_nodes, np.nan)
        n_states = self.model.n_states
        self.means = np.zeros((*shape, n_states))
        self.covariances = np.zeros((*shape, n_states, n_states))
        self.log_weights = np.full(shape, -np.inf)
        self.innovations = np.full(self.n_nodes, np.nan)

    def observe(self, seen: Observation) -> None:
        """Take an observation in.

        A node whose time goes back has another clock, as after its radio was opened again: what
        was known of it is of no use.
        """
        is_new = ~(seen.times_s >= self.times_s[seen.nodes])  # NaN before the first
        self._start(_part(seen, is_new))
        known = _part(seen, ~is_new)
        if len(known.nodes):
            self._update(known)

    def restart(self) -> None:
        """Forget the levels of all nodes, as after a step that nobody predicts; keep the rest."""
        scale = self.model.period if math.isfinite(self.model.period) else self.model.jump_range
        self.covariances[..., 0, :] = 0.0
        self.covariances[..., :, 0] = 0.0
        self.covariances[..., 0, 0] = scale**2

    def forecast(self, ahead_s: Reals) -> Forecast:
        """Return what is expected some time after each node's last observation.

        Args:
            ahead_s: Shape ``(n_nodes,)``, not negative. Nodes never observed get zeros.
        """
        weights = np.exp(self.log_weights)
        ahead = np.broadcast_to(ahead_s, (self.n_nodes,))
        means, covariances = self._predicted(slice(None), ahead)
        level, variance = _mixed(means[..., 0], covariances[..., 0, 0], weights, self.model.period)
        filters = weights.sum(axis=2)
        rates, drifts = (
            _mean(self.means[..., entry], weights) if entry < self.model.n_states else 0.0 * ahead
            for entry in (1, 2)
        )
        white, walk, _ = (filters @ self.model.filters).T
        return Forecast(level, rates + drifts * ahead / 2, variance, walk, white)

    def snapshot(self) -> dict[str, object]:
        """Return the arrays of the bank."""
        return {name: getattr(self, name).copy() for name in _ARRAYS}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot of a bank of as many nodes.

        Raises:
            KeyError, TypeError, ValueError: If it is none.
        """
        for name in _ARRAYS:
            array, shape = np.array(state[name], np.float64), getattr(self, name).shape
            if array.shape != shape:
                raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
            setattr(self, name, array)

    def _start(self, seen: Observation) -> None:
        """Begin with nodes that were never observed."""
        means, covariances = self._first(seen)
        self.means[seen.nodes], self.covariances[seen.nodes] = 0.0, np.eye(self.model.n_states)
        self.means[seen.nodes, :, 0], self.covariances[seen.nodes, :, 0] = means, covariances
        self.log_weights[seen.nodes] = -np.inf
        self.log_weights[seen.nodes, :, 0] = self.model.log_prior
        self.times_s[seen.nodes] = seen.times_s

    def _first(self, seen: Observation) -> tuple[Reals, Reals]:
        """Return what one observation says alone, first axes ``(n_seen, n_filters)``."""
        noise, rate_noise = self._noise(seen)
        model = self.model
        shape = (len(seen.nodes), len(model.filters))
        mean, variance = np.zeros((*shape, 3)), np.zeros((*shape, 3))
        mean[..., 0], variance[..., 0] = seen.levels[:, None], noise
        variance[..., 1], variance[..., 2] = model.rate_std**2, model.drift_std**2
        if seen.rates is not None:
            mean[..., 1], variance[..., 1] = seen.rates[:, None], rate_noise
        means, variances = mean[..., : model.n_states], variance[..., : model.n_states]
        covariances = variances[..., None] * np.eye(model.n_states)
        return means, covariances

    def _noise(self, seen: Observation) -> tuple[Reals, Reals]:
        """Return the variances of levels and rates as every filter sees them.

        The mean of a walk over a burst is off its middle by walk * T / 12, the slope that is
        fitted to it has the variance 6 walk / (5 T): both follow from the walk's covariance.
        """
        white, walk, _ = self.model.filters.T
        burst_s = self.model.burst_s
        noise = seen.variances[:, None] + white + walk * burst_s / 12
        if seen.rate_variances is None:
            return noise, np.full_like(noise, _UNMEASURED)
        blur = 1.2 * walk / burst_s if burst_s else 0.0 * walk
        return noise, seen.rate_variances[:, None] + blur

    def _predicted(self, nodes: Any, ahead_s: Reals) -> tuple[Reals, Reals]:
        """Return means and covariances of all branches after some time."""
        dt, n_states = ahead_s[:, None, None], self.model.n_states
        step = np.zeros((*dt.shape, 3, 3))
        step[...] = np.eye(3)
        step[..., 0, 1] = step[..., 1, 2] = dt
        step[..., 0, 2] = dt**2 / 2
        step = step[..., :n_states, :n_states]
        means = np.einsum("...ij,...j->...i", step, self.means[nodes])
        covariances = step @ self.covariances[nodes] @ np.swapaxes(step, -1, -2)
        _, walk, rate_walk = (column[None, :, None] for column in self.model.filters.T)
        covariances[..., 0, 0] += walk * dt + rate_walk * dt**3 / 3
        if n_states > 1:
            covariances[..., 0, 1] += rate_walk * dt**2 / 2
            covariances[..., 1, 0] += rate_walk * dt**2 / 2
            covariances[..., 1, 1] += rate_walk * dt
        return means, covariances

    def _update(self, seen: Observation) -> None:
        """Correct all branches, and weigh them by how well they had predicted."""
        noise, rate_noise = self._noise(seen)
        means, covariances = self._predicted(seen.nodes, seen.times_s - self.times_s[seen.nodes])
        weights = self.log_weights[seen.nodes]
        self.innovations[seen.nodes] = self._innovations(seen, means, covariances, noise)
        if seen.rates is not None:
            off = seen.rates[:, None, None] - means[..., 1]
            rate_noises = rate_noise[..., None]
            means, covariances, gained = _corrected(means, covariances, 1, off, rate_noises)
            weights = weights + gained
        off = _wrapped(seen.levels[:, None, None] - means[..., 0], self.model.period)
        turns = _whole_turns(self.model.period)
        branches = [
            _corrected(means, covariances, 0, off + turn, noise[..., None]) for turn in turns
        ]
        means, covariances, gained = (
            np.concatenate(parts, axis=2) for parts in zip(*branches, strict=True)
        )
        weights = np.concatenate([weights] * len(turns), axis=2) + gained
        self._keep(seen, means, covariances, weights)
        self.times_s[seen.nodes] = seen.times_s

    def _innovations(
        self, seen: Observation, means: Reals, covariances: Reals, noise: Reals
    ) -> Reals:
        weights = np.exp(self.log_weights[seen.nodes])
        period = self.model.period
        level, variance = _mixed(means[..., 0], covariances[..., 0, 0], weights, period)
        expected = variance + (weights.sum(axis=2) * noise).sum(axis=1)
        return np.asarray(_wrapped(seen.levels - level, period) / np.sqrt(expected))

    def _keep(self, seen: Observation, means: Reals, covariances: Reals, weights: Reals) -> None:
        """Add the branch in which the quantity is another one, and keep the likeliest."""
        model, n_kept = self.model, self.model.n_branches
        fresh_means, fresh_covariances = self._first(seen)
        spread = model.period if math.isfinite(model.period) else model.jump_range
        density = math.log(model.jump_probability / spread)
        if seen.rates is not None:
            density -= math.log(model.jump_rate_range)
        before = np.logaddexp.reduce(self.log_weights[seen.nodes], axis=2)
        means = np.concatenate([means, fresh_means[:, :, None]], axis=2)
        covariances = np.concatenate([covariances, fresh_covariances[:, :, None]], axis=2)
        weights = np.concatenate([weights, (before + density)[..., None]], axis=2)
        kept = np.argpartition(-weights, n_kept - 1, axis=2)[..., :n_kept]
        weights = np.take_along_axis(weights, kept, axis=2)
        filters = np.logaddexp.reduce(weights, axis=2, keepdims=True)
        filters -= np.logaddexp.reduce(filters, axis=1, keepdims=True)
        weights = weights - np.logaddexp.reduce(weights, axis=2, keepdims=True)
        weights = weights + FORGETTING * filters
        total = np.logaddexp.reduce(weights.reshape(len(weights), -1), axis=1)
        self.means[seen.nodes] = np.take_along_axis(means, kept[..., None], axis=2)
        self.covariances[seen.nodes] = np.take_along_axis(
            covariances, kept[..., None, None], axis=2
        )
        self.log_weights[seen.nodes] = weights - total[:, None, None]


_ARRAYS = ("times_s", "means", "covariances", "log_weights", "innovations")


def _part(seen: Observation, which: NDArray[np.bool_]) -> Observation:
    rates = None if seen.rates is None else seen.rates[which]
    rate_variances = None if seen.rate_variances is None else seen.rate_variances[which]
    return Observation(
        seen.nodes[which],
        seen.times_s[which],
        seen.levels[which],
        seen.variances[which],
        rates,
        rate_variances,
    )


def _corrected(
    means: Reals, covariances: Reals, entry: int, off: Reals, noise: Reals
) -> tuple[Reals, Reals, Reals]:
    """Correct all branches by an observation of one entry of the state.

    Returns:
        Means, covariances, log-likelihood.
    """
    column = covariances[..., :, entry]
    spread = np.maximum(column[..., entry] + noise, _LEAST_VARIANCE)
    gain = column / spread[..., None]
    likelihood = -(off**2 / spread + np.log(2 * np.pi * spread)) / 2
    corrected = covariances - gain[..., :, None] * column[..., None, :]
    return means + gain * off[..., None], corrected, likelihood


def _whole_turns(period: float) -> tuple[float, ...]:
    return (0.0, -period, period) if math.isfinite(period) else (0.0,)


def _wrapped(values: Reals, period: float) -> Reals:
    return values - period * np.round(values / period) if math.isfinite(period) else values


def _mean(values: Reals, weights: Reals) -> Reals:
    """Return the weighted mean over filters and branches."""
    return np.asarray((values * weights).sum(axis=(1, 2)))


def _mixed(levels: Reals, variances: Reals, weights: Reals, period: float) -> tuple[Reals, Reals]:
    """Return mean and variance over filters and branches; of a phase, direction and spread."""
    if math.isfinite(period):
        turn = 2 * np.pi / period
        phasor = (weights * np.exp(1j * turn * levels - turn**2 * variances / 2)).sum(axis=(1, 2))
        resultant = np.clip(np.abs(phasor), 1e-12, 1.0)
        return np.angle(phasor) / turn, -2 * np.log(resultant) / turn**2
    mean = _mean(levels, weights)
    return mean, _mean(variances + (levels - mean[:, None, None]) ** 2, weights)
