"""A swing has the correlation that it claims, however its time is divided."""

import numpy as np
import pytest
from ota_calibration.paths import swing
from ota_calibration.paths.filter_bank import FilterBank
from ota_calibration.paths.motion import MotionModel, Observation

RATES = np.array([0.25, 1.0, 8.0, 64.0])


@pytest.mark.parametrize("ahead_s", [0.01, 0.1, 1.0])
def test_the_correlation_over_a_lag_is_the_formula(ahead_s: float) -> None:
    step, _ = swing.transition(RATES, np.array(ahead_s))
    s = RATES * ahead_s
    expected = np.exp(-s) * (1 + s + 2 * s**2 / 5 + s**3 / 15)
    found = (step @ swing.stationary_covariance(RATES))[..., 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("ahead_s", [1e-4, 0.01, 0.1, 1.0])
def test_two_halves_are_a_whole_and_the_variance_stays(ahead_s: float) -> None:
    whole, added = swing.transition(RATES, np.array(2 * ahead_s))
    half, half_added = swing.transition(RATES, np.array(ahead_s))
    np.testing.assert_allclose(half @ half, whole, rtol=1e-9, atol=1e-12 * RATES.max() ** 3)
    twice = half @ half_added @ np.swapaxes(half, -1, -2) + half_added
    # Of a short step only the leading term is used: it is good to a few percent.
    np.testing.assert_allclose(twice[..., 0, 0], added[..., 0, 0], rtol=0.1)
    stationary = swing.stationary_covariance(RATES)
    kept = whole @ stationary @ np.swapaxes(whole, -1, -2) + added
    entries = np.arange(swing.N_STATES)
    units = RATES[:, None, None] ** (entries[:, None] + entries)
    np.testing.assert_allclose(kept / units, stationary / units, atol=0.01)


def test_what_one_node_shows_is_believed_of_the_others() -> None:
    rng, n_nodes, truth = np.random.default_rng(1), 40, 2
    whites = tuple(1e-4 * 4.0**k for k in range(5))
    together = FilterBank(MotionModel(1, white_variances=whites), n_nodes)
    alone = [FilterBank(MotionModel(1, white_variances=whites), 1) for _ in range(n_nodes)]
    for index in range(6):
        levels = np.sqrt(whites[truth]) * rng.standard_normal(n_nodes)
        times_s, none = np.full(n_nodes, 0.1 * index), np.zeros(n_nodes)
        together.observe(Observation(np.arange(n_nodes), times_s, levels, none))
        for bank, level in zip(alone, levels, strict=True):
            bank.observe(Observation(np.array([0]), times_s[:1], np.array([level]), none[:1]))
    shared = together.weights()[:, truth].sum(axis=-1)
    own = np.array([bank.weights()[0, truth].sum() for bank in alone])
    assert shared.mean() > own.mean() + 0.1
    assert shared.min() > own.min()
