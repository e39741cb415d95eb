"""What calibration lets one expect of paths before their first sounding.

An offset itself is of no use here: since it was measured it has drifted by more than one sounding
leaves open. How fast it drifts, how a radio's starts scatter, how fast a phase walks and a level
changes, stays.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ota_calibration.measure.measurement import Measurement
from ota_calibration.paths.motion import Likely

DRIFT_STD_HZ_PER_S = 15.0
"""10 ppm, by which a Pluto drifts with temperature, over 10 min of warming up, at 915 MHz; see
`sdr_ota.air.presets`."""

SOUNDING_S = 0.25
"""Time between two soundings for which a fade's turning counts as a walk: a round of real hosts."""

QUANTITIES: Mapping[str, str] = {
    "cfo_drift_hz_per_s": "cfo",
    "start_jitter_s": "timing",
    "phase_walk_rad2_per_s": "phase",
    "gain_change_per_s": "gain",
}
"""That a start is made from, each with the kind of calibration that measures it."""


@dataclass(frozen=True)
class PathStart:
    """How the paths of a bench move, as far as it is known before the first sounding.

    Where nothing is known of a noise there is nothing in its place.

    Attributes:
        drift_std_hz_per_s: Of the carrier offsets' drifts, about 0.
        start_variances_s2: Of a burst's start, of the node that scatters most.
        phase_walks_rad2_per_s: Growth of the phase's variance a second, one a node measured.
        gain_changes_per_s2: Mean square of the level's relative change a second, the same.
    """

    drift_std_hz_per_s: float = DRIFT_STD_HZ_PER_S
    start_variances_s2: tuple[Likely, ...] = ()
    phase_walks_rad2_per_s: tuple[Likely, ...] = ()
    gain_changes_per_s2: tuple[Likely, ...] = ()

    @classmethod
    def measured(cls, found: Mapping[str, Sequence[Measurement]]) -> "PathStart":
        """Return what measurements of a bench's nodes say; without them it is what is usual.

        Args:
            found: By name, of those in `QUANTITIES`. Of drifts the mean square of what they are
                and may be off counts, of start jitters the largest. A fade turns a phase as much
                as it changes the level: by so much more may a phase seem to walk, and without
                changes of level nothing is said of walks.
        """
        changes = [Likely.square(m.value, m.std) for m in found.get("gain_change_per_s", ())]
        faded = SOUNDING_S * fmean(c.value for c in changes) if changes else math.inf
        walks = [Likely(m.value, m.std + faded) for m in found.get("phase_walk_rad2_per_s", ())]
        squares = [drift.value**2 + drift.std**2 for drift in found.get("cfo_drift_hz_per_s", ())]
        drift_std = math.sqrt(sum(squares) / len(squares)) if squares else DRIFT_STD_HZ_PER_S
        jitters = sorted(found.get("start_jitter_s", ()), key=lambda jitter: jitter.value)
        return cls(
            drift_std,
            tuple(Likely.square(jitter.value, 0.0) for jitter in jitters[-1:]),
            tuple(walk for walk in walks if math.isfinite(walk.std)),
            tuple(changes),
        )
