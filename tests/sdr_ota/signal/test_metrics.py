"""The interval around a measured error holds the true one as often as it says."""

import math

import numpy as np
import pytest

from sdr_ota.signal.metrics import chance_db, nmse_db


def test_nmse_is_a_quotient_of_means() -> None:
    assert nmse_db([0.1, 0.3], [1.0, 3.0]) == pytest.approx(-10.0)
    assert math.isnan(nmse_db([0.1], [0.0]))


@pytest.mark.parametrize("memory", [0.0, 0.98])
def test_the_interval_covers_the_true_error(memory: float) -> None:
    """Theory follows paths that fade slowly; the errors around it are squares of Gaussians."""
    rng = np.random.default_rng(1)
    n_runs, n_rounds, covered = 1000, 200, 0
    for _ in range(n_runs):
        level = np.zeros(n_rounds)
        for i in range(1, n_rounds):
            level[i] = memory * level[i - 1] + math.sqrt(1 - memory**2) * rng.standard_normal()
        theory = np.exp(level * (memory > 0))
        errors = 2.0 * theory * rng.standard_normal(n_rounds) ** 2
        excess_db = nmse_db(errors.tolist(), theory.tolist()) - 10 * math.log10(2)
        covered += abs(excess_db) < chance_db(errors.tolist(), theory.tolist())
    # 1000 runs: a deviation of 0.7 %. The linear step costs a little of the cover.
    assert 0.92 < covered / n_runs < 0.98


def test_theory_that_is_off_lies_outside() -> None:
    rng = np.random.default_rng(2)
    errors = (2 * rng.standard_normal(2000) ** 2).tolist()
    assert chance_db(errors, [1.0] * 2000) < 0.7 < nmse_db(errors, [1.0] * 2000)


def test_a_short_run_has_no_interval() -> None:
    assert math.isnan(chance_db([1.0] * 19, [1.0] * 19))
    assert math.isnan(chance_db([0.0] * 50, [1.0] * 50))
