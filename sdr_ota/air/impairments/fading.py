"""Random path gains of unit mean power, correlated from one round to the next.

A gain is constant over a block (a burst, a round). Its scattered part is a
complex process, Gaussian or close to it, that is drawn once, taken at the time
of the block, and combined with a fixed part when the gain is needed. There are
two: plane waves from all around (``draw_waves``, ``clarke_gains``), whose
Doppler spectrum is bounded, and the Gauss-Markov rule (``draw_scatter``,
``advance_scatter``), whose spectrum is not.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.units import db_to_power

Gains: TypeAlias = NDArray[np.complex128]
"""Complex amplitude ratios, shape ``(n_paths,)``."""

N_WAVES: Final = 32
"""Plane waves that make one gain: E|g|^4 is 2 - 1/32, that of a Gaussian one is 2."""

_BESSEL_1_OVER_E: Final = 1.7519874224716456
"""Where J0 has fallen to 1/e, to double precision; a test solves for it."""


@dataclass(frozen=True, slots=True)
class PlaneWaves:
    """Waves that reach a moving receiver, ``N_WAVES`` for each gain.

    Attributes:
        angles_rad: Angles of arrival to the direction of motion, shape ``(n_paths, N_WAVES)``.
        phases_rad: Phases at time 0, same shape.
    """

    angles_rad: NDArray[np.float64]
    phases_rad: NDArray[np.float64]


def doppler_of_coherence(coherence_time_s: float) -> float:
    """Return the largest Doppler shift, in Hz, of waves with this coherence time.

    The correlation ``J0(2 pi doppler_hz lag_s)`` of ``clarke_gains`` is 1/e at
    ``lag_s = coherence_time_s``, for the first time.

    Args:
        coherence_time_s: Positive; ``math.inf`` gives 0 Hz.

    Raises:
        ValueError: If ``coherence_time_s`` is not positive.

    >>> round(doppler_of_coherence(1.0), 4)
    0.2788
    """
    if not coherence_time_s > 0.0:
        raise ValueError(f"fading needs coherence_time_s > 0, got {coherence_time_s:g} s")
    return _BESSEL_1_OVER_E / (2.0 * math.pi * coherence_time_s)


def draw_waves(n_paths: int, rng: np.random.Generator) -> PlaneWaves:
    """Draw the waves of independent gains: angles and phases all uniform over the circle."""
    angles, phases = 2.0 * math.pi * rng.random((2, n_paths, N_WAVES))
    return PlaneWaves(angles, phases)


def clarke_gains(waves: PlaneWaves, time_s: float, doppler_hz: float) -> Gains:
    """Return ``N_WAVES^-1/2 sum_n exp(j (2 pi doppler_hz time_s cos(angle_n) + phase_n))``.

    Waves of equal power from all around, with independent uniform angles and
    phases: R. H. Clarke, "A statistical theory of mobile-radio reception", Bell
    System Technical Journal 47 (1968). Over the draws E|g|^2 = 1, the
    correlation ``E[g(t + lag) conj(g(t))]`` is exactly ``J0(2 pi doppler_hz lag)``
    for any number of waves, and no frequency lies beyond ``doppler_hz``. One
    draw keeps its own angles: its average over time is near that, not equal.

    Args:
        waves: What ``draw_waves`` drew.
        time_s: Any time; the gains are a function of it.
        doppler_hz: Largest Doppler shift, not negative (``doppler_of_coherence``).

    Returns:
        Shape ``(n_paths,)``; by itself Rayleigh fading.
    """
    turn_rad = 2.0 * math.pi * doppler_hz * time_s
    turned = np.exp(1j * (turn_rad * np.cos(waves.angles_rad) + waves.phases_rad))
    gains: Gains = turned.sum(axis=1) / math.sqrt(N_WAVES)
    return gains


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
        scatter: Gains of ``clarke_gains``, ``draw_scatter`` or ``advance_scatter``.
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
