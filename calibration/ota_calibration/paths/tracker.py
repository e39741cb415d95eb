"""How much the paths vary: measured by comparing each sounding with the one before.

A sounding's own precision says how well a path was known at that moment. Phase
noise, fading and start jitter then move it before the payload is sent; nothing but
the next sounding shows by how much.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from ota_calibration.paths.gain_step import GainStep, receiver_step
from sdr_ota.types import ChannelEstimate, TransmitPlan

MEMORY = 0.95
"""Weight of the past in the running means: about 20 soundings count."""

ASSUMED_BURSTS = 200
"""Bursts that are assumed to have arrived before the first: one lost burst is no rate yet."""

Sounding = Sequence[ChannelEstimate | None]


@dataclass(frozen=True)
class ChannelVariation:
    """How the paths vary, as running means over soundings and, unless stated, over nodes.

    Fading changes a complex gain by an amount that does not depend on the gain's present
    magnitude; the relative error that follows does. So the change is kept per node in units of
    squared gain, and `with_variation` divides it by the gain at the time of planning.

    Attributes:
        path_walk_per_s: Growth of the variance of a gain's magnitude in 1/s, in units of squared
            gain, without the noise of the soundings; one a node, NaN where not yet known.
        phase_walk_rad2_per_s: Growth of the phase error's variance, less what fading explains
            that changes a gain by the same amount along and across its direction. May be negative.
        delay_variance_s2: Variance of the change of a node's arrival.
        cfo_variance_hz2: Variance of a carrier offset's error beyond what the fits claim: phase
            noise inside a burst looks like an offset.
        loss_probability: Share of the bursts that did not come although their radios sent them in
            time, of nodes that the sounding before had received.
    """

    path_walk_per_s: tuple[float, ...] = ()
    phase_walk_rad2_per_s: float = 0.0
    delay_variance_s2: float = 0.0
    cfo_variance_hz2: float = 0.0
    loss_probability: float = 0.0


class PathTracker:
    """Keeps the last sounding and the variation measured so far.

    Attributes:
        latest: The last sounding; None for a node that was not received in it.
        step: The receiver's gain step that the last sounding showed; None if it showed none.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self._sample_rate_hz = sample_rate_hz
        self.latest: Sounding = ()
        self._known: Sounding = ()
        self._sums = np.zeros((0, 5))
        self._weights = np.zeros(0)
        self._expected = self._missed = 0
        self.step: GainStep | None = None

    def observe(self, sounding: Sounding, late_nodes: Collection[int] = ()) -> ChannelVariation:
        """Compare a sounding with the last one and return the variation by now.

        Args:
            sounding: One estimate a node.
            late_nodes: Nodes that are known not to have sent. In a round this is noticed and
                erases it: it is no loss.
        """
        self.step = receiver_step(self._known, sounding, self._sample_rate_hz)
        if not self._known:
            self._sums, self._weights = np.zeros((len(sounding), 5)), np.zeros(len(sounding))
        received_before = {k for k, estimate in enumerate(self.latest) if estimate is not None}
        for node, (before, now) in enumerate(zip(self._known, sounding, strict=False)):
            # A step of the receiver is no variation: the new sounding already contains it.
            if before is not None and now is not None and not self.step:
                change = _change(before, now, self._sample_rate_hz)
                self._sums[node] = MEMORY * self._sums[node] + (1 - MEMORY) * np.array(change)
                self._weights[node] = MEMORY * self._weights[node] + (1 - MEMORY)
            # A node that has gone is left out, and is no loss but the first time.
            if node in received_before and node not in late_nodes:
                self._expected += 1
                self._missed += now is None
        self.latest = tuple(sounding)
        self._known = tuple(now or before for before, now in zip_longest(self._known, sounding))
        return self._variation()

    def snapshot(self) -> dict[str, object]:
        """Return all that was learned, as plain data: numbers, lists, arrays."""
        return {
            "latest": [estimate and asdict(estimate) for estimate in self.latest],
            "known": [estimate and asdict(estimate) for estimate in self._known],
            "sums": self._sums.copy(),
            "weights": self._weights.copy(),
            "expected": self._expected,
            "missed": self._missed,
            "step": self.step and asdict(self.step),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of a tracker.
        """
        soundings = TypeAdapter(tuple[ChannelEstimate | None, ...])
        self.latest = soundings.validate_python(state["latest"])
        self._known = soundings.validate_python(state["known"])
        n_nodes = len(self._known)
        self._sums = np.array(state["sums"], np.float64).reshape(n_nodes, 5)
        self._weights = np.array(state["weights"], np.float64).reshape(n_nodes)
        self._expected, self._missed = int(state["expected"]), int(state["missed"])
        self.step = TypeAdapter(GainStep | None).validate_python(state["step"])

    def _variation(self) -> ChannelVariation:
        known = self._weights > 0
        if not known.any():
            return ChannelVariation()
        means = self._sums[known] / self._weights[known, None]
        along, across, power, delay, cfo = means.T
        path_walk = np.full(len(known), np.nan)
        path_walk[known] = along
        return ChannelVariation(
            tuple(path_walk.tolist()),
            float(np.mean((across - along) / power)),
            max(float(np.mean(delay)), 0.0),
            max(float(np.mean(cfo)), 0.0),
            self._missed / (self._expected + ASSUMED_BURSTS),
        )


def with_variation(plan: TransmitPlan, variation: ChannelVariation) -> TransmitPlan:
    """Return a plan with the errors that follow from the measured variation of the paths.

    The receiver samples where the lead node's burst arrives. Each of two nodes then
    differs from its own sounding by a change of ``delay_variance_s2``; the lead is
    never late against itself. Nor is its burst lost unnoticed: the round would be erased.
    """
    n_active = max(len(plan.active_nodes), 1)
    others = (n_active - 1) / n_active
    fading = _relative_walk_per_s(plan, variation.path_walk_per_s)
    return replace(
        plan,
        phase_walk_rad2_per_s=max(fading + variation.phase_walk_rad2_per_s, 0.0),
        amplitude_walk_per_s=max(fading, 0.0),
        timing_error_std_s=float(np.sqrt(2 * others * variation.delay_variance_s2)),
        cfo_error_std_hz=float(np.sqrt(plan.cfo_error_std_hz**2 + variation.cfo_variance_hz2)),
        loss_probability=others * variation.loss_probability,
    )


def _relative_walk_per_s(plan: TransmitPlan, path_walk_per_s: Sequence[float]) -> float:
    """Return the mean over the nodes that send of how fast their relative error grows."""
    walks = np.array(
        [
            walk * abs(precoder.gain / plan.rx_amplitude) ** 2  # the precoder inverts the gain
            for walk, precoder in zip(path_walk_per_s, plan.precoders, strict=False)
            if precoder.gain
        ]
    )
    known = walks[np.isfinite(walks)]
    return float(known.mean()) if len(known) else 0.0


def _change(
    before: ChannelEstimate, now: ChannelEstimate, sample_rate_hz: float
) -> tuple[float, float, float, float, float]:
    """Return how a path has changed between two soundings, without the soundings' own noise.

    Returns:
        Squared change along the gain and across it in 1/s, squared gain, squared change of the
        delay in s^2, squared error of the carrier offset in Hz^2.
    """
    elapsed_s = (now.measured_tick - before.measured_tick) / sample_rate_hz
    cfo_hz = (before.cfo_hz + now.cfo_hz) / 2
    expected = before.gain * np.exp(2j * np.pi * cfo_hz * elapsed_s)
    power = abs(now.gain * before.gain)
    noise = (now.gain_std**2 + before.gain_std**2) / 2
    # The squared difference of two offsets estimates the sum of their error variances. Their mean,
    # from which the expected phase is computed, has a quarter of that variance.
    jump = (now.cfo_hz - before.cfo_hz) ** 2
    carrier = (2 * np.pi * elapsed_s) ** 2 * jump / 4
    along = (abs(now.gain) - abs(before.gain)) ** 2 - noise
    across = power * (float(np.angle(now.gain / expected)) ** 2 - carrier) - noise
    delay = (now.delay_s - before.delay_s) ** 2 - now.delay_std_s**2 - before.delay_std_s**2
    cfo = (jump - before.cfo_std_hz**2 - now.cfo_std_hz**2) / 2
    return along / elapsed_s, across / elapsed_s, power, delay, cfo
