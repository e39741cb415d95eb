"""How strong samples are: power, peak, clipping, DC offset.

0 dBFS is the power of a complex tone whose amplitude is full scale, 1.0.
"""

from dataclasses import dataclass

import numpy as np

from sdr_ota.types import Samples
from sdr_ota.units import amplitude_to_db, power_to_db

FULL_SCALE = 127 / 128
"""Of either part of a sample: the largest that eight bits hold, and what a wider one exceeds."""


@dataclass(frozen=True, slots=True)
class Level:
    """The level of samples.

    Attributes:
        power_dbfs: Mean power, the DC offset included; minus infinity for silence.
        peak: Largest amplitude, full scale 1.0.
        clipped_share: Of the samples, those of which a part is at full scale, 0 to 1.
        dc_dbfs: Power of the mean.
    """

    power_dbfs: float
    peak: float
    clipped_share: float
    dc_dbfs: float

    @property
    def peak_dbfs(self) -> float:
        """The largest amplitude in dB over full scale."""
        return amplitude_to_db(self.peak)


def level_of(samples: Samples) -> Level:
    """Measure samples.

    Args:
        samples: Shape ``(n_samples,)``, at least one.

    >>> level = level_of(np.full(100, 0.1 + 0j, np.complex64))
    >>> round(level.power_dbfs, 3), round(level.dc_dbfs, 3)
    (-20.0, -20.0)
    """
    squares = samples.real.astype(np.float64) ** 2 + samples.imag.astype(np.float64) ** 2
    largest_part = np.maximum(np.abs(samples.real), np.abs(samples.imag))
    return Level(
        power_dbfs=power_to_db(float(np.mean(squares))),
        peak=float(np.sqrt(np.max(squares))),
        clipped_share=float(np.mean(largest_part >= FULL_SCALE)),
        dc_dbfs=power_to_db(abs(complex(np.mean(samples, dtype=np.complex128))) ** 2),
    )
