"""Several runs on the same data, against sums that are worked out by other ways."""

import math

import numpy as np
import pytest
from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.composition import Cost, cost_of, epsilon_left, total_cost
from ota_calibration.privacy.poisson_accountant import mixed_epsilon
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel
from scipy.optimize import brentq
from scipy.stats import norm

DELTA = 1e-4
ADD, REPLACE = Relation.ADD_REMOVE, Relation.REPLACE


def _promise(
    epsilon: float,
    relation: Relation = ADD,
    rate: float = 1.0,
    delta: float = DELTA,
    unit: Unit = Unit.RECORD,
    trust: TrustModel = TrustModel.LOCAL,
) -> Promise:
    return Promise(Adjacency(unit, relation), trust, epsilon, delta, 5.0, 4, rate, 20)


def _gaussian_delta(mu: float, epsilon: float) -> float:
    """Two normals a distance of mu apart: the area between them, by quadrature."""
    x = np.linspace(-9, mu + 9, 10_001)
    gap = norm.pdf(x, mu) - math.exp(epsilon) * norm.pdf(x)
    return float(np.trapezoid(np.maximum(gap, 0), x))


def _mu_of(epsilon: float, delta: float) -> float:
    return float(brentq(lambda mu: _gaussian_delta(mu, epsilon) - delta, 1e-3, 20))


@pytest.mark.parametrize("epsilons", [(1.0, 1.0), (0.5, 2.0, 4.0)])
def test_gaussian_runs_add_up_by_their_squares(epsilons: tuple[float, ...]) -> None:
    total = total_cost(cost_of(_promise(one)) for one in epsilons)
    mu = math.hypot(*(_mu_of(one, DELTA) for one in epsilons))
    assert _gaussian_delta(mu, total.epsilon(DELTA)) == pytest.approx(DELTA, rel=1e-3)
    assert max(epsilons) < total.epsilon(DELTA) < sum(epsilons)


def test_runs_with_other_deltas_are_stated_at_the_one_that_is_asked_for() -> None:
    total = cost_of(_promise(1.0, delta=1e-6)) + cost_of(_promise(1.0, delta=1e-2))
    mu = math.hypot(_mu_of(1.0, 1e-6), _mu_of(1.0, 1e-2))
    assert _gaussian_delta(mu, total.epsilon(1e-3)) == pytest.approx(1e-3, rel=1e-3)


def test_a_run_that_hides_presence_counts_twice_where_another_hides_replacement() -> None:
    total = cost_of(_promise(1.0, ADD)) + cost_of(_promise(2.0, REPLACE))
    assert total.relation is REPLACE
    mu = math.hypot(2 * _mu_of(1.0, DELTA), _mu_of(2.0, DELTA))
    assert _gaussian_delta(mu, total.epsilon(DELTA)) == pytest.approx(DELTA, rel=1e-3)


def test_the_sum_is_said_in_the_words_that_all_runs_keep() -> None:
    local = _promise(1.0, unit=Unit.CLIENT)
    trusting = _promise(1.0, trust=TrustModel.CHANNEL_NOISE_TRUSTED)
    total = cost_of(local) + cost_of(trusting)
    assert (total.trust, total.unit) == (TrustModel.CHANNEL_NOISE_TRUSTED, Unit.RECORD)
    assert cost_of(local) + cost_of(local) == Cost(
        ADD, TrustModel.LOCAL, Unit.CLIENT, 2 * cost_of(local).mu_squared
    )


@pytest.mark.parametrize(("relation", "step"), [(ADD, 1), (REPLACE, 2)])
def test_without_subsampling_both_accountants_agree(relation: Relation, step: int) -> None:
    """Seven rounds of multiplier 4, and three of multiplier 6, as losses and as one Gaussian."""
    found = mixed_epsilon({(1.0, 4.0): 7, (1.0, 6.0): 3}, DELTA, relation)
    mu = step * math.sqrt(7 / 16 + 3 / 36)
    assert _gaussian_delta(mu, found) == pytest.approx(DELTA, rel=5e-3)


def _product_delta(mu: float, rate: float, step: float, epsilon: float) -> float:
    """A Gaussian and a Poisson round together, by quadrature over both outputs."""
    x, y = np.linspace(-10, 10, 1201), np.linspace(-10, 10, 1201)
    with_one = np.outer(norm.pdf(x, mu), (1 - rate) * norm.pdf(y) + rate * norm.pdf(y, step))
    without = np.outer(norm.pdf(x), norm.pdf(y))
    ways = (with_one - math.exp(epsilon) * without, without - math.exp(epsilon) * with_one)
    return max(float(np.maximum(way, 0).sum()) * (x[1] - x[0]) * (y[1] - y[0]) for way in ways)


@pytest.mark.parametrize(("mu", "rate", "step"), [(0.7, 0.3, 1.5), (0.2, 0.1, 2.0)])
def test_a_gaussian_and_a_poisson_round_compose(mu: float, rate: float, step: float) -> None:
    cost = Cost(mu_squared=mu**2, sampled={(rate, 1 / step): 1})
    assert _product_delta(mu, rate, step, cost.epsilon(DELTA)) == pytest.approx(DELTA, rel=0.01)


def test_poisson_runs_alike_cost_what_one_of_all_their_rounds_costs() -> None:
    promise = _promise(2.0, rate=0.1)
    noise = (0.1, promise.burst_noise_multiplier())
    total = cost_of(promise) + cost_of(promise, 7.0)
    assert total.sampled == {noise: 27}
    assert cost_of(promise, 0.0).epsilon(DELTA) == 0.0
    assert total.epsilon(DELTA) == pytest.approx(mixed_epsilon({noise: 27}, DELTA, ADD), rel=1e-3)


@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_what_is_left_may_be_asked_for_and_no_more(rate: float) -> None:
    before, limit = cost_of(_promise(3.0)) + cost_of(_promise(1.0, rate=0.1)), 5.0
    left = epsilon_left(before, _promise(1.0, rate=rate), limit)
    all_of_it, more = (
        (before + cost_of(_promise(one, rate=rate))).epsilon(DELTA) for one in (left, 1.01 * left)
    )
    assert all_of_it == pytest.approx(limit, rel=3e-3)
    assert more > limit
    assert epsilon_left(before, _promise(1.0), 2.0) == 0.0
