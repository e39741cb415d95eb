"""Random path gains of unit mean power, correlated from one round to the next.

A gain is constant over a block (a burst, a round). Its scattered part is a
complex Gaussian process that is drawn once, advanced over time, and combined
with a fixed part when the gain is needed.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.units import db_to_power

Gains: TypeAlias = NDArray[np.complex128]
"""Complex amplitude ratios, shape ``(n_paths,)``."""


def draw_scatter(n_paths: int, rng: np.random.Generator) -> Gains:
    """Draw independent circular complex Gaussian gains with E|g|^2 = 1.

    Args:
        n_paths: How many.
        rng: Source of randomness.

    Returns:
        Shape ``(n_paths,)``; by itself a Rayleigh fading gain.
    """
    return rng.standard_normal(2 * n_paths).view(np.complex128) * math.sqrt(0.5)


def advance_scatter(
    scatter: Gains, elapsed_s: float, coherence_time_s: float, rng: np.random.Generator
) -> Gains:
    """Let time pass: ``g' = r g + sqrt(1 - r^2) w``.

    Here ``r = exp(-elapsed_s / coherence_time_s)`` and ``w`` is a fresh draw. This
    Gauss-Markov rule keeps the unit mean power and gives the correlation
    ``E[g(t + d) conj(g(t))] = exp(-d / coherence_time_s)``: the coherence time is
    where it has fallen to 1/e. Advancing in one step or in many is the same
    process.

    Args:
        scatter: Gains of ``draw_scatter``, shape ``(n_paths,)``.
        elapsed_s: Time since they held, not negative.
        coherence_time_s: Positive; ``math.inf`` keeps them for ever.
        rng: Source of randomness.

    Returns:
        New gains of the same shape.

    Raises:
        ValueError: If a time is out of range.
    """
    if elapsed_s < 0.0 or not coherence_time_s > 0.0:
        raise ValueError(
            f"fading needs elapsed_s >= 0 and coherence_time_s > 0, "
            f"got {elapsed_s:g} s and {coherence_time_s:g} s"
        )
    correlation = math.exp(-elapsed_s / coherence_time_s)
    innovation = draw_scatter(scatter.size, rng)
    return correlation * scatter + math.sqrt(1.0 - correlation**2) * innovation


def rician_gains(scatter: Gains, rician_k_db: float) -> Gains:
    """Add a fixed part to the scattered part, at unit mean power.

    ``gain = sqrt(K / (K + 1)) + sqrt(1 / (K + 1)) * scatter`` with K the power
    of the fixed part over that of the scattered part. The fixed part has phase
    0: the path's own phase belongs to the oscillators. For several paths of one
    link use ``path_gains``.

    Args:
        scatter: Gains of ``draw_scatter`` or ``advance_scatter``.
        rician_k_db: K-factor in dB; ``-math.inf`` is Rayleigh fading,
            ``math.inf`` no fading.

    Returns:
        Gains of the same shape.
    """
    fixed, scattered = rician_amplitudes(rician_k_db)
    return fixed + scattered * scatter


def rician_amplitudes(rician_k_db: float) -> tuple[float, float]:
    """Return ``(sqrt(K / (K + 1)), sqrt(1 / (K + 1)))`` for K in dB, +-inf included.

    >>> rician_amplitudes(-math.inf)
    (0.0, 1.0)
    """
    scattered_power = 1.0 / (1.0 + db_to_power(rician_k_db))
    return math.sqrt(1.0 - scattered_power), math.sqrt(scattered_power)
