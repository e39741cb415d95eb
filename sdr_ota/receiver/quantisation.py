"""What the steps of a converter hide of weak noise, and add to it while a signal is there.

Noise far below a step mostly rounds to 0: a silent slot shows less of it than a payload holds,
where the signal carries it over the steps and rounding adds a twelfth of a squared step to each
part (Widrow and Kollar, Quantization Noise, 2008, chapters 1 and 4).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.types import Samples

Reals = NDArray[np.float64]

ON_GRID = 1e-2
"""Of a step, that values of a converter may lie beside its multiples: numbers of 32 bits."""

LEAST_SHARED = 4
"""Samples for each value that occurs, at least: numbers without steps hardly repeat."""

DITHERED = 1.0
"""Standard deviation in steps, of noise of which a silent slot shows all."""


def converter_step(samples: Samples) -> float:
    """Return the distance of the values that a converter gives; 0 where samples have no steps.

    Args:
        samples: With a signal in them.
    """
    parts = np.concatenate([samples.real, samples.imag]).astype(np.float64)
    values = np.unique(parts)
    if len(values) < 2 or len(values) * LEAST_SHARED > len(parts):
        return 0.0
    if not np.isfinite(values[[0, -1]]).all():
        return 0.0
    largest, nearest = float(np.abs(values).max()), float(np.diff(values).min())
    step = largest / max(round(largest / nearest), 1)
    off = values / step - np.round(values / step)
    return step if float(np.abs(off).max()) < ON_GRID else 0.0


def noise_behind_steps(silent_power: float, step: float) -> float:
    """Return the noise power that a sample of a payload holds, rounding included.

    Args:
        silent_power: Of a sample where nobody sends, after the converter.
        step: Of the converter; 0 for none.
    """
    if step == 0.0 or silent_power == 0.0:
        return silent_power
    shown, held = _shown_and_held()
    of_a_part = silent_power / (2 * step**2)
    if of_a_part > shown[-1]:
        return silent_power
    return float(np.interp(of_a_part, shown, held)) * 2 * step**2


@lru_cache(maxsize=1)
def _shown_and_held() -> tuple[Reals, Reals]:
    """Return powers in squared steps: of rounded noise alone, and of noise and rounding."""
    std, steps = np.linspace(0.05, DITHERED, 100), np.arange(1, 8)
    beyond = stats.norm.sf((steps - 0.5) / std[:, np.newaxis])
    # The sum of k^2 P(k) over both signs, by parts: each step passed adds 2 k - 1.
    shown = 2 * (beyond * (2 * steps - 1)).sum(axis=1)
    return np.asarray(shown), std**2 + 1 / 12
