"""What calibration lets one expect of paths before their first sounding.

An offset itself is of no use here: since it was measured it has drifted by more than one sounding
leaves open. How fast it drifts, and how a radio's starts scatter, stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ota_calibration.measure.measurement import Measurement

DRIFT_STD_HZ_PER_S = 15.0
"""10 ppm, by which a Pluto drifts with temperature, over 10 min of warming up, at 915 MHz; see
`sdr_ota.air.presets`."""


@dataclass(frozen=True)
class PathStart:
    """How the paths of a bench move, as far as it is known before the first sounding.

    Attributes:
        drift_std_hz_per_s: Of the carrier offsets' drifts, about 0.
        start_jitter_s: Standard deviation of a burst's start; None where nothing is known.
    """

    drift_std_hz_per_s: float = DRIFT_STD_HZ_PER_S
    start_jitter_s: float | None = None

    @classmethod
    def measured(cls, drifts: Sequence[Measurement], jitters: Sequence[Measurement]) -> "PathStart":
        """Return what measurements of a bench's nodes say; without them it is what is usual.

        Args:
            drifts: Of ``cfo_drift_hz_per_s``: the mean square of what they are and may be off.
            jitters: Of ``start_jitter_s``: the largest.
        """
        squares = [drift.value**2 + drift.std**2 for drift in drifts]
        drift_std = math.sqrt(sum(squares) / len(squares)) if squares else DRIFT_STD_HZ_PER_S
        return cls(drift_std, max((jitter.value for jitter in jitters), default=None))
