r"""How much of the privacy budget each round may use, as a level $q_t$.

$q_t = (\gamma / \sigma_t)^2$ with $\sigma_t$ all protecting noise on the sum: the
received peak SNR of :mod:`ota_calibration.privacy.peak_snr`, counting only the noise that
the trust model counts. A round then costs $\mu_t^2 = (\Delta / \gamma)^2 q_t$.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from ota_calibration.privacy.online_schedule import OnlineSchedule
from ota_calibration.privacy.peak_snr import snr_budget
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.schedules import (
    Levels,
    full_power,
    reversed_sign_solution,
    reversed_solution,
    sign_solution,
    solution,
    static,
)

RoundLevels: TypeAlias = Callable[[int, float], float | None]
"""From round and the level that power allows in it, to the level it gets; 0 if none is left.

None if the round is to be skipped: later ones are to use the budget instead.
"""


class ScheduleName(StrEnum):
    """How the budget is spread over the rounds."""

    STATIC = "static"
    SOLUTION = "solution"
    SIGN_SOLUTION = "sign-solution"
    REVERSED = "reversed"
    SIGN_REVERSED = "sign-reversed"
    ONLINE = "online"
    FULL_POWER = "full-power"


@dataclass(frozen=True, slots=True)
class BudgetSchedule:
    r"""How a run's budget is spread over its rounds.

    Attributes:
        name: Of the rule.
        contraction: $A$ of all but ``static`` and ``full-power``, in (0, 1].
        n_clients: $K$, who votes; for ``sign-solution`` and ``sign-reversed``.
        sign_error: $e$, largest probability that a client's sign is wrong, in [0, 1/2]; for
            the same two.
    """

    name: ScheduleName
    contraction: float = 1.0
    n_clients: int = 1
    sign_error: float = 0.0

    def levels(self, max_peak_snr: Levels, budget: float) -> Levels:
        """Return the levels of rounds whose power is known beforehand, shape ``(n_rounds,)``.

        ``online`` comes to the same as ``solution`` where power does not change.

        Args:
            max_peak_snr: Level that power allows in each round, shape ``(n_rounds,)``.
            budget: Sum of all levels at most.
        """
        if self.name is ScheduleName.FULL_POWER:
            return full_power(max_peak_snr, budget)
        if self.name is ScheduleName.REVERSED:
            return reversed_solution(max_peak_snr, budget, self.contraction)
        if self.name is ScheduleName.STATIC:
            return static(max_peak_snr, budget)
        if self.name in {ScheduleName.SIGN_SOLUTION, ScheduleName.SIGN_REVERSED}:
            is_reversed = self.name is ScheduleName.SIGN_REVERSED
            rule = reversed_sign_solution if is_reversed else sign_solution
            voters = self.n_clients, self.sign_error
            return rule(max_peak_snr, budget, self.contraction, *voters)
        return solution(max_peak_snr, budget, self.contraction)


def round_levels(
    schedule: BudgetSchedule, promise: Promise, spent: float = 0.0, done: int = 0
) -> RoundLevels:
    r"""Return how a run's rounds get their levels.

    ``solution``, ``reversed`` and those of signs are planned when the run starts or is resumed,
    as if power allowed in every round to come what it allows in the first; ``static`` is an even
    split. A round whose power allows less than was planned takes less and leaves the rest unspent.
    ``online`` hands what weak rounds could not use to later ones. ``full-power`` takes all that
    power allows until the budget is spent. A subsampled run has one level for all rounds.

    Args:
        schedule: How the budget is spread.
        promise: Budget and rounds.
        spent: What a resumed run had spent, in the unit of its ledger.
        done: Rounds that are over.

    Raises:
        ValueError: If a subsampled run asks for another schedule than ``static``.
    """
    if promise.is_subsampled:
        if schedule.name is not ScheduleName.STATIC:
            raise ValueError(
                f"schedule {schedule.name.value!r} changes the noise from round to round, which "
                "Poisson batches are not accounted for; use schedule 'static', or batches 'fixed'"
            )
        return _fixed(np.full(promise.n_rounds, burst_level(promise)))
    if schedule.name is ScheduleName.STATIC:
        return _fixed(planned_levels(schedule, promise))
    if schedule.name is ScheduleName.ONLINE:
        return _online(promise, schedule.contraction, spent, done)
    if schedule.name is ScheduleName.FULL_POWER:
        return _online(replace(promise, n_rounds=1), 1.0, spent, 0)
    return _planned_at_first(schedule, promise, spent)


def planned_levels(
    schedule: BudgetSchedule, promise: Promise, max_peak_snr: float = np.inf
) -> Levels:
    """Return the levels of a run in which power allows the same in all rounds.

    Args:
        schedule: How the budget is spread.
        promise: Budget and rounds.
        max_peak_snr: Level that power allows.

    Returns:
        Shape ``(n_rounds,)``; 0 for a round that is not sent.
    """
    if promise.is_subsampled:
        return np.full(promise.n_rounds, min(burst_level(promise), max_peak_snr))
    return schedule.levels(np.full(promise.n_rounds, max_peak_snr), whole_budget(promise))


def burst_level(promise: Promise) -> float:
    """Return the one level of a subsampled run."""
    return (promise.scalar_limit / promise.burst_noise_std()) ** 2


def whole_budget(promise: Promise) -> float:
    """Return the sum of all levels that a run without subsampling may use."""
    return snr_budget(promise.mu_budget(), promise.sensitivity / promise.scalar_limit)


def level_cost(level: float, promise: Promise) -> float:
    """Return what a round at ``level`` costs, in the unit of the promise's ledger."""
    return 1.0 if promise.is_subsampled else level * _cost_of_level(promise)


def _cost_of_level(promise: Promise) -> float:
    return (promise.sensitivity / promise.scalar_limit) ** 2


def _fixed(levels: Levels) -> RoundLevels:
    return lambda index, allowed: min(float(levels[index]), allowed) if index < len(levels) else 0.0


def _planned_at_first(schedule: BudgetSchedule, promise: Promise, spent: float) -> RoundLevels:
    """Plan the rounds that are left when the first of them says what power allows."""
    budget = max(whole_budget(promise) - spent / _cost_of_level(promise), 0.0)
    first, planned = 0, np.empty(0)

    def level(index: int, allowed: float) -> float | None:
        nonlocal first, planned
        if not planned.size:
            first = index
            planned = schedule.levels(np.full(max(promise.n_rounds - index, 0), allowed), budget)
        left = planned[index - first :]
        if not left.any():
            return 0.0
        return min(float(left[0]), allowed) if left[0] > 0 else None

    return level


def _online(promise: Promise, contraction: float, spent: float, done: int) -> RoundLevels:
    schedule = OnlineSchedule(promise.n_rounds, whole_budget(promise), contraction)
    schedule.charge(spent / _cost_of_level(promise))
    schedule.skip(done)
    # Without a power limit the budget itself is the largest level: the forecast must be finite.
    most = whole_budget(promise)
    expected = done

    def level(index: int, allowed: float) -> float:
        nonlocal expected
        # Rounds that were lost before anything was sent leave their part to those to come.
        schedule.skip(index - expected)
        expected = index + 1
        return schedule.allocate(min(allowed, most))

    return level
