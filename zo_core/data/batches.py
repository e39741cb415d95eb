"""Which examples a client probes in a round."""

from collections.abc import Callable, Sequence
from secrets import SystemRandom
from typing import TypeAlias

import numpy as np

Draw: TypeAlias = Callable[[int, Sequence[int]], Sequence[int]]
"""From the number of examples a client holds and the numbers that name the draw (each at
least 0) to the indices of the examples that are probed."""


def fixed_batch(n_drawn: int) -> Draw:
    """Draw equally many examples every time, without replacement, as the draw's name says.

    All examples are given, in order, where a client holds no more than ``n_drawn``.

    Args:
        n_drawn: At least 1.

    Raises:
        ValueError: It is less.
    """
    if n_drawn < 1:
        raise ValueError(f"a batch of {n_drawn} examples has no loss; draw at least 1")

    def draw(n_examples: int, name: Sequence[int]) -> Sequence[int]:
        if n_drawn >= n_examples:
            return range(n_examples)
        chosen = np.random.default_rng(list(name)).choice(n_examples, n_drawn, replace=False)
        return [int(index) for index in chosen]

    return draw


def poisson_batch(rate: float) -> Draw:
    """Draw every example on its own, from the operating system's entropy.

    This is what the accounting of subsampled privacy asks for: nobody can foretell or
    repeat the draw, and a batch may be empty. The name of the draw plays no part.

    Args:
        rate: Chance of every example, in (0, 1].

    Raises:
        ValueError: It is outside.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"rate = {rate} is a chance; give a number in (0, 1]")
    system = SystemRandom()

    def draw(n_examples: int, name: Sequence[int]) -> Sequence[int]:
        return [index for index in range(n_examples) if system.random() < rate]

    return draw
