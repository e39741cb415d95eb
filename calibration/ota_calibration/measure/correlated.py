r"""Mean or slope of observations that depend on each other: of fading paths, of walking offsets.

The observations are $y = X b + \sigma e$ with one coefficient of $b$ in question, and errors of
covariance

$$V_{ij} = (1 - \nu) \rho(|t_i - t_j| / \tau) + \nu \delta_{ij},$$

a part that is forgotten with the time constant $\tau$ and a part that is new each time. It is
forgotten as a rough process is, $\rho(a) = e^{-a}$, or as a smooth one, $(1 + a) e^{-a}$: Matern's
of order 3/2, because a fade of limited Doppler has a slope. Which it is, and $\tau$ and $\nu$, a
short series hardly tells: an estimate in their place makes intervals that are far too narrow. So
they are integrated out over a grid: $\nu$ evenly in its logarithm, $\tau$ evenly, because a series
that is short against its fades looks like one of small and short ones. With flat priors of $b$ and
$\log \sigma$ each point of the grid has the weight

$$|V|^{-1/2} |X^T V^{-1} X|^{-1/2} S^{-(n - p) / 2},$$

$S$ the generalised least squares' residual (the integrated likelihood of Berger, De Oliveira and
Sanso, J. American Statistical Association 96(456), 2001), and there the coefficient is Student's t
around its generalised least squares estimate. With a $\tau$ far beyond the series the errors are a
random walk and noise: that alone is assumed of an oscillator's offset.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import t as student

SHORTEST, LONGEST, WALK = 0.01, 10.0, 30.0
"""Least and largest time constant of a fade, and that of a walk, in lengths of the series: what
fades more slowly than `LONGEST` stands still in it."""

N_TIMES = 12
"""Time constants of a fade that are looked at."""

NEW_SHARES = (1.0, 0.5, 0.2, 0.05, 1e-2, 2e-3, 4e-4, 1e-4)
"""Shares of the variance that are new in each observation."""

CONFIDENCE, HELD = 0.98, 0.95
"""Share of the mixture that the interval holds, so that it holds the other one, as promised, at the
least favourable points of the grid and not only on their average."""

_LEAST_REST = 1e-12


Correlation: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class CorrelatedFit:
    """One coefficient of a fit to correlated observations.

    Attributes:
        value: Its mean.
        std: Such that Student's t with ``freedom`` gives the 95 % interval.
        freedom: Degrees of freedom.
    """

    value: float
    std: float
    freedom: int


def correlated_mean(times_s: Sequence[float], values: Sequence[float]) -> CorrelatedFit:
    """Return the mean of the process behind a series of at least 3 values."""
    constants = np.geomspace(SHORTEST, LONGEST, N_TIMES)
    return _fit(times_s, values, 0, constants, (rough, smooth))


def walking_slope(times_s: Sequence[float], values: Sequence[float]) -> CorrelatedFit:
    """Return the slope of the line behind a series of at least 4 values, a second."""
    return _fit(times_s, values, 1, np.array([WALK]), (rough,))


def rough(lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of a process without a slope, lags in its time constants."""
    return np.exp(-lags)


def smooth(lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of a process with a slope, lags in its time constants."""
    return (1 + lags) * np.exp(-lags)


def _fit(
    times_s: Sequence[float],
    values: Sequence[float],
    order: int,
    constants: NDArray[np.float64],
    correlations: Sequence[Correlation],
) -> CorrelatedFit:
    """Fit a polynomial and return its highest coefficient.

    Args:
        times_s: Of the values.
        values: One each.
        order: Of the polynomial.
        constants: Time constants that may be, in lengths of the series.
        correlations: Of lags in time constants, that may be.
    """
    time, value = np.asarray(times_s, np.float64), np.asarray(values, np.float64)
    time = time - time.mean()
    design = np.vander(time, order + 1, increasing=True)
    freedom = len(value) - order - 1
    plain = np.linalg.lstsq(design, value, rcond=None)[0]
    rest = value - design @ plain
    scale = float(np.sqrt(rest @ rest / freedom))
    if scale <= _LEAST_REST * max(float(np.max(np.abs(value))), _LEAST_REST):
        return CorrelatedFit(float(plain[-1]), 0.0, freedom)
    logs, centres, stds = _grid(time, value / scale, design, constants, correlations)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    centre = float(weights @ centres)
    half = _half_width(weights, centres - centre, stds, freedom)
    std = half / float(student.ppf((1 + HELD) / 2, freedom))
    return CorrelatedFit(centre * scale, std * scale, freedom)


def _grid(
    time: NDArray[np.float64],
    value: NDArray[np.float64],
    design: NDArray[np.float64],
    constants: NDArray[np.float64],
    correlations: Sequence[Correlation],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return log weight, estimate and deviation of the coefficient at every point of the grid."""
    apart = np.abs(time[:, None] - time)
    freedom = len(value) - design.shape[1]
    root = np.linalg.cholesky(_covariances(apart, constants, correlations))
    white = np.linalg.solve(root, np.column_stack([design, value])[None])  # root^-1 [X, y]
    regressors, observed = white[:, :, :-1], white[:, :, -1]
    information = regressors.transpose(0, 2, 1) @ regressors
    inverse = np.linalg.inv(information)
    moments = np.einsum("gnp,gn->gp", regressors, observed)
    coefficients = np.einsum("gpq,gq->gp", inverse, moments)
    rest = observed - np.einsum("gnp,gp->gn", regressors, coefficients)
    squares = np.einsum("gn,gn->g", rest, rest)
    logs = (
        -np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        - 0.5 * np.linalg.slogdet(information)[1]
        - 0.5 * freedom * np.log(squares)
        + np.tile(np.log(constants), len(NEW_SHARES) * len(correlations))
    )
    return logs, coefficients[:, -1], np.sqrt(squares / freedom * inverse[:, -1, -1])


def _covariances(
    apart: NDArray[np.float64],
    constants: NDArray[np.float64],
    correlations: Sequence[Correlation],
) -> NDArray[np.float64]:
    """Return the covariance at every point of the grid, shape ``(n_points, n, n)``."""
    lags = apart / (float(apart.max()) * constants[:, None, None])
    forgotten = np.concatenate([correlation(lags) for correlation in correlations])
    shares = np.array(NEW_SHARES)[:, None, None, None]
    mixed = (1 - shares) * forgotten + shares * np.eye(len(apart))
    return np.asarray(mixed.reshape(-1, *apart.shape))


def _half_width(
    weights: NDArray[np.float64],
    centres: NDArray[np.float64],
    stds: NDArray[np.float64],
    freedom: int,
) -> float:
    """Return how far from 0 the mixture holds `CONFIDENCE` of its weight."""

    def missing(half: float) -> float:
        inside = student.cdf((half - centres) / stds, freedom) - student.cdf(
            (-half - centres) / stds, freedom
        )
        return float(weights @ inside) - CONFIDENCE

    most = float(np.max(np.abs(centres) + 1e3 * stds))
    return float(brentq(missing, 0.0, most, xtol=1e-9 * most))
