"""Integers of the discrete Gaussian law, against the law written out."""

from random import Random

import numpy as np
import pytest
from ota_calibration.privacy.discrete_gaussian import discrete_gaussian
from scipy.stats import chisquare, kstest, norm

N_DRAWS = 10_000


def law(std: float, reach: int) -> np.ndarray:
    """Return the chances of -reach to reach; what lies beyond is negligible."""
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2.0 * std**2))
    return np.asarray(weights / weights.sum())


@pytest.mark.parametrize("std", [1, 2, 7])
def test_every_integer_comes_as_often_as_the_law_says(std: int) -> None:
    entropy, reach = Random(std), 10 * std
    counts = np.zeros(2 * reach + 1)
    for _ in range(N_DRAWS):
        counts[discrete_gaussian(std, entropy) + reach] += 1
    expected = law(std, reach) * N_DRAWS
    common = expected >= 10
    assert (
        chisquare(
            np.append(counts[common], counts[~common].sum()),
            np.append(expected[common], expected[~common].sum()),
        ).pvalue
        > 1e-4
    )


def test_a_wide_one_is_the_gaussian() -> None:
    std, entropy = 2**48 + 12345, Random(2)
    drawn = [discrete_gaussian(std, entropy) for _ in range(N_DRAWS)]
    assert kstest(np.array(drawn) / std, "norm").pvalue > 1e-4


@pytest.mark.parametrize("std", [2, 5, 20])
def test_it_is_as_close_to_a_rounded_gaussian_as_the_accounts_rely_on(std: int) -> None:
    """In total variation; numerically, where it is large enough to be seen."""
    reach = 10 * std
    edges = np.arange(-reach - 0.5, reach + 1)
    rounded = np.diff(norm.cdf(edges / std))
    distance = 0.5 * np.abs(law(std, reach) - rounded).sum()
    assert distance == pytest.approx(1 / (49 * std**2), rel=0.1)


def test_a_width_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="std = 0"):
        discrete_gaussian(0, Random(1))
