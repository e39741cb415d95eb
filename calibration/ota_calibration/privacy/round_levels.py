r"""How much of the privacy budget each round may use, as a level $q_t$.

$q_t = (\gamma / \sigma_t)^2$ with $\sigma_t$ all protecting noise on the sum: the
received peak SNR of :mod:`ota_calibration.privacy.peak_snr`, counting only the noise that
the trust model counts. A round then costs $\mu_t^2 = (\Delta / \gamma)^2 q_t$.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from ota_calibration.privacy.online_schedule import OnlineSchedule
from ota_calibration.privacy.peak_snr import snr_budget
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.schedules import Levels, reversed_solution, solution, static

RoundLevels: TypeAlias = Callable[[int, float], float]
"""From round and the level that power allows in it, to the level it gets; 0 if none is left."""


class ScheduleName(StrEnum):
    """How the budget is spread over the rounds."""

    STATIC = "static"
    SOLUTION = "solution"
    REVERSED = "reversed"
    ONLINE = "online"
    FULL_POWER = "full-power"


def round_levels(
    name: ScheduleName, promise: Promise, contraction: float, spent: float = 0.0, done: int = 0
) -> RoundLevels:
    r"""Return how a run's rounds get their levels.

    ``static``, ``solution`` and ``reversed`` are fixed before the run; a round whose power
    allows less takes less and leaves the rest unspent. ``online`` hands what weak rounds
    could not use to later ones. ``full-power`` takes all that power allows until the
    budget is spent. A subsampled run has one level for all rounds.

    Args:
        name: The schedule.
        promise: Budget and rounds.
        contraction: $A$ of ``solution``, ``reversed`` and ``online``, in (0, 1].
        spent: What a resumed run had spent, in the unit of its ledger.
        done: Rounds that are over.

    Raises:
        ValueError: If a subsampled run asks for another schedule than ``static``.
    """
    if promise.is_subsampled:
        if name is not ScheduleName.STATIC:
            raise ValueError(
                f"schedule {name.value!r} changes the noise from round to round, which Poisson "
                "batches are not accounted for; use schedule 'static', or batches 'fixed'"
            )
        return _fixed(np.full(promise.n_rounds, burst_level(promise)))
    if name is ScheduleName.ONLINE:
        return _online(promise, contraction, spent, done)
    if name is ScheduleName.FULL_POWER:
        return _online(replace(promise, n_rounds=1), 1.0, spent, 0)
    return _fixed(planned_levels(name, promise, contraction))


def planned_levels(name: ScheduleName, promise: Promise, contraction: float) -> Levels:
    """Return the levels of a run in which power allows any level, shape ``(n_rounds,)``."""
    if promise.is_subsampled:
        return np.full(promise.n_rounds, burst_level(promise))
    budget, free = whole_budget(promise), np.full(promise.n_rounds, np.inf)
    if name is ScheduleName.REVERSED:
        return reversed_solution(free, budget, contraction)
    if name is ScheduleName.STATIC:
        return static(free, budget)
    return solution(free, budget, contraction)


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
