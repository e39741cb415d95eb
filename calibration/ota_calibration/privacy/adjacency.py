r"""What is protected: which data may differ, and how far that moves what a client sends.

What a burst carries of a client are its scalars $p \in \mathbb R^q$ along the $q$ directions of
the round, $p = \frac1b \sum_i \mathrm{clip}_\gamma(p_i)$ over its batch, with a divisor $b$ that
does not depend on the data. The clip bounds the Euclidean norm of all scalars of an example
together; of a single one it is the clip to $\pm\gamma$. One example moves $p$ by a vector of norm
$\gamma / b$ at most when it appears or vanishes, $2\gamma / b$ when another takes its place.
Replacing all data of a client moves it by $2\gamma$, provided that $p$ itself is clipped at
$\gamma$ too; that clip brings no two vectors further apart.

**Any $q$ costs what one scalar costs.** Noise that is independent and equally strong in each
coordinate looks the same from every direction. Without subsampling only the length of the vector
between two means counts. With Poisson batches a record adds $x$ or, replaced, $y$, both of norm
$\gamma / b$ at most, with probability $r$. The hockey-stick divergence of
$(1-r) N(0) + r N(x)$ from $(1-r) N(0) + r N(y)$ is the mean of
$((1-r)(1-\alpha) + r e^{u - |x|^2/2} - \alpha r e^{v - |y|^2/2})^+$ over $u = x^T z$,
$v = y^T z$ with $z$ normal. Its derivative to the covariance of $u$ and $v$ is the mean of the
mixed second derivative, which is never positive; so it is largest where the covariance is least,
with $x$ and $y$ opposite on one line: the case of one scalar.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    r"""Return the norm of what one unit adds to its client's scalars at most.

    $\gamma / b$ for a record, $\gamma$ for a client. Noise multipliers of the
    Poisson accountant are relative to this.

    Args:
        unit: What is protected.
        scalar_limit: $\gamma$, clip of the norm of each example's scalars and of the client's.
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
    r"""Return $\Delta$, how far neighbouring data move one client's scalars at most.

    Args:
        adjacency: What is protected and how neighbours differ.
        scalar_limit: $\gamma$.
        batch_divisor: $b$; plays no part for a client.

    >>> sensitivity(Adjacency(Unit.CLIENT), scalar_limit=100.0, batch_divisor=64)
    200.0
    """
    contribution = largest_contribution(adjacency.unit, scalar_limit, batch_divisor)
    return adjacency.contributions * contribution


def clip_norm(vectors: ArrayLike, largest_norm: float) -> NDArray[np.float64]:
    r"""Return vectors, each scaled down to a Euclidean norm of ``largest_norm`` where it has more.

    A single number is clipped to $\pm$ ``largest_norm``, to the bit. Infinities count as the
    largest floating-point number; a NaN stays one.

    Args:
        vectors: Shape ``(n_dimensions, ...)``, one vector in every column.
        largest_norm: Positive.

    >>> clip_norm([3.0, -4.0], largest_norm=1.0).tolist()
    [0.6, -0.8]
    """
    finite = np.nan_to_num(np.asarray(vectors, dtype=np.float64), nan=np.nan)
    largest = np.abs(finite).max(axis=0)
    scaled = finite / np.where(largest > 0, largest, 1.0)  # its square is neither 0 nor infinite
    norms = np.maximum(np.sqrt(np.sum(scaled**2, axis=0)), 1.0)
    with np.errstate(over="ignore"):
        too_long = largest * norms > largest_norm
    return np.where(too_long, scaled / norms * largest_norm, finite)


def clipped_mean(
    example_scalars: NDArray[np.float64], scalar_limit: float, batch_divisor: int
) -> NDArray[np.float64]:
    r"""Return $\frac1b \sum_i \mathrm{clip}_\gamma(p_i)$, clipped at $\gamma$ again.

    A NaN counts as zero, so that one broken example neither stops the run nor
    passes its limit; infinities are clipped. The second clip matters when a
    Poisson batch is larger than $b$.

    Args:
        example_scalars: $p_i$ of the batch, shape ``(n_directions, n_examples)``; there may be
            no example.
        scalar_limit: $\gamma$, of the norm of an example's scalars.
        batch_divisor: $b$, fixed for the run, whatever the batch holds.

    Returns:
        The client's scalars, shape ``(n_directions,)``.

    >>> clipped_mean(np.array([[3.0, -50.0, 4.0]]), scalar_limit=5.0, batch_divisor=4).tolist()
    [0.5]
    """
    known = np.where(np.isnan(example_scalars), 0.0, example_scalars)
    total = clip_norm(known, scalar_limit).sum(axis=-1)
    return clip_norm(total / batch_divisor, scalar_limit)
