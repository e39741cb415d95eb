"""Clients without a model: scalars drawn at random, to measure the link alone."""

import math
from collections.abc import Sequence

import numpy as np


class SyntheticClient:
    """Draws its scalars from a Gaussian and learns nothing.

    Args:
        client: Index; with the round's seed it makes the draw.
        scalar_std: Standard deviation of the scalars.
    """

    loss = math.nan
    example_scalars = ()

    def __init__(self, client: int, scalar_std: float) -> None:
        self._client = client
        self._scalar_std = scalar_std

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        """Return this round's draws."""
        draws = (np.random.default_rng([seed, self._client]).standard_normal() for seed in seeds)
        return tuple(float(self._scalar_std * draw) for draw in draws)

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Do nothing: there is no model."""


class UniformClient:
    """Draws its scalars between -1 and 1, all alike: for captures with known symbols.

    Args:
        client: Index; with the round's seed it makes the draw.
    """

    loss = math.nan
    example_scalars = ()

    def __init__(self, client: int) -> None:
        self._client = client

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        """Return this round's draws."""
        sources = (np.random.default_rng([seed, self._client]) for seed in seeds)
        return tuple(float(source.uniform(-1.0, 1.0)) for source in sources)

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Do nothing: there is no model."""
