"""The split of the budget over the rounds, in a run, in a resumed run, and in a gappy one."""

import math

import cvxpy
import numpy as np
import pytest
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import (
    BudgetSchedule,
    RoundLevels,
    ScheduleName,
    level_cost,
    planned_levels,
    round_levels,
    whole_budget,
)
from ota_calibration.privacy.trust import TrustModel

from tests.ota_calibration.private import CLIENT, RECORD, promise

N_ROUNDS, CONTRACTION = 30, 0.9
SCHEDULES = [name for name in ScheduleName if name is not ScheduleName.FULL_POWER]
FIXED = [name for name in SCHEDULES if name is not ScheduleName.ONLINE]


def schedule(name: ScheduleName, contraction: float = CONTRACTION) -> BudgetSchedule:
    return BudgetSchedule(name, contraction, n_clients=5, sign_error=0.4)


def spent(levels: RoundLevels, allowed: np.ndarray, first: int = 0) -> list[float]:
    return [levels(index, float(most)) or 0.0 for index, most in enumerate(allowed, start=first)]


@pytest.mark.parametrize("name", list(ScheduleName))
@pytest.mark.parametrize("adjacency", [CLIENT, RECORD])
def test_without_a_power_limit_the_costs_add_up_to_the_budget(
    name: ScheduleName, adjacency: object
) -> None:
    promised = promise(TrustModel.LOCAL, N_ROUNDS, adjacency)  # type: ignore[arg-type]
    levels = spent(round_levels(schedule(name), promised), np.full(N_ROUNDS, np.inf))
    cost = sum(level_cost(level, promised) for level in levels)
    assert cost == pytest.approx(promised.mu_budget() ** 2, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", list(ScheduleName))
def test_no_channel_makes_a_schedule_overspend_or_pass_the_power_limit(
    seed: int, name: ScheduleName
) -> None:
    rng = np.random.default_rng(seed)
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    even = whole_budget(promised) / N_ROUNDS
    allowed = even * 10 ** rng.uniform(-2, 3) * rng.exponential(size=N_ROUNDS)
    levels = np.array(spent(round_levels(schedule(name), promised), allowed))
    assert np.all(levels <= allowed)
    assert levels.sum() <= whole_budget(promised) * (1 + 1e-12)


def test_what_weak_rounds_leave_only_online_hands_on() -> None:
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    budget = whole_budget(promised)
    allowed = np.where(np.arange(N_ROUNDS) < N_ROUNDS // 2, 0.0, np.inf)
    totals = {
        name: sum(spent(round_levels(schedule(name, 1.0), promised), allowed))
        for name in (ScheduleName.STATIC, ScheduleName.ONLINE)
    }
    assert totals[ScheduleName.STATIC] == pytest.approx(budget / 2)
    assert totals[ScheduleName.ONLINE] == pytest.approx(budget)


def test_the_shapes_are_those_of_the_theorem() -> None:
    promised = promise(TrustModel.LOCAL, N_ROUNDS)
    growth = CONTRACTION**-0.5
    by_name = {name: planned_levels(schedule(name), promised) for name in FIXED}
    ratio = {
        name: levels[1:] / levels[:-1]
        for name, levels in by_name.items()
        if name not in {ScheduleName.SIGN_SOLUTION, ScheduleName.SIGN_REVERSED}
    }
    assert ratio[ScheduleName.STATIC] == pytest.approx(1.0)
    assert ratio[ScheduleName.SOLUTION] == pytest.approx(growth)
    assert ratio[ScheduleName.REVERSED] == pytest.approx(1 / growth)
    online = spent(round_levels(schedule(ScheduleName.ONLINE), promised), np.full(N_ROUNDS, 1e9))
    assert np.all(np.diff(online) >= -1e-9 * online[-1])


@pytest.mark.parametrize("power", [0.3, 1.2, 3.0, math.inf])
@pytest.mark.parametrize("name", [ScheduleName.SOLUTION, ScheduleName.SIGN_SOLUTION])
def test_a_run_gets_what_a_convex_solver_finds_under_the_power_limit(
    name: ScheduleName, power: float
) -> None:
    """Theorems 3 and 4 with their limits of power and privacy; power in even shares."""
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    budget, n_clients, sign_error = whole_budget(promised), 5, 0.4
    cap = power * budget / N_ROUNDS
    asked = BudgetSchedule(name, CONTRACTION, n_clients, sign_error)
    levels = spent(round_levels(asked, promised), np.full(N_ROUNDS, cap))

    offset = 0.0
    if name is ScheduleName.SIGN_SOLUTION:
        votes = 4 * n_clients * sign_error * (1 - sign_error)
        offset = 1 / (votes + (n_clients * (1 - 2 * sign_error)) ** 2)
    best = cvxpy.Variable(N_ROUNDS)
    weights = CONTRACTION ** -np.arange(N_ROUNDS)
    scale = budget / N_ROUNDS  # levels of order 1 suit the solver
    cost = weights @ cvxpy.inv_pos(best + offset / scale)
    limits = [best >= 0, cvxpy.sum(best) <= N_ROUNDS, best <= min(power, N_ROUNDS)]
    cvxpy.Problem(cvxpy.Minimize(cost), limits).solve(solver=cvxpy.CLARABEL)
    assert np.array(levels) / scale == pytest.approx(best.value, abs=2e-4)
    assert sum(levels) == pytest.approx(min(1.0, power) * budget, rel=1e-9)


def test_the_solution_gives_to_others_what_power_keeps_from_the_last_rounds() -> None:
    """Planned as if power were free, and capped afterwards, it left a part unspent."""
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    budget = whole_budget(promised)
    cap = 1.2 * budget / N_ROUNDS
    free = planned_levels(schedule(ScheduleName.SOLUTION), promised)
    assert np.minimum(free, cap).sum() < 0.9 * budget
    planned = spent(round_levels(schedule(ScheduleName.SOLUTION), promised), np.full(N_ROUNDS, cap))
    assert sum(planned) == pytest.approx(budget)
    assert planned == pytest.approx(planned_levels(schedule(ScheduleName.SOLUTION), promised, cap))


def test_theorem_4_skips_early_rounds_and_sends_the_last() -> None:
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS, epsilon=0.3)
    asked = BudgetSchedule(ScheduleName.SIGN_SOLUTION, 0.9, n_clients=5, sign_error=0.496)
    levels = round_levels(asked, promised)
    got = [levels(index, math.inf) for index in range(N_ROUNDS)]
    n_skipped = got.count(None)
    assert 0 < n_skipped < N_ROUNDS
    assert got[:n_skipped] == [None] * n_skipped
    assert all(level is not None and level > 0 for level in got[n_skipped:])
    assert levels(N_ROUNDS, math.inf) == 0.0


@pytest.mark.parametrize("done", [1, 11, 29])
@pytest.mark.parametrize("name", list(ScheduleName))
def test_a_resumed_run_spends_what_is_left(name: ScheduleName, done: int) -> None:
    promised = promise(TrustModel.CHANNEL_NOISE_TRUSTED, N_ROUNDS)
    even = whole_budget(promised) / N_ROUNDS
    fading = even * np.random.default_rng(done).exponential(3.0, N_ROUNDS)
    for allowed in (fading, np.full(N_ROUNDS, 2.0 * even)):
        whole = spent(round_levels(schedule(name), promised), allowed)
        before = whole[:done]
        cost = sum(level_cost(level, promised) for level in before)
        after = spent(round_levels(schedule(name), promised, cost, done), allowed[done:], done)
        assert sum(before) + sum(after) <= whole_budget(promised) * (1 + 1e-9)
        if name in {ScheduleName.STATIC, ScheduleName.FULL_POWER} or (
            name in FIXED and allowed is not fading
        ):
            assert after == pytest.approx(whole[done:], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("lost", [(0,), (3, 4, 5), (29,), tuple(range(0, 28, 2))])
def test_online_gives_the_budget_of_rounds_that_were_never_sent_to_later_ones(
    lost: tuple[int, ...],
) -> None:
    """A sounding that fails takes a round away without asking for a level."""
    promised = promise(TrustModel.LOCAL, N_ROUNDS)
    levels = round_levels(schedule(ScheduleName.ONLINE, 1.0), promised)
    sent = [levels(index, np.inf) for index in range(N_ROUNDS) if index not in lost]
    assert sum(sent) <= whole_budget(promised)
    if N_ROUNDS - 1 not in lost:
        assert sum(sent) == pytest.approx(whole_budget(promised), rel=1e-9)


def test_a_resumed_online_run_knows_of_rounds_that_were_lost_before() -> None:
    """The ledger counts the rounds sent only; the index of the next one tells the rest."""
    promised = promise(TrustModel.LOCAL, N_ROUNDS)
    unbroken = round_levels(schedule(ScheduleName.ONLINE), promised)
    sent = [unbroken(index, np.inf) for index in range(10) if index not in (2, 3, 9)]
    cost = sum(level_cost(level, promised) for level in sent)
    resumed = round_levels(schedule(ScheduleName.ONLINE), promised, cost, len(sent))
    for index in range(10, N_ROUNDS):
        expected = unbroken(index, np.inf)
        assert resumed(index, np.inf) == pytest.approx(expected, rel=1e-9)


def test_poisson_batches_have_one_level_and_one_schedule() -> None:
    promised: Promise = promise(TrustModel.LOCAL, 5, RECORD, sampling_rate=0.2)
    levels = spent(round_levels(schedule(ScheduleName.STATIC, 1.0), promised), np.full(5, np.inf))
    noise = promised.scalar_limit / math.sqrt(levels[0])
    assert levels == [levels[0]] * 5
    assert noise == pytest.approx(promised.burst_noise_std())
    assert [level_cost(level, promised) for level in levels] == [1.0] * 5
    with pytest.raises(ValueError, match="not accounted for"):
        round_levels(schedule(ScheduleName.ONLINE, 1.0), promised)
    with pytest.raises(ValueError, match="not accounted for"):
        round_levels(schedule(ScheduleName.SOLUTION, 1.0), promised)
