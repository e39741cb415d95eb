"""Every allocation against a general convex solver, its conditions and its limits."""

import cvxpy as cp
import numpy as np
import pytest
from numpy.typing import NDArray
from ota_calibration.privacy.peak_snr import max_peak_snr, peak_snr, rx_amplitude_for, snr_budget
from ota_calibration.privacy.schedules import (
    Levels,
    full_power,
    reversed_sign_solution,
    reversed_solution,
    sign_solution,
    solution,
    static,
)


def random_instance(seed: int) -> tuple[Levels, float, float]:
    """Caps of a weakest Rayleigh node, a budget from scarce to nearly free, a contraction."""
    rng = np.random.default_rng(seed)
    n_rounds = int(rng.integers(2, 40))
    # Without the 0.01 the solver fails on caps so small that 1/q spans ten decades.
    caps = 0.01 + rng.exponential(size=(n_rounds, 5)).min(axis=1)
    budget = float(rng.uniform(0.02, 1.1) * caps.sum())
    return caps, budget, float(rng.uniform(0.85, 1.0))


def convex_optimum(
    caps: Levels, budget: float, weights: NDArray[np.float64], offset: float
) -> NDArray[np.float64]:
    """Minimise sum weights / (q + offset) under the caps and the budget, by interior points.

    The solver works in units in which caps, budget and weights are near one.
    """
    scale = budget / len(caps)
    levels = cp.Variable(len(caps))
    objective = (weights / weights.max()) @ cp.inv_pos(levels + offset / scale)
    limits = [levels >= 0, levels <= caps / scale, cp.sum(levels) <= len(caps)]
    problem = cp.Problem(cp.Minimize(objective), limits)
    problem.solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9, max_iter=500
    )
    return np.asarray(levels.value) * scale


def assert_optimal(
    levels: Levels, caps: Levels, budget: float, weights: NDArray[np.float64], offset: float
) -> None:
    """Compare with the solver, then check the optimality conditions to rounding.

    Around an optimum the objective is flat, so a solver that closes a gap of
    1e-9 knows the levels themselves only to some 1e-5 of the largest.
    """
    best = np.clip(convex_optimum(caps, budget, weights, offset), 0.0, caps)
    ours, theirs = (float((weights / (q + offset)).sum()) for q in (levels, best))
    assert ours == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(levels, best, rtol=0, atol=1e-4 * levels.max())

    gain = weights / (levels + offset) ** 2
    full, silent = levels >= caps * (1 - 1e-12), levels <= 1e-12 * budget
    partly = ~full & ~silent
    if partly.any():
        price = gain[partly].mean()
        np.testing.assert_allclose(gain[partly], price, rtol=1e-8)
        assert np.all(gain[full] >= price * (1 - 1e-8))
        assert np.all(gain[silent] <= price * (1 + 1e-8))


@pytest.mark.parametrize("seed", range(15))
def test_solution_is_the_convex_optimum(seed: int) -> None:
    caps, budget, contraction = random_instance(seed)
    weights = contraction ** -np.arange(len(caps), dtype=float)
    assert_optimal(solution(caps, budget, contraction), caps, budget, weights, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_static_is_the_optimum_without_contraction(seed: int) -> None:
    caps, budget, _ = random_instance(seed)
    assert_optimal(static(caps, budget), caps, budget, np.ones(len(caps)), 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_reversed_is_the_optimum_of_the_reversed_weights(seed: int) -> None:
    caps, budget, contraction = random_instance(seed)
    weights = contraction ** np.arange(len(caps), dtype=float)
    assert_optimal(reversed_solution(caps, budget, contraction), caps, budget, weights, 0.0)


@pytest.mark.parametrize("towards", [-1, 1], ids=["sign-solution", "sign-reversed"])
@pytest.mark.parametrize("seed", range(15))
def test_the_sign_schedules_are_convex_optima(seed: int, towards: int) -> None:
    caps, budget, contraction = random_instance(seed)
    rng = np.random.default_rng(100 + seed)
    n_clients, sign_error = int(rng.integers(1, 12)), float(rng.uniform(0.0, 0.5))
    correct = (n_clients * (1 - 2 * sign_error)) ** 2
    curvature = correct + 4 * n_clients * sign_error * (1 - sign_error)
    # The error bound is 1 - B2 q / (B q + 1) = const + (B2 / B^2) / (q + 1/B).
    weights = contraction ** (towards * np.arange(len(caps), dtype=float))
    rule = sign_solution if towards < 0 else reversed_sign_solution
    levels = rule(caps, budget, contraction, n_clients, sign_error)
    assert_optimal(levels, caps, budget, weights, 1 / curvature)


@pytest.mark.parametrize("seed", range(40))
def test_every_schedule_keeps_power_and_privacy_and_spends_what_it_may(seed: int) -> None:
    caps, budget, contraction = random_instance(seed)
    for levels in (
        static(caps, budget),
        solution(caps, budget, contraction),
        reversed_solution(caps, budget, contraction),
        sign_solution(caps, budget, contraction, 5, 0.4),
        reversed_sign_solution(caps, budget, contraction, 5, 0.4),
        full_power(caps, budget),
    ):
        assert np.all((levels >= 0) & (levels <= caps))
        assert sum(levels.tolist()) <= budget
        assert sum(levels.tolist()) == pytest.approx(min(budget, caps.sum()), rel=1e-9)


def test_without_a_binding_power_limit_the_levels_grow_as_the_theorem_says() -> None:
    n_rounds, contraction, budget = 8000, 0.998, 1.108 / 2
    levels = solution(np.full(n_rounds, 1e9), budget, contraction)
    np.testing.assert_allclose(levels[1:] / levels[:-1], contraction**-0.5, rtol=1e-9)
    # arXiv 2604.12401 at its own numbers: the amplitude grows 54.8 times, the
    # last 1000 rounds take 63 % of the budget, the last 2000 take 87 %.
    assert np.sqrt(levels[-1] / levels[0]) == pytest.approx(54.8, abs=0.1)
    assert levels[-1000:].sum() / budget == pytest.approx(0.63, abs=0.005)
    assert levels[-2000:].sum() / budget == pytest.approx(0.87, abs=0.005)
    decibels = 10 * np.log10(levels)
    assert decibels[[0, -1]] == pytest.approx([-67.3, -32.6], abs=0.4)
    even = static(np.full(n_rounds, 1e9), budget)
    assert 10 * np.log10(even[0]) == pytest.approx(-41.6, abs=0.05)


def test_noise_of_the_mean_scalar_at_the_papers_numbers() -> None:
    scalar_limit, n_clients, n_rounds, budget = 100.0, 5, 8000, 1.108 / 2
    slack = np.full(n_rounds, 1e9)
    even = scalar_limit / (n_clients * np.sqrt(static(slack, budget)))
    growing = scalar_limit / (n_clients * np.sqrt(solution(slack, budget, 0.998)))
    assert even[[0, 4000]] == pytest.approx([2403, 2403], rel=1e-3)
    assert growing[[0, 3999, 7999]] == pytest.approx([46540, 6290, 849], rel=2e-3)


def test_the_sign_schedule_at_the_papers_numbers_is_silent_in_most_rounds() -> None:
    levels = sign_solution(np.full(8000, 1e9), 1.108 / 2, 0.998, n_clients=5, sign_error=0.496)
    assert np.count_nonzero(levels) == 73
    assert np.all(levels[:-73] == 0)
    assert 1 / np.sqrt(levels.max()) == pytest.approx(8.1, abs=0.05)


def test_privacy_is_free_where_full_power_stays_within_the_budget() -> None:
    caps = np.array([0.3, 0.0, 0.5])
    for levels in (
        static(caps, 0.8),
        solution(caps, 0.9, 0.9),
        sign_solution(caps, np.inf, 0.9, 5, 0.4),
        full_power(caps, 1.0),
    ):
        np.testing.assert_allclose(levels, caps, rtol=1e-11)


@pytest.mark.parametrize("contraction", [1.0, 0.9999, 0.998, 0.9])
def test_long_runs_neither_overflow_nor_lose_budget(contraction: float) -> None:
    caps = np.random.default_rng(3).exponential(size=100_000)
    for levels in (
        solution(caps, 0.55, contraction),
        reversed_solution(caps, 0.55, contraction),
        sign_solution(caps, 0.55, contraction, 5, 0.496),
    ):
        assert levels.sum() == pytest.approx(0.55, rel=1e-9)
        assert np.all(levels <= caps)


def test_dead_rounds_and_an_empty_budget_stay_silent() -> None:
    caps = np.array([1.0, 0.0, 1.0])
    assert solution(caps, 0.5, 0.9)[1] == 0
    for levels in (static(caps, 0.0), full_power(caps, 0.0), sign_solution(caps, 0.0, 0.9, 5, 0.4)):
        np.testing.assert_array_equal(levels, 0.0)


def test_values_out_of_range_are_refused() -> None:
    caps = np.ones(3)
    with pytest.raises(ValueError, match=r"contraction = 1\.1"):
        solution(caps, 1.0, 1.1)
    with pytest.raises(ValueError, match="snr_budget = -1"):
        static(caps, -1.0)
    with pytest.raises(ValueError, match="negative value or NaN"):
        static(np.array([1.0, np.nan]), 1.0)


def test_peak_snr_and_amplitude_are_inverse_and_count_half_the_noise() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        amplitude, noise_power = rng.uniform(0.01, 1.0, 2)
        n_chips = int(rng.integers(1, 1000))
        level = peak_snr(amplitude, noise_power, n_chips)
        assert level == pytest.approx(n_chips * amplitude**2 / (noise_power / 2))
        back = rx_amplitude_for(np.array([level]), noise_power, n_chips)
        assert back[0] == pytest.approx(amplitude)


def test_measured_noise_of_a_received_symbol_is_the_inverse_of_the_peak_snr() -> None:
    rng = np.random.default_rng(1)
    amplitude, noise_power, n_chips, n_trials = 0.2, 0.5, 16, 4000
    shape = (n_trials, n_chips)
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    chips = amplitude + noise * np.sqrt(noise_power / 2)
    symbols = chips.real.mean(axis=1) / amplitude
    theory = 1 / np.sqrt(peak_snr(amplitude, noise_power, n_chips))
    assert symbols.std() == pytest.approx(theory, rel=4 / np.sqrt(2 * n_trials))


def test_the_weakest_node_sets_the_largest_peak_snr() -> None:
    gains = np.array([[1.0, 0.5j, 2.0], [0.1, 1.0, 1.0]])
    levels = max_peak_snr(gains, [1.0, 1.0, 0.1], noise_power=0.02, n_chips=3)
    np.testing.assert_allclose(levels, [3 * 0.04 / 0.01, 3 * 0.01 / 0.01])


def test_the_snr_budget_is_half_the_papers_for_replaced_clients() -> None:
    mu = 1.756
    assert snr_budget(mu, sensitivity=2.0) == pytest.approx(mu**2 / 4)
    assert snr_budget(mu, sensitivity=2.0 / 64) == pytest.approx(64**2 * mu**2 / 4)
