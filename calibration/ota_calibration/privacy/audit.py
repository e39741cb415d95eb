r"""An empirical check of a privacy claim: can two neighbouring data sets be told apart too well?

Whoever tells them apart by a score with true positive rate $t$ and false positive rate $f$
shows that $\epsilon \ge \ln\frac{t - \delta}{f}$. With rates known from a finite number of
runs, the bound holds with a stated confidence if $t$ is replaced by a lower and $f$ by an
upper confidence bound. An audit can refute a claim; it can never prove one.

References:
    Jagielski, Ullman and Oprea, "Auditing Differentially Private Machine Learning: How
    Private is Private SGD?", NeurIPS 2020 (arXiv 2006.07709), for the bound by Clopper-Pearson
    intervals.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta


def epsilon_lower_bound(
    scores_with: NDArray[np.float64],
    scores_without: NDArray[np.float64],
    delta: float,
    confidence: float = 0.95,
) -> float:
    r"""Return an $\epsilon$ that the observed mechanism has at least, with ``confidence``.

    The threshold is chosen on the first half of the runs and judged on the second, so that
    choosing does not spoil the confidence.

    Args:
        scores_with: The distinguisher's score of every run on one data set, shape ``(n_runs,)``.
        scores_without: The same on the neighbouring data set.
        delta: $\delta$ of the claim.
        confidence: In (0, 1).

    Returns:
        Not negative; 0 if the runs do not tell the data sets apart.
    """
    half = min(len(scores_with), len(scores_without)) // 2
    tuned = (scores_with[:half], scores_without[:half])
    thresholds = np.quantile(np.concatenate(tuned), np.linspace(0.01, 0.99, 99))
    best = max(thresholds, key=lambda threshold: _bound(tuned, threshold, delta, confidence))
    return _bound((scores_with[half:], scores_without[half:]), best, delta, confidence)


def _bound(
    scores: tuple[NDArray[np.float64], NDArray[np.float64]],
    threshold: float,
    delta: float,
    confidence: float,
) -> float:
    """Return the larger of the bounds from both kinds of right answers."""
    above = [int(np.sum(part > threshold)) for part in scores]
    counts = [len(part) for part in scores]
    # Two rates in each of two directions: four intervals share the risk.
    risk = (1 - confidence) / 4
    with_, without = zip(above, counts, strict=True)
    below = [n - k for k, n in (with_, without)]
    bounds = (
        _log_ratio(_lower(*with_, risk) - delta, _upper(*without, risk)),
        _log_ratio(_lower(below[1], counts[1], risk) - delta, _upper(below[0], counts[0], risk)),
    )
    return max(0.0, *bounds)


def _log_ratio(rate: float, other: float) -> float:
    return math.log(rate / other) if rate > 0 else -math.inf


def _lower(n_hits: int, n_runs: int, risk: float) -> float:
    return float(beta.ppf(risk, n_hits, n_runs - n_hits + 1)) if n_hits else 0.0


def _upper(n_hits: int, n_runs: int, risk: float) -> float:
    return float(beta.ppf(1 - risk, n_hits + 1, n_runs - n_hits)) if n_hits < n_runs else 1.0
