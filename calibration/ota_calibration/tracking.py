"""How much the paths wander: measured by comparing each sounding with the one before.

A sounding's own precision says how well a path was known at that moment. Phase
noise, fading and start jitter then move it before the payload is sent; nothing but
the next sounding shows by how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from ota_calibration.gain_step import GainStep, receiver_step
from sdr_ota.types import ChannelEstimate, TransmitPlan

MEMORY = 0.95
"""Weight of the past in the running means: about 20 soundings count."""

ASSUMED_BURSTS = 200
"""So many bursts are taken to have come before: the first one lost is no rate yet."""

Sounding = Sequence[ChannelEstimate | None]


@dataclass(frozen=True)
class Wander:
    """Running means over nodes and soundings.

    Attributes:
        phase_walk_rad2_per_s: Growth of the phase error's variance with time, beyond
            what the soundings' noise explains.
        amplitude_walk_per_s: The same for the relative amplitude.
        delay_variance_s2: Variance of the change of a node's arrival.
        loss_probability: Share of the bursts that did not come, of nodes that the sounding before
            had heard.
    """

    phase_walk_rad2_per_s: float = 0.0
    amplitude_walk_per_s: float = 0.0
    delay_variance_s2: float = 0.0
    loss_probability: float = 0.0


class PathTracker:
    """Keeps the last sounding and the wander measured so far.

    Attributes:
        step: The receiver's gain step that the last sounding showed; None if it showed none.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._last: Sounding = ()
        self._was_heard: tuple[bool, ...] = ()
        self._sums = np.zeros(3)
        self._weight = 0.0
        self._expected = self._missed = 0
        self.step: GainStep | None = None

    @property
    def latest(self) -> Sounding:
        """What is known of every node: the last estimate, if there ever was one."""
        return self._last

    def observe(self, sounding: Sounding) -> Wander:
        """Compare a sounding with the last one and return the wander by now."""
        pairs = zip(self._last, sounding, strict=False)
        self.step = receiver_step(self._last, sounding, self._sample_rate_hz)
        # A step of the receiver is no wander: the new sounding already contains it.
        changes = (
            []
            if self.step
            else [
                _change(before, now, self._sample_rate_hz)
                for before, now in pairs
                if before is not None and now is not None
            ]
        )
        # A node that has gone is left out, and is no loss but the first time.
        due = [now for heard, now in zip(self._was_heard, sounding, strict=False) if heard]
        self._expected += len(due)
        self._missed += sum(now is None for now in due)
        self._was_heard = tuple(now is not None for now in sounding)
        self._last = tuple(now or before for before, now in zip_longest(self._last, sounding))
        if changes:
            self._sums = MEMORY * self._sums + (1 - MEMORY) * np.mean(changes, axis=0)
            self._weight = MEMORY * self._weight + (1 - MEMORY)
        if not self._weight:
            return Wander()
        phase, amplitude, delay = np.maximum(self._sums / self._weight, 0.0)
        return Wander(
            float(phase),
            float(amplitude),
            float(delay),
            self._missed / (self._expected + ASSUMED_BURSTS),
        )


def with_wander(plan: TransmitPlan, wander: Wander) -> TransmitPlan:
    """Return a plan that expects the paths to wander as they have been seen to.

    The receiver samples where the lead node's burst arrives. Each of two nodes then
    differs from its own sounding by a change of ``delay_variance_s2``; the lead is
    never late against itself.
    """
    n_active = max(len(plan.active_nodes), 1)
    others = (n_active - 1) / n_active
    return replace(
        plan,
        phase_walk_rad2_per_s=wander.phase_walk_rad2_per_s,
        amplitude_walk_per_s=wander.amplitude_walk_per_s,
        timing_error_std_s=float(np.sqrt(2 * others * wander.delay_variance_s2)),
        loss_probability=wander.loss_probability,
    )


def _change(
    before: ChannelEstimate, now: ChannelEstimate, sample_rate_hz: float
) -> tuple[float, float, float]:
    """Return the squared changes of phase and amplitude a second, and of the delay."""
    elapsed_s = (now.measured_tick - before.measured_tick) / sample_rate_hz
    cfo_hz = (before.cfo_hz + now.cfo_hz) / 2
    expected = before.gain * np.exp(2j * np.pi * cfo_hz * elapsed_s)
    noise = (now.gain_std / abs(now.gain)) ** 2 / 2 + (before.gain_std / abs(before.gain)) ** 2 / 2
    carrier = (2 * np.pi * elapsed_s) ** 2 * (before.cfo_std_hz**2 + now.cfo_std_hz**2) / 4
    phase = float(np.angle(now.gain / expected)) ** 2 - noise - carrier
    # What a node that was told to invert the old gain arrives with: a path that comes out of a
    # fade is far too loud, which the logarithm would hide.
    amplitude = float(abs(now.gain / before.gain) - 1) ** 2 - noise
    delay = (now.delay_s - before.delay_s) ** 2 - now.delay_std_s**2 - before.delay_std_s**2
    return phase / elapsed_s, amplitude / elapsed_s, delay
