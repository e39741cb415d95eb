"""A bank of Kalman filters that follow one quantity of each node: a phase, a level, a delay.

The quantity has a rate and a drift of the rate, and swings about them. How fast each of them moves
is not known: every filter of the bank assumes other noise, and the innovations say how much to
believe each (multiple model estimation: Bar-Shalom, Li, Kirubarajan, Estimation with Applications
to Tracking and Navigation, 2001, section 11.6). The nodes of a bench share a room and a make of
radio: how often each filter proved right among all of them is what is believed of each beforehand
(the mixture's weights by expectation and maximisation: Dempster, Laird, Rubin, 1977). A quantity
that is known modulo a period, as a phase is, splits every filter into branches, one a number of
whole periods; the likeliest are kept.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ota_calibration.paths import swing
from ota_calibration.paths.motion import Forecast, MotionModel, Observation

Reals = NDArray[np.float64]

FORGETTING = 0.98
"""Weight of the past when filters are compared: about 50 observations count."""

PRIOR_NODES = 1.0
"""Nodes by which the model's own prior counts beside those of the bench."""

BLOCK_NODES = 16
"""Updated at a time: their states and what is made of them fit into a processor's cache."""

_LEAST_VARIANCE = 1e-30
_UNMEASURED = 1e30
"""Variance of a rate that an observation does not hold, in any unit."""


@dataclass
class FilterBank:
    """The filters of all nodes; all that changes is arrays.

    Attributes:
        model: How the quantity may move.
        n_nodes: How many nodes are followed.
        times_s: Last observation of each node; NaN before the first.
        means: Level, rate and drift, then the swing and its derivatives, shape ``(n_nodes,
            n_filters, n_branches, n_entries)``.
        covariances: Theirs, one axis more.
        log_weights: What each node's own observations say of its branches; ``-inf`` where there is
            none.
        log_prior: What is believed of the filters beforehand, shape ``(n_filters,)``.
        swing_scales: By which the model's swing variances are multiplied, shape ``(n_nodes,)``.
        swing_rates: The same of its rates.
        innovations: What the last observation was off the bank's prediction, over the standard
            deviation that the bank expected of that; NaN before the second observation.
    """

    model: MotionModel
    n_nodes: int
    times_s: Reals = field(init=False)
    means: Reals = field(init=False)
    covariances: Reals = field(init=False)
    log_weights: Reals = field(init=False)
    log_prior: Reals = field(init=False)
    swing_scales: Reals = field(init=False)
    swing_rates: Reals = field(init=False)
    innovations: Reals = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.n_nodes, len(self.model.filters), self.model.n_branches)
        self.times_s = np.full(self.n_nodes, np.nan)
        n_entries = self.model.n_entries
        self.means = np.zeros((*shape, n_entries))
        self.covariances = np.zeros((*shape, n_entries, n_entries))
        self.log_weights = np.full(shape, -np.inf)
        self.log_prior = self.model.log_prior.copy()
        self.swing_scales = np.ones(self.n_nodes)
        self.swing_rates = np.ones(self.n_nodes)
        self.innovations = np.full(self.n_nodes, np.nan)

    def observe(self, seen: Observation) -> None:
        """Take an observation in.

        A node whose time goes back has another clock, as after its radio was opened again: what
        was known of it is of no use.
        """
        is_new = ~(seen.times_s >= self.times_s[seen.nodes])  # NaN before the first
        self._start(seen.part(is_new))
        known = seen.part(~is_new)
        for first in range(0, len(known.nodes), BLOCK_NODES):
            self._update(known.part(np.arange(first, min(first + BLOCK_NODES, len(known.nodes)))))
        if len(known.nodes):
            self._pool()

    def restart(self) -> None:
        """Forget the levels of all nodes, as after a step that nobody predicts; keep the rest."""
        scale = self.model.period if math.isfinite(self.model.period) else self.model.jump_range
        self.covariances[..., 0, :] = 0.0
        self.covariances[..., :, 0] = 0.0
        self.covariances[..., 0, 0] = scale**2

    def weights(self, nodes: Any = slice(None)) -> Reals:
        """Return how much to believe each branch, shape ``(n_nodes, n_filters, n_branches)``.

        All are 0 of a node that was never observed.
        """
        logs = self.log_weights[nodes] + self.log_prior[:, None]
        most = logs.max(axis=(1, 2), initial=-np.inf, keepdims=True)
        shares = np.exp(logs - np.where(np.isfinite(most), most, 0.0))
        return np.asarray(shares / np.maximum(shares.sum(axis=(1, 2), keepdims=True), 1.0))

    def forecast(self, ahead_s: Reals) -> Forecast:
        """Return what is expected some time after each node's last observation.

        Args:
            ahead_s: Shape ``(n_nodes,)``, not negative. Nodes never observed get zeros.
        """
        ahead = np.broadcast_to(ahead_s, (self.n_nodes,))
        starts = range(0, max(self.n_nodes, 1), BLOCK_NODES)
        blocks = [slice(start, start + BLOCK_NODES) for start in starts]
        parts = [self._expected(block, ahead[block]) for block in blocks]
        return Forecast(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _expected(self, nodes: slice, ahead: Reals) -> tuple[Reals, ...]:
        """Return the parts of a forecast of some nodes."""
        weights, means = self.weights(nodes), self.means[nodes]
        step, added = self._step(nodes, ahead)
        entries = self.model.seen_entry(0)
        rows = entries @ step[:, :, None]  # of a whole state only the level is asked for
        levels = (rows * means).sum(axis=-1)
        spread = (rows[..., None, :] @ self.covariances[nodes])[..., 0, :]
        variances = (spread * rows).sum(axis=-1) + (added @ entries @ entries)[..., None]
        level, variance = _mixed(levels, variances, weights, self.model.period)
        filters = weights.sum(axis=2)
        rates, drifts = (
            _mean(means[..., entry], weights) if entry < self.model.n_states else 0.0 * ahead
            for entry in (1, 2)
        )
        rates = rates + drifts * ahead / 2
        if self.model.has_swing:
            first = self.model.n_states
            swung = (rows[..., first:] - entries[first:]) * means[..., first:]
            rates = rates + _mean(swung.sum(axis=-1), weights) / np.maximum(ahead, 1e-9)
        white, walk = (filters @ self.model.filters[:, :2]).T
        likeliest = self.model.filters[filters.argmax(axis=1)]
        swing_variance = likeliest[:, 3] * self.swing_scales[nodes]
        swing_rate = likeliest[:, 4] * self.swing_rates[nodes]
        return level, rates, variance, walk, white, swing_variance, swing_rate

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
        self.means[seen.nodes], self.covariances[seen.nodes] = 0.0, np.eye(self.model.n_entries)
        self.means[seen.nodes, :, 0], self.covariances[seen.nodes, :, 0] = means, covariances
        self.log_weights[seen.nodes] = -np.inf
        self.log_weights[seen.nodes, :, 0] = 0.0
        self.times_s[seen.nodes] = seen.times_s

    def _first(self, seen: Observation) -> tuple[Reals, Reals]:
        """Return what one observation says alone, first axes ``(n_seen, n_filters)``.

        How far the swing is from its middle is not seen: the level is as far off the other way.
        """
        noise, rate_noise = self._noise(seen)
        model = self.model
        shape = (len(seen.nodes), len(model.filters))
        mean, variance = np.zeros((*shape, 3)), np.zeros((*shape, 3))
        mean[..., 0], variance[..., 0] = seen.levels[:, None], noise
        variance[..., 1], variance[..., 2] = model.rate_std**2, model.drift_std**2
        if seen.rates is not None:
            mean[..., 1], variance[..., 1] = seen.rates[:, None], rate_noise
        means = np.zeros((*shape, model.n_entries))
        means[..., : model.n_states] = mean[..., : model.n_states]
        covariances = np.zeros((*shape, model.n_entries, model.n_entries))
        states = np.arange(model.n_states)
        covariances[..., states, states] = variance[..., : model.n_states]
        if model.has_swing:
            variances, rates = self._swings(seen.nodes)
            stationary = variances[..., None, None] * swing.stationary_covariance(rates)
            middle = np.zeros((model.n_entries, swing.N_STATES))
            middle[model.n_states :] = np.eye(swing.N_STATES)
            middle[0, 0] = -1.0
            if seen.rates is not None:
                middle[1, 1] = -1.0
            covariances += middle @ stationary @ middle.T
        return means, covariances

    def _swings(self, nodes: Any) -> tuple[Reals, Reals]:
        """Return variance and rate of every filter's swing, shape ``(n_nodes, n_filters)``."""
        variances, rates = self.model.filters[:, 3], self.model.filters[:, 4]
        return (
            self.swing_scales[nodes][:, None] * variances,
            self.swing_rates[nodes][:, None] * rates,
        )

    def _noise(self, seen: Observation) -> tuple[Reals, Reals]:
        """Return the variances of levels and rates as every filter sees them.

        The mean of a walk over a burst is off its middle by walk * T / 12, the slope that is
        fitted to it has the variance 6 walk / (5 T): both follow from the walk's covariance.
        """
        white, walk = self.model.filters[:, 0], self.model.filters[:, 1]
        burst_s = self.model.burst_s
        noise = seen.variances[:, None] + white + walk * burst_s / 12
        if seen.rate_variances is None:
            return noise, np.full_like(noise, _UNMEASURED)
        blur = 1.2 * walk / burst_s if burst_s else 0.0 * walk
        return noise, seen.rate_variances[:, None] + blur

    def _predicted(self, nodes: Any, ahead_s: Reals) -> tuple[Reals, Reals]:
        """Return means and covariances of all branches after some time."""
        step, added = self._step(nodes, ahead_s)
        step, added = step[:, :, None], added[:, :, None]
        means = (step @ self.means[nodes][..., None])[..., 0]
        return means, step @ self.covariances[nodes] @ np.swapaxes(step, -1, -2) + added

    def _step(self, nodes: Any, ahead_s: Reals) -> tuple[Reals, Reals]:
        """Return what some time makes of each filter's state, and the covariance that it adds."""
        dt, n_states, n_entries = ahead_s[:, None], self.model.n_states, self.model.n_entries
        shape = (len(ahead_s), len(self.model.filters))
        walk, rate_walk = self.model.filters[:, 1], self.model.filters[:, 2]
        step = np.zeros((*shape, n_entries, n_entries))
        step[...] = np.eye(n_entries)
        added = np.zeros_like(step)
        added[..., 0, 0] = walk * dt + rate_walk * dt**3 / 3
        if n_states > 1:
            step[..., 0, 1] = dt
            added[..., 0, 1] = added[..., 1, 0] = rate_walk * dt**2 / 2
            added[..., 1, 1] = rate_walk * dt
        if n_states > 2:
            step[..., 1, 2], step[..., 0, 2] = dt, dt**2 / 2
        if self.model.has_swing:
            variances, rates = self._swings(nodes)
            first, place = self.model.like_rates
            moved, grown = swing.transition(rates[:, first], dt)
            step[..., n_states:, n_states:] = moved[:, place]
            added[..., n_states:, n_states:] = variances[..., None, None] * grown[:, place]
        return step, added

    def _update(self, seen: Observation) -> None:
        """Correct all branches, and weigh them by how well they had predicted."""
        noise, rate_noise = self._noise(seen)
        means, covariances = self._predicted(seen.nodes, seen.times_s - self.times_s[seen.nodes])
        weights = self.log_weights[seen.nodes]
        self.innovations[seen.nodes] = self._innovations(seen, means, covariances, noise)
        if seen.rates is not None:
            entries = self.model.seen_entry(1)
            off = seen.rates[:, None, None] - means @ entries
            rate_noises = rate_noise[..., None]
            gain, covariances, spread = _corrected(covariances, entries, rate_noises)
            means = means + gain * off[..., None]
            weights = weights + _log_likelihood(off, spread)
        entries = self.model.seen_entry(0)
        off = _wrapped(seen.levels[:, None, None] - means @ entries, self.model.period)
        gain, covariances, spread = _corrected(covariances, entries, noise[..., None])
        turned = [off + turn for turn in _whole_turns(self.model.period)]
        means = np.concatenate([means + gain * off[..., None] for off in turned], axis=2)
        weights = np.concatenate([weights + _log_likelihood(off, spread) for off in turned], axis=2)
        self._keep(seen, means, covariances, weights)
        self.times_s[seen.nodes] = seen.times_s

    def _pool(self) -> None:
        """Believe of each filter beforehand what share of the nodes it fits."""
        shares = self.weights().sum(axis=(0, 2))
        prior = PRIOR_NODES * np.exp(self.model.log_prior)
        self.log_prior = np.log((shares + prior) / (shares.sum() + PRIOR_NODES))

    def _innovations(
        self, seen: Observation, means: Reals, covariances: Reals, noise: Reals
    ) -> Reals:
        weights = self.weights(seen.nodes)
        level, variance = self._mixed(means, covariances, weights)
        expected = variance + (weights.sum(axis=2) * noise).sum(axis=1)
        return np.asarray(_wrapped(seen.levels - level, self.model.period) / np.sqrt(expected))

    def _mixed(self, means: Reals, covariances: Reals, weights: Reals) -> tuple[Reals, Reals]:
        """Return level and variance over filters and branches; of a phase, direction and spread."""
        entries = self.model.seen_entry(0)
        return _mixed(means @ entries, covariances @ entries @ entries, weights, self.model.period)

    def _keep(self, seen: Observation, means: Reals, covariances: Reals, weights: Reals) -> None:
        """Add the branch in which the quantity is another one, and keep the likeliest.

        Branches a whole turn apart have one covariance: of these there are fewer than of means.
        """
        model, n_kept, n_turned = self.model, self.model.n_branches, means.shape[2]
        spread = model.period if math.isfinite(model.period) else model.jump_range
        density = math.log(model.jump_probability / spread)
        if seen.rates is not None:
            density -= math.log(model.jump_rate_range)
        before = np.logaddexp.reduce(self.log_weights[seen.nodes], axis=2)
        weights = np.concatenate([weights, (before + density)[..., None]], axis=2)
        kept = np.argpartition(-weights, n_kept - 1, axis=2)[..., :n_kept]
        weights = np.take_along_axis(weights, kept, axis=2)
        filters = np.logaddexp.reduce(weights, axis=2, keepdims=True)
        evidence = FORGETTING * (filters - filters.max(axis=1, keepdims=True))
        jumped = kept == n_turned
        kept = np.minimum(kept, n_turned - 1)
        means = np.take_along_axis(means, kept[..., None], axis=2)
        if n_kept > 1:
            kept = (kept % n_kept)[..., None, None]
            covariances = np.take_along_axis(covariances, kept, axis=2)
        which = np.flatnonzero(jumped.any(axis=(1, 2)))
        if len(which):
            node, chosen, branch = jumped[which].nonzero()
            fresh_means, fresh_covariances = self._first(seen.part(which))
            means[which[node], chosen, branch] = fresh_means[node, chosen]
            covariances[which[node], chosen, branch] = fresh_covariances[node, chosen]
        self.means[seen.nodes] = means
        self.covariances[seen.nodes] = covariances
        self.log_weights[seen.nodes] = weights - filters + evidence


_ARRAYS = (
    "times_s",
    "means",
    "covariances",
    "log_weights",
    "log_prior",
    "swing_scales",
    "swing_rates",
    "innovations",
)


def _corrected(covariances: Reals, entries: Reals, noise: Reals) -> tuple[Reals, Reals, Reals]:
    """Correct all branches by an observation of a sum of entries of the state.

    Returns:
        The gain by which what was not expected corrects the mean, the covariance then, and the
        variance of what was not expected.
    """
    column = covariances @ entries
    spread = np.maximum(column @ entries + noise, _LEAST_VARIANCE)
    gain = column / spread[..., None]
    return gain, covariances - gain[..., :, None] * column[..., None, :], spread


def _log_likelihood(off: Reals, spread: Reals) -> Reals:
    return np.asarray(-(off**2 / spread + np.log(2 * np.pi * spread)) / 2)


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
