"""Complex gain of a path, and the jump that a receiver gain step brings."""

import cmath
import math

import numpy as np

from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude


def apply_gain(samples: Samples, gain: complex) -> Samples:
    """Return ``gain * samples``.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        gain: Complex amplitude ratio (linear, not decibels).

    Returns:
        A new array of the same shape.
    """
    return samples * np.complex64(gain)


def apply_gain_step(
    samples: Samples, step_sample: int, step_db: float = 1.0, phase_jump_deg: float = 177.0
) -> Samples:
    """Multiply everything from ``step_sample`` on by one complex factor.

    The defaults are one AD9361 receive-gain step from 33 to 34 dB, which turned
    the phase by 177.6 and by 176.9 degrees in two runs (public logs of
    techtile-by-dramco/NI-B210-Sync, experiments 01 and 02, recomputed).

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        step_sample: First sample with the new gain; at or before 0 all have it,
            at or after ``n_samples`` none has.
        step_db: New gain over old gain, in dB.
        phase_jump_deg: Phase of the new gain over the old, in degrees.

    Returns:
        A new array of the same shape.
    """
    factor = cmath.rect(db_to_amplitude(step_db), math.radians(phase_jump_deg))
    stepped = samples.copy()
    stepped[max(step_sample, 0) :] *= np.complex64(factor)
    return stepped
