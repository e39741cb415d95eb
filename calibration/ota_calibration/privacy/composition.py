r"""What several runs on the same data cost together.

A run's cost is kept in a form that does not depend on how neighbours differ: rounds without
subsampling add up to $\sum_t (C / \sigma_t)^2$ with the largest contribution $C$ of one example
(or client) to the noise that protects it; Poisson rounds are counted by their rate and noise
multiplier. The accountants compose these exactly, at any $\delta$; no epsilons are added.

Where runs differ, the sum is stated in the words that all of them keep:

==============  ====================================================================
neighbours      ``replace`` if any run says so. The others are counted as if an example
                had been replaced in them too, which moves their means twice as far.
trust           that of the run which trusts most: whoever sees less learns less.
delta           the one that is asked for. Each run's own plays no part.
unit            one example. Whoever hides a whole client hides each of its examples.
==============  ====================================================================
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.poisson_accountant import (
    COARSE_LOSS_STEP,
    least_noise_multiplier,
    mixed_epsilon,
)
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.trust import TrustModel

_TRUSTS = tuple(TrustModel)
"""From the one that trusts most."""


@dataclass(frozen=True)
class Cost:
    """What rounds cost whoever was in their data, in a form that adds up.

    Attributes:
        relation: How neighbours differ in the sum.
        trust: Whose noise counts.
        unit: What the sum is about.
        mu_squared: Of rounds without subsampling: the sum of the squares of largest contribution
            over protecting noise.
        sampled: Number of Poisson rounds by their rate and noise multiplier.
    """

    relation: Relation = Relation.ADD_REMOVE
    trust: TrustModel = TrustModel.LOCAL
    unit: Unit = Unit.CLIENT
    mu_squared: float = 0.0
    sampled: Mapping[tuple[float, float], int] = field(default_factory=dict)

    def __add__(self, other: "Cost") -> "Cost":
        """Return what both cost together."""
        replaced = Relation.REPLACE in {self.relation, other.relation}
        records = Unit.RECORD in {self.unit, other.unit}
        return Cost(
            Relation.REPLACE if replaced else Relation.ADD_REMOVE,
            min(self.trust, other.trust, key=_TRUSTS.index),
            Unit.RECORD if records else Unit.CLIENT,
            self.mu_squared + other.mu_squared,
            Counter(self.sampled) + Counter(other.sampled),
        )

    def epsilon(self, delta: float) -> float:
        r"""Return the $\epsilon$ of all rounds at ``delta``.

        Raises:
            MissingAccountantError: If there are Poisson rounds and no accountant for them.
        """
        if not self.sampled:
            step = Adjacency(relation=self.relation).contributions
            return gaussian_epsilon(step * math.sqrt(self.mu_squared), delta)
        rounds = dict(self.sampled)
        if self.mu_squared > 0:  # all of them are one round of less noise
            rounds[1.0, self.mu_squared**-0.5] = 1
        return mixed_epsilon(rounds, delta, self.relation, COARSE_LOSS_STEP)


def cost_of(promise: Promise, spent: float | None = None) -> Cost:
    """Return what a run has cost, or may cost in all.

    Args:
        promise: What it promises.
        spent: By its dearest node, in the unit of its ledger; None for the whole budget.
    """
    spent = promise.budget() if spent is None else spent
    adjacency, trust = promise.adjacency, promise.trust
    if not promise.is_subsampled:
        one = spent / adjacency.contributions**2
        return Cost(adjacency.relation, trust, adjacency.unit, mu_squared=one)
    sampled = {}
    if spent:
        noise = promise.sampling_rate, promise.burst_noise_multiplier()
        sampled[noise] = math.ceil(spent)
    return Cost(adjacency.relation, trust, adjacency.unit, sampled=sampled)


def total_cost(costs: Iterable[Cost]) -> Cost:
    """Return what runs cost together; of none, nothing."""
    return sum(costs, Cost())


def epsilon_left(before: Cost, promise: Promise, limit: float) -> float:
    r"""Return the largest $\epsilon$ that a further run may promise; 0 if none is left.

    Args:
        before: What was spent on the data.
        promise: What the run is like: all but its epsilon counts.
        limit: Epsilon of all runs together, at the promise's delta.

    Raises:
        MissingAccountantError: If there are Poisson rounds and no accountant for them.
    """
    if before.epsilon(promise.delta) >= limit:
        return 0.0

    def run_of(multiplier: float) -> Cost:
        own = cost_of(promise, 0.0)
        if promise.is_subsampled:
            sampled = {(promise.sampling_rate, multiplier): promise.n_rounds}
            return Cost(own.relation, own.trust, own.unit, sampled=sampled)
        return Cost(own.relation, own.trust, own.unit, multiplier**-2)

    least = least_noise_multiplier(
        lambda multiplier: (before + run_of(multiplier)).epsilon(promise.delta), limit
    )
    return run_of(least).epsilon(promise.delta)
