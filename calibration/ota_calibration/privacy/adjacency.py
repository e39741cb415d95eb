r"""What is protected: which data may differ, and how far that moves one scalar.

A client's scalar is $p = \frac1b \sum_i \mathrm{clip}_\gamma(p_i)$ over its
batch, with a divisor $b$ that does not depend on the data. One example moves it
by $\gamma / b$ when it appears or vanishes, by $2\gamma / b$ when another takes
its place. Replacing all data of a client moves it by $2\gamma$, provided that
the scalar itself is clipped at $\gamma$ too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Unit(StrEnum):
    """Whose presence is hidden."""

    RECORD = "record"
    CLIENT = "client"


class Relation(StrEnum):
    """How two neighbouring data sets differ in one unit."""

    ADD_REMOVE = "add-remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Neighbouring data sets: one ``unit`` added or removed, or replaced by another.

    Attributes:
        unit: One example of one client, or all data of one client.
        relation: Added or removed (one contribution), or replaced (two).
    """

    unit: Unit = Unit.RECORD
    relation: Relation = Relation.REPLACE

    @property
    def contributions(self) -> int:
        """How many largest contributions apart two neighbours are: 1 or 2."""
        return 2 if self.relation is Relation.REPLACE else 1


def largest_contribution(unit: Unit, scalar_limit: float, batch_divisor: int) -> float:
    r"""Return what one unit adds to its client's scalar at most.

    $\gamma / b$ for a record, $\gamma$ for a client. Noise multipliers of the
    Poisson accountant are relative to this.

    Args:
        unit: What is protected.
        scalar_limit: $\gamma$, clip of each example's scalar and of the client's.
        batch_divisor: $b$, the fixed number the clipped scalars are divided by.

    >>> largest_contribution(Unit.RECORD, scalar_limit=100.0, batch_divisor=50)
    2.0
    """
    if not (scalar_limit > 0 and batch_divisor >= 1):
        raise ValueError(
            f"scalar_limit = {scalar_limit} must be positive, batch_divisor = {batch_divisor} "
            "at least 1"
        )
    return scalar_limit if unit is Unit.CLIENT else scalar_limit / batch_divisor


def sensitivity(adjacency: Adjacency, scalar_limit: float, batch_divisor: int) -> float:
    r"""Return $\Delta$, how far neighbouring data move one client's scalar at most.

    Args:
        adjacency: What is protected and how neighbours differ.
        scalar_limit: $\gamma$.
        batch_divisor: $b$; plays no part for a client.

    >>> sensitivity(Adjacency(Unit.CLIENT), scalar_limit=100.0, batch_divisor=64)
    200.0
    """
    contribution = largest_contribution(adjacency.unit, scalar_limit, batch_divisor)
    return adjacency.contributions * contribution


def clipped_mean(
    example_scalars: Sequence[float] | NDArray[np.float64], scalar_limit: float, batch_divisor: int
) -> float:
    r"""Return $\frac1b \sum_i \mathrm{clip}_\gamma(p_i)$, clipped at $\gamma$ again.

    A NaN counts as zero, so that one broken example neither stops the run nor
    passes its limit; infinities are clipped. The second clip matters when a
    Poisson batch is larger than $b$.

    Args:
        example_scalars: $p_i$ of the batch, shape ``(n_examples,)``, may be empty.
        scalar_limit: $\gamma$.
        batch_divisor: $b$, fixed for the run, whatever the batch holds.

    >>> clipped_mean([3.0, -50.0, 4.0], scalar_limit=5.0, batch_divisor=4)
    0.5
    """
    scalars = np.nan_to_num(np.asarray(example_scalars, dtype=np.float64), nan=0.0)
    total = float(np.clip(scalars, -scalar_limit, scalar_limit).sum())
    return float(np.clip(total / batch_divisor, -scalar_limit, scalar_limit))


def cyclic_mu(round_mu: NDArray[np.float64], n_batches: int) -> float:
    r"""Return the run's $\mu$ when every record lies in one of ``n_batches`` fixed batches.

    The batches take turns in a public order, so a record pays only in every
    ``n_batches``-th round; the record with the dearest rounds counts.

    Args:
        round_mu: $\mu_t$ that a record present in round t would pay, shape ``(n_rounds,)``.
        n_batches: Number of disjoint batches of the data, fixed before the run.

    >>> cyclic_mu(np.array([3.0, 1.0, 4.0, 1.0]), n_batches=2)
    5.0
    """
    if n_batches < 1:
        raise ValueError(f"n_batches = {n_batches} must be at least 1")
    turns = np.arange(len(round_mu)) % n_batches
    return float(np.sqrt(np.bincount(turns, weights=round_mu**2, minlength=1).max()))
