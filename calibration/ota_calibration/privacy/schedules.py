r"""Schedules: how loud each round is received, so that the run keeps its privacy.

A schedule is an array of received peak SNR $q_t$ (see
:mod:`ota_calibration.privacy.peak_snr`), shape ``(n_rounds,)``, with
$0 \le q_t \le q_t^\text{max}$ (power) and $\sum_t q_t \le Q$ (privacy). All of
these know every channel in advance; :mod:`ota_calibration.privacy.online_schedule` does
not. A round with $q_t = 0$ carries nothing and is to be skipped.

References:
    arXiv 2604.12401v1, Theorems 3 and 4. Theorem 4 is used as water-filling in
    time: its printed form lacks the positive part and then has no solution when
    the power limit is slack.
"""

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

# Relative part of the budget left unspent, so that no order of summation exceeds it.
BUDGET_MARGIN = 1e-12

# exp() of more than this overflows; every such level lies above its cap anyway.
LARGEST_EXPONENT = 700.0

Levels = NDArray[np.float64]


def static(max_peak_snr: Levels, snr_budget: float) -> Levels:
    r"""Return one level for all rounds, $q_t = \min\{\kappa, q_t^\text{max}\}$.

    Without a binding power limit this is the even split $Q/T$ (eq. 40); what a
    weak round cannot use goes to the others. Best for $\min \sum_t 1/q_t$.

    Args:
        max_peak_snr: $q_t^\text{max}$, shape ``(n_rounds,)``.
        snr_budget: $Q$.

    >>> static(np.array([10.0, 1.0, 10.0]), 6.0).round(9).tolist()
    [2.5, 1.0, 2.5]
    """
    return solution(max_peak_snr, snr_budget, contraction=1.0)


def solution(max_peak_snr: Levels, snr_budget: float, contraction: float) -> Levels:
    r"""Return Theorem 3: $q_t = \min\{\kappa A^{-t/2}, q_t^\text{max}\}$.

    Minimises $\sum_t A^{-t} / q_t$, the noise that reaches the last model when
    every round shrinks earlier errors by $A$; so later rounds are louder.

    Args:
        max_peak_snr: $q_t^\text{max}$, shape ``(n_rounds,)``.
        snr_budget: $Q$.
        contraction: $A$ per round, in (0, 1]; the paper measured 0.998.
    """
    _check_contraction(contraction)
    return _fill(_log_weights(len(max_peak_snr), contraction), 0.0, max_peak_snr, snr_budget)


def sign_solution(
    max_peak_snr: Levels,
    snr_budget: float,
    contraction: float,
    n_clients: int,
    sign_error: float,
) -> Levels:
    r"""Return Theorem 4: $q_t = \min\{[\kappa A^{-t/2} - 1/B]^+, q_t^\text{max}\}$.

    Minimises $\sum_t A^{-t} \frac{B_1 q_t + 1}{B q_t + 1}$, the bound on the
    probability of a wrong majority, with $B_1 = 4 K e (1 - e)$ and
    $B = B_1 + K^2 (1 - 2e)^2$. Most rounds may come out silent.

    Args:
        max_peak_snr: $q_t^\text{max}$, shape ``(n_rounds,)``.
        snr_budget: $Q$.
        contraction: $A$ per round, in (0, 1].
        n_clients: $K$.
        sign_error: $e$, largest probability that a client's sign is wrong, in [0, 1/2].
    """
    _check_contraction(contraction)
    wrong_votes = 4.0 * n_clients * sign_error * (1.0 - sign_error)
    curvature = wrong_votes + (n_clients * (1.0 - 2.0 * sign_error)) ** 2
    log_weights = _log_weights(len(max_peak_snr), contraction)
    return _fill(log_weights, 1.0 / curvature, max_peak_snr, snr_budget)


def reversed_solution(max_peak_snr: Levels, snr_budget: float, contraction: float) -> Levels:
    r"""Return $q_t = \min\{\kappa A^{t/2}, q_t^\text{max}\}$: Theorem 3 with time reversed.

    The paper's counter-example, loud rounds first; arguments as of :func:`solution`.
    """
    _check_contraction(contraction)
    return _fill(-_log_weights(len(max_peak_snr), contraction), 0.0, max_peak_snr, snr_budget)


def reversed_sign_solution(
    max_peak_snr: Levels,
    snr_budget: float,
    contraction: float,
    n_clients: int,
    sign_error: float,
) -> Levels:
    r"""Return Theorem 4 with time reversed: $A^{-t}$ becomes $A^t$, the paper's counter-example.

    Arguments as of :func:`sign_solution`. The last rounds may come out silent.
    """
    backwards = sign_solution(max_peak_snr[::-1], snr_budget, contraction, n_clients, sign_error)
    return backwards[::-1]


def full_power(max_peak_snr: Levels, snr_budget: float) -> Levels:
    r"""Return $q_t = q_t^\text{max}$ until the budget is spent, silence afterwards.

    Where privacy is free ($\sum_t q_t^\text{max} \le Q$, the first case of
    Theorem 3) every schedule equals this one.

    >>> full_power(np.array([2.0, 2.0, 2.0]), 3.0).round(9).tolist()
    [2.0, 1.0, 0.0]
    """
    caps, budget = _limits(max_peak_snr, snr_budget)
    spent_before = np.concatenate(([0.0], np.cumsum(caps)[:-1]))
    levels: Levels = np.clip(budget - spent_before, 0.0, caps)
    return levels


def _fill(log_weights: Levels, offset: float, max_peak_snr: Levels, snr_budget: float) -> Levels:
    r"""Return $\mathrm{clip}(\kappa w_t - o, 0, q_t^\text{max})$ that spends the budget.

    The spend is piecewise linear in the water level $\kappa$, so the segment
    between two neighbouring kinks is found by bisection and the levels are
    interpolated in it: exact, and convex combinations keep the caps. Kinks are
    kept as logarithms because $A^{-t/2}$ overflows in long runs.
    """
    caps, budget = _limits(max_peak_snr, snr_budget)
    if caps.sum() <= budget:
        return caps
    kinks = np.sort(_kinks(caps, offset, log_weights))

    def levels(kink: int) -> Levels:
        if kink < 0:
            return np.zeros_like(caps)
        exponents = np.minimum(kinks[kink] + log_weights, LARGEST_EXPONENT)
        filled: Levels = np.clip(np.exp(exponents) - offset, 0.0, caps)
        return filled

    above = bisect_left(range(len(kinks) - 1), budget, key=lambda kink: float(levels(kink).sum()))
    low, high = levels(above - 1), levels(above)
    share = (budget - low.sum()) / (high.sum() - low.sum())
    filled: Levels = low + min(share, 1.0) * (high - low)
    return filled


def _kinks(caps: Levels, offset: float, log_weights: Levels) -> Levels:
    """Return the logarithms of the water levels where a round starts or reaches its cap."""
    with np.errstate(divide="ignore"):
        starts = np.log(offset) - log_weights
        full = np.log(caps + offset) - log_weights
    return np.concatenate((starts, full))


def _limits(max_peak_snr: Levels, snr_budget: float) -> tuple[Levels, float]:
    """Return finite caps (no round may pass the whole budget) and the budget less its margin."""
    if not snr_budget >= 0:
        raise ValueError(f"snr_budget = {snr_budget} must be zero or more")
    if not np.all(max_peak_snr >= 0):
        raise ValueError("max_peak_snr holds a negative value or NaN; use 0 for a silent round")
    if math.isinf(snr_budget):
        return max_peak_snr, snr_budget
    budget = snr_budget * (1.0 - BUDGET_MARGIN)
    return np.minimum(max_peak_snr, budget), budget


def _log_weights(n_rounds: int, contraction: float) -> Levels:
    return np.arange(n_rounds, dtype=np.float64) * (-0.5 * math.log(contraction))


def _check_contraction(contraction: float) -> None:
    if not 0.0 < contraction <= 1.0:
        raise ValueError(f"contraction = {contraction} must lie in (0, 1]")
