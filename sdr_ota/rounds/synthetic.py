"""Clients without a model: scalars drawn at random, to measure the link alone."""

import math

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

    def local_scalar(self, seed: int) -> float:
        """Return this round's draw."""
        rng = np.random.default_rng([seed, self._client])
        return float(self._scalar_std * rng.standard_normal())

    def apply(self, round_index: int, mean_scalar: float, seed: int) -> None:
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

    def local_scalar(self, seed: int) -> float:
        """Return this round's draw."""
        return float(np.random.default_rng([seed, self._client]).uniform(-1.0, 1.0))

    def apply(self, round_index: int, mean_scalar: float, seed: int) -> None:
        """Do nothing: there is no model."""
