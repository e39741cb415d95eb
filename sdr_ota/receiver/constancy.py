"""Whether values that were sent alike have arrived alike, from the first to the last."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_PARTS = 8
LEAST_IN_PART = 8


def constancy(values: NDArray[np.float64], allowed_variance: float = 0.0) -> float:
    """Return the probability that values of one mean would differ as much between their parts.

    Analysis of variance: the means of consecutive parts are compared with the spread within the
    parts (F test; Casella and Berger, Statistical Inference, section 11.2). Values need not be
    Gaussian: their means over a part nearly are.

    Args:
        values: In the order in which they arrived, shape ``(n_values,)``.
        allowed_variance: By which the mean may move from part to part.

    Returns:
        From 0 to 1; 1 for fewer than two parts of 8 values.
    """
    return _analysis(values, allowed_variance)[0]


def moved_variance(values: NDArray[np.float64], chance: float) -> float:
    """Return the variance of the parts' mean that noise does not explain, over the mean squared.

    0 where noise alone makes the parts differ as much with a probability of ``chance``.

    Args:
        values: Positive ones of one mean, in the order in which they arrived.
        chance: Probability at which noise explains it.
    """
    probability, between, within = _analysis(values, 0.0)
    if probability > chance:
        return 0.0
    return max(between - within, 0.0) / max(float(values.mean()) ** 2, 1e-30)


def _analysis(values: NDArray[np.float64], allowed_variance: float) -> tuple[float, float, float]:
    """Return probability, variance between parts, and that within them of a part's mean."""
    n_parts = min(len(values) // LEAST_IN_PART, N_PARTS)
    if n_parts < 2:
        return 1.0, 0.0, 0.0
    n_part = len(values) // n_parts
    parts = values[: n_parts * n_part].reshape(n_parts, n_part)
    within = float(parts.var(axis=1, ddof=1).mean()) / n_part
    between = float(parts.mean(axis=1).var(ddof=1))
    if between == 0.0:
        return 1.0, between, within
    ratio = between / max(within + allowed_variance, 1e-30)
    chance = float(stats.f.sf(ratio, n_parts - 1, n_parts * (n_part - 1)))
    return chance, between, within
