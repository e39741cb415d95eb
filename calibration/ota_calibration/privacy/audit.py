r"""An empirical check of a privacy claim: can two neighbouring data sets be told apart too well?

Many runs on each give a score, and rates of right and wrong answers that are known from so many
runs: bounded on the safe side (Clopper and Pearson), they refute a claim that does not allow them,
with a stated confidence. An audit can refute a claim; it can never prove one.

Two readings of the rates $t$ (true positives) and $f$ (false positives). A promise of $\epsilon$
and $\delta$ allows $t \le e^\epsilon f + \delta$ and no more: to break it takes noise that is far
too small. The Gaussian mechanism that keeps it is $\mu$-Gaussian private and allows
$t \le \Phi(\Phi^{-1}(f) + \mu)$; that is broken by noise that is a little too small.

References:
    Jagielski, Ullman and Oprea, "Auditing Differentially Private Machine Learning: How
    Private is Private SGD?", NeurIPS 2020 (arXiv 2006.07709), for epsilon.
    Dong, Roth and Su, "Gaussian Differential Privacy", Journal of the Royal Statistical Society B
    84, 2022 (arXiv 1905.02383), for what mu allows.
    Nasr, Hayes, Steinke, Balle, Tramer, Jagielski, Carlini and Terzis, "Tight Auditing of
    Differentially Private Machine Learning", USENIX Security 2023 (arXiv 2302.07956), for mu
    from both rates.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import beta

Reals: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64] | int


@dataclass(frozen=True, slots=True)
class ToldApart:
    """How well two data sets were told apart for certain.

    Attributes:
        true_positives: The rate of scores above the threshold with the one data set, at least.
        false_positives: That rate with the other, at most.
    """

    true_positives: float
    false_positives: float

    @property
    def mu(self) -> float:
        r"""$\mu$ of Gaussian privacy that the mechanism has at least; 0 if nothing was told."""
        return max(float(ndtri(self.true_positives) - ndtri(self.false_positives)), 0.0)


def told_apart(
    scores_with: Reals,
    scores_without: Reals,
    threshold: float = 0.0,
    confidence: float = 0.95,
) -> ToldApart:
    """Return how well a threshold tells two data sets apart.

    Args:
        scores_with: The distinguisher's score of every run on one data set, shape ``(n_runs,)``.
        scores_without: The same on the neighbouring data set.
        threshold: Of the scores; chosen before they were seen. The middle between the means tells
            Gaussians apart best.
        confidence: Chance that both rates are as stated, in (0, 1).
    """
    risk = (1 - confidence) / 2
    hits, alarms = (int(np.sum(part > threshold)) for part in (scores_with, scores_without))
    true_positives = _lower(hits, len(scores_with), risk)
    return ToldApart(float(true_positives), float(_upper(alarms, len(scores_without), risk)))


def rate_lower_bound(n_hits: int, n_runs: int, confidence: float = 0.95) -> float:
    """Return a rate that something has at least that happened so often.

    Args:
        n_hits: How often it did.
        n_runs: How often it could have.
        confidence: In (0, 1).
    """
    return float(_lower(n_hits, n_runs, 1 - confidence))


def epsilon_lower_bound(
    scores_with: Reals,
    scores_without: Reals,
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
    best = thresholds[[np.argmax(_bounds(tuned, thresholds, delta, confidence))]]
    judged = (scores_with[half:], scores_without[half:])
    return float(_bounds(judged, best, delta, confidence)[0])


def _bounds(
    scores: tuple[Reals, Reals], thresholds: Reals, delta: float, confidence: float
) -> Reals:
    """Return, for every threshold, the larger of the bounds from both kinds of right answers."""
    above = [np.sum(part[:, np.newaxis] > thresholds, axis=0) for part in scores]
    counts = [len(part) for part in scores]
    # Two rates in each of two directions: four intervals share the risk.
    risk = (1 - confidence) / 4
    with_, without = zip(above, counts, strict=True)
    below = [n - k for k, n in (with_, without)]
    bounds = (
        _log_ratios(_lower(*with_, risk) - delta, _upper(*without, risk)),
        _log_ratios(_lower(below[1], counts[1], risk) - delta, _upper(below[0], counts[0], risk)),
    )
    return np.maximum(np.maximum(*bounds), 0.0)


def _log_ratios(rates: Reals, others: Reals) -> Reals:
    return np.log(np.maximum(rates, np.finfo(float).tiny) / others)


def _lower(n_hits: Counts, n_runs: int, risk: float) -> Reals:
    return np.where(n_hits > 0, beta.ppf(risk, np.maximum(n_hits, 1), n_runs - n_hits + 1), 0.0)


def _upper(n_hits: Counts, n_runs: int, risk: float) -> Reals:
    misses = n_runs - n_hits
    return np.where(misses > 0, beta.ppf(1 - risk, n_hits + 1, np.maximum(misses, 1)), 1.0)
