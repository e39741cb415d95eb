r"""What else can be computed over the air: functions whose core is a mean.

A function of this kind is $\psi(\frac{1}{K} \sum_k \varphi(x_k))$: every node changes its numbers
before they are sent (`prepare`), the receiver changes the mean that it decodes (`finish`); nothing
in between knows of it. They are called nomographic (Goldenbaum, Boche and Stanczak, arXiv
1310.7123); geometric means over the air are in Goldenbaum and Stanczak, IEEE Trans. Commun. 61(9),
2013. What the mean's error becomes behind $\psi$ is part of each of them.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdr_ota.door.mean import Mean
from sdr_ota.door.mean_bench import MeanBench
from sdr_ota.erasure import Reason

Reals = NDArray[np.float64]

_ROUNDING = 1e-9


class AirFunction(Protocol):
    """A function whose core is a mean of numbers between -1 and 1."""

    def prepare(self, numbers: Reals) -> Reals:
        """Return what the nodes send, from their numbers; a row a node.

        Raises:
            ValueError: For numbers that the function does not take.
        """
        ...

    def finish(self, mean: Reals, std: Reals, n_nodes: int) -> tuple[Reals, Reals]:
        """Return the function's values and their standard deviations.

        Args:
            mean: Decoded, shape ``(q,)``.
            std: Of its errors, shape ``(q,)``; they are taken as Gaussian.
            n_nodes: Nodes that sent.
        """
        ...


@dataclass(frozen=True)
class Computed:
    """What one round brought.

    Attributes:
        value: Of the function, shape ``(q,)`` for q numbers a node; None if the round was erased.
        std: Standard deviation of its error as far as the mean's own error makes it.
        erasure: Why there is none; None where there is one.
        mean: The round behind it.
    """

    value: Reals | None
    std: Reals | None
    erasure: Reason | None
    mean: Mean


def compute(bench: MeanBench, function: AirFunction, numbers: ArrayLike) -> Computed:
    """Compute a function of the nodes' numbers in one round.

    Args:
        bench: Open radios; ``frame.symbols`` values a node are sent, so a histogram of 8 bins needs
            ``frame.symbols = 8``.
        function: Which.
        numbers: A row a node, shape ``(n_nodes,)`` or ``(n_nodes, n_numbers)``.

    Raises:
        ValueError: For numbers that the function or the bench does not take, and where votes are
            sent, which have no mean.
    """
    if bench.config.link.payload != "analog":
        raise ValueError(
            f'link.payload = "{bench.config.link.payload}" sends votes, whose majority is no mean: '
            'use link.payload = "analog"'
        )
    given = np.asarray(numbers, np.float64)
    if given.ndim not in {1, 2}:
        raise ValueError(f"a number or a row a node is needed, not an array of shape {given.shape}")
    sent = np.asarray(function.prepare(given), np.float64)
    _refuse_unprepared(sent, function)
    mean = bench.mean(sent, scalar_limit=1.0)
    if mean.value is None or mean.std is None:
        return Computed(None, None, mean.erasure, mean)
    value, std = function.finish(
        np.atleast_1d(np.asarray(mean.value)), np.atleast_1d(np.asarray(mean.std)), mean.n_active
    )
    return Computed(value, std, None, mean)


@dataclass(frozen=True)
class GeometricMean:
    r"""$(\prod_k x_k)^{1/K}$ of positive numbers: the mean of their logarithms.

    With $L = \ln(\text{highest} / \text{lowest})$ an error $\sigma$ of the mean becomes a relative
    one of $\sqrt{e^{L^2 \sigma^2 / 4} - 1}$, about $L \sigma / 2$: a wide range costs precision.
    The value is divided by $e^{L^2 \sigma^2 / 8}$, by which a Gaussian error in the exponent would
    make it too large on average.

    Attributes:
        lowest: Smallest number that is taken, positive.
        highest: Largest one.
    """

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest < math.inf:
            raise ValueError(
                f"lowest = {self.lowest:g}, highest = {self.highest:g}: 0 < lowest < highest"
            )

    @property
    def _half_range(self) -> float:
        return math.log(self.highest / self.lowest) / 2

    def prepare(self, numbers: Reals) -> Reals:
        """Return logarithms, between -1 (lowest) and 1 (highest)."""
        _refuse_outside(numbers, self.lowest, self.highest)
        return np.asarray(np.log(numbers / self.lowest) / self._half_range - 1)

    def finish(self, mean: Reals, std: Reals, n_nodes: int) -> tuple[Reals, Reals]:
        """Return the geometric mean and its standard deviation."""
        variance = (self._half_range * std) ** 2
        value = self.lowest * np.exp(self._half_range * (mean + 1) - variance / 2)
        return value, value * np.sqrt(np.expm1(variance))


@dataclass(frozen=True)
class Maximum:
    r"""The largest of numbers that are not negative, from the mean of their p-th powers.

    $\frac{1}{K} \sum_k x_k^p \le \max^p \le \sum_k x_k^p$: the mean alone leaves the maximum open
    by a factor of $K^{1/p}$. The value is the middle of that range in decibels, off by $K^{1/2p}$
    at most (`slack`). An error $\sigma$ of the mean makes a relative one of
    $\sigma / (2 p \bar{y})$ with the mean of $(x_k / \text{highest})^p$, $\bar{y}$: a maximum that
    is small against ``highest`` is lost in it, the sooner the larger p is.

    Attributes:
        highest: Largest number that is taken.
        order: p, at least 1.
    """

    highest: float
    order: float = 8.0

    def __post_init__(self) -> None:
        if not (0 < self.highest < math.inf and 1 <= self.order < math.inf):
            raise ValueError(
                f"highest = {self.highest:g} must be positive, order = {self.order:g} at least 1"
            )

    def slack(self, n_nodes: int) -> float:
        """Return the factor by which the value may be off without any noise."""
        return float(n_nodes ** (0.5 / self.order))

    def prepare(self, numbers: Reals) -> Reals:
        """Return powers, between -1 (zero) and 1 (highest)."""
        _refuse_outside(numbers, 0.0, self.highest)
        return np.asarray(2 * (numbers / self.highest) ** self.order - 1)

    def finish(self, mean: Reals, std: Reals, n_nodes: int) -> tuple[Reals, Reals]:
        """Return the middle of the range in which the maximum lies, and its deviation by noise."""
        power, power_std = np.maximum((mean + 1) / 2, 0.0), std / 2
        middle = self.highest * math.sqrt(n_nodes) ** (1 / self.order)
        value = middle * power ** (1 / self.order)
        # Where noise is larger than the mean power its slope says nothing: that of the noise does.
        floor = np.maximum(power, power_std)
        return value, middle * floor ** (1 / self.order) / self.order * power_std / floor


@dataclass(frozen=True)
class Histogram:
    r"""How many nodes have a number in each of some bins: a node sends one symbol a bin.

    A count's deviation is $K \sigma / 2$; rounded to a whole number it is wrong with the
    probability $2 Q(1 / (K \sigma))$. So the number of nodes that can be counted one by one is
    limited by $\sigma$, and the bins cost air time, not precision.

    Attributes:
        edges: Of the bins, ascending; a number belongs to the bin whose lower edge it reaches, so
            that the last edge itself is in none.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or not (np.diff(self.edges) > 0).all():
            raise ValueError(f"edges = {self.edges}: at least two, ascending")

    def prepare(self, numbers: Reals) -> Reals:
        """Return 1 in each node's bin and -1 in the others, shape ``(n_nodes, n_bins)``."""
        if numbers.ndim != 1:
            raise ValueError(f"a histogram takes one number a node, not {numbers.shape}")
        lowest, end = self.edges[0], self.edges[-1]
        allowed = f"{lowest:g} to below {end:g}"
        _refuse_outside(numbers, lowest, np.nextafter(end, -math.inf), allowed)
        n_bins = len(self.edges) - 1
        bins = np.searchsorted(self.edges, numbers, side="right") - 1
        return np.asarray(2.0 * np.eye(n_bins)[bins] - 1)

    def finish(self, mean: Reals, std: Reals, n_nodes: int) -> tuple[Reals, Reals]:
        """Return the counts, not rounded, and their standard deviations."""
        return n_nodes * (mean + 1) / 2, n_nodes * std / 2


def _refuse_unprepared(sent: Reals, function: AirFunction) -> None:
    """Refuse what the bench would clip; rounding may pass the end by a little."""
    if not (np.abs(sent) <= 1 + _ROUNDING).all():
        raise ValueError(
            f"{type(function).__name__}.prepare returned numbers from {sent.min():g} to "
            f"{sent.max():g}; allowed: -1 to 1"
        )


def _refuse_outside(numbers: Reals, lowest: float, highest: float, allowed: str = "") -> None:
    outside = ~((numbers >= lowest) & (numbers <= highest))
    if outside.any():
        node = int(np.argwhere(outside)[0][0])
        wrong = numbers[outside].reshape(-1)[0]
        allowed = allowed or f"{lowest:g} to {highest:g}"
        raise ValueError(f"node {node} has {wrong:g}; allowed: {allowed}")
