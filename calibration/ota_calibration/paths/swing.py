"""A smooth swing about a level: a process of bounded spread, as fading by moving scatterers is.

Its correlation over a lag t is Matérn's with smoothness 7/2, ``s = rate_per_s * t``:

    exp(-s) (1 + s + 2 s^2 / 5 + s^3 / 15)

(Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.1). It is the
smoothest of the family whose state is four numbers: the swing and three of its derivatives. What
moves it is white noise on the fourth (Hartikainen, Särkkä, Kalman filtering and smoothing solutions
to temporal Gaussian process regression models, MLSP 2010). A spectrum with an edge, as that of
Clarke's waves, has no finite state; seen through some noise, this is as good within a decibel
and leaves innovations that are nearly white, where a random walk takes a smooth fade for a rough
one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

N_STATES: Final = 4

_STATIONARY: Final = np.array(
    [[1, 0, -0.2, 0], [0, 0.2, 0, -0.2], [-0.2, 0, 0.2, 0], [0, -0.2, 0, 1]], np.float64
)
_NILPOTENT: Final = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [-1, -4, -6, -3]], float)
_FORCE: Final = 32 / 5
"""Intensity of the noise that keeps the variance at 1 where the rate is 1."""

_SHORT: Final = 0.02
"""Steps below this add so little noise that it is a difference of equal numbers."""


def correlation(lags: Reals) -> Reals:
    """Return that of a swing over lags in its time constants, not negative."""
    return np.asarray(np.exp(-lags) * (1 + lags + 2 * lags**2 / 5 + lags**3 / 15))


def stationary_covariance(rates_per_s: Reals) -> Reals:
    """Return the covariance of the state of a swing of variance 1, two axes more than the rates."""
    return _STATIONARY * _powers(rates_per_s)


def transition(rates_per_s: Reals, ahead_s: Reals) -> tuple[Reals, Reals]:
    """Return what becomes of the state, and the covariance of what is added to it.

    Args:
        rates_per_s: Of the swing, positive.
        ahead_s: Not negative; broadcast against the rates.

    Returns:
        Transition matrices, and covariances for a swing of variance 1; two axes more each.
    """
    steps = (rates_per_s * ahead_s)[..., None, None]
    moved = np.exp(-steps) * sum(
        np.linalg.matrix_power(_NILPOTENT, k) * steps**k / (1, 1, 2, 6)[k] for k in range(N_STATES)
    )
    added = _STATIONARY - moved @ _STATIONARY @ np.swapaxes(moved, -1, -2)
    left = N_STATES - 1 - np.arange(N_STATES)  # integrations from the noise to each entry
    factorials = np.array([1, 1, 2, 6])[left]
    order = left[:, None] + left[None, :] + 1
    short = _FORCE * steps**order / (order * np.outer(factorials, factorials))
    added = np.where(steps < _SHORT, short, added)
    entries = np.arange(N_STATES)
    scale = rates_per_s[..., None, None] ** (entries[:, None] - entries[None, :])
    return moved * scale, added * _powers(rates_per_s)


def _powers(rates_per_s: Reals) -> Reals:
    entries = np.arange(N_STATES)
    return np.asarray(rates_per_s[..., None, None] ** (entries[:, None] + entries[None, :]))
