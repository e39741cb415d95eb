r"""Exact privacy of rounds that each add Gaussian noise, without subsampling.

Round t moves the observed mean by at most $\Delta_t$ under noise of standard
deviation $\sigma_t$. All rounds together are as hard to tell apart as
$\mathcal N(0, 1)$ and $\mathcal N(\mu, 1)$ with
$\mu^2 = \sum_t (\Delta_t / \sigma_t)^2$, whatever the single noises, and

$$\delta(\epsilon) = \Phi(-\epsilon/\mu + \mu/2) - e^\epsilon \Phi(-\epsilon/\mu - \mu/2).$$

Noise levels may follow public data such as channel gains. Levels that follow
earlier noisy results need $\mu^2$ kept as a running total with a limit, which
:mod:`ota_calibration.privacy.ledger` does.

References:
    Balle and Wang, "Improving the Gaussian Mechanism for Differential Privacy:
    Analytical Calibration and Optimal Denoising", ICML 2018 (arXiv 1805.06530),
    for $\delta(\epsilon)$.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr


def composed_mu(round_mu: NDArray[np.float64]) -> float:
    r"""Return $\mu = \sqrt{\sum_t \mu_t^2}$.

    Args:
        round_mu: $\mu_t = \Delta_t / \sigma_t$, shape ``(n_rounds,)``, not negative.

    >>> composed_mu(np.array([3.0, 4.0]))
    5.0
    """
    return float(np.linalg.norm(round_mu))


def gaussian_delta(mu: float, epsilon: float) -> float:
    r"""Return $\delta(\epsilon)$ of a run with parameter ``mu``.

    Args:
        mu: Not negative; ``inf`` means no noise.
        epsilon: Not negative.
    """
    if not (mu >= 0 and epsilon >= 0):
        raise ValueError(f"mu = {mu} and epsilon = {epsilon} must be zero or more")
    if mu == 0 or math.isinf(epsilon):
        return 0.0
    if math.isinf(mu):
        return 1.0
    return math.exp(_log_delta(mu, epsilon))


def gaussian_epsilon(mu: float, delta: float) -> float:
    r"""Return the least $\epsilon$ with $\delta(\epsilon) \le$ ``delta``.

    Args:
        mu: Not negative; ``inf`` means no noise and gives ``inf``.
        delta: In (0, 1).
    """
    _check_delta(delta)
    if math.isinf(mu):
        return math.inf
    if gaussian_delta(mu, 0.0) <= delta:
        return 0.0
    # Beyond this, already the first term is below delta.
    largest = mu**2 / 2 + mu * math.sqrt(2 * math.log(1 / delta))
    root = brentq(lambda epsilon: _log_delta(mu, epsilon) - math.log(delta), 0.0, largest)
    return float(root)


def largest_mu(epsilon: float, delta: float) -> float:
    r"""Return $\mu_\star$, the largest ``mu`` that keeps ($\epsilon$, $\delta$).

    Args:
        epsilon: Not negative.
        delta: In (0, 1).

    >>> round(largest_mu(5.0, 0.01), 3)
    1.756
    """
    _check_delta(delta)
    if not 0 <= epsilon < math.inf:
        raise ValueError(f"epsilon = {epsilon} must be zero or more and finite")
    upper = 1.0
    while gaussian_delta(upper, epsilon) < delta:
        upper *= 2.0
    lower = upper
    while gaussian_delta(lower, epsilon) > delta:
        lower /= 2.0
    root = brentq(lambda mu: _log_delta(mu, epsilon) - math.log(delta), lower, upper, rtol=1e-14)
    return float(root)


def _log_delta(mu: float, epsilon: float) -> float:
    """Logarithm of delta(epsilon): the two terms are nearly equal where mu is small."""
    first = float(log_ndtr(-epsilon / mu + mu / 2))
    ratio = epsilon + float(log_ndtr(-epsilon / mu - mu / 2)) - first
    return first + math.log(-math.expm1(ratio)) if ratio < 0 else -math.inf


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise ValueError(f"delta = {delta} must lie strictly between 0 and 1")
