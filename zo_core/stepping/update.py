"""theta <- theta - learning_rate * scalar * z: the step that all clients take together."""

import numpy as np
import torch

from zo_core.directions.generator import DirectionKind
from zo_core.directions.rounding import RoundingNoise
from zo_core.directions.steps import Step, move_weights


class UpdateNotFiniteError(ValueError):
    """An update is too large to be a number; with it the weights would be lost."""


def update_coefficient(scalar: float, learning_rate: float) -> float:
    """Give the factor of the direction in an update: -learning_rate * scalar.

    Raises:
        UpdateNotFiniteError: The factor is not a finite float32.
    """
    coefficient = -(learning_rate * scalar)
    if not abs(coefficient) <= float(np.finfo(np.float32).max):
        raise UpdateNotFiniteError(
            f"scalar = {scalar} times learning_rate = {learning_rate} is not a finite float32 "
            "number; an update with it would destroy the weights: lower the learning rate or "
            "leave the round out"
        )
    return coefficient


def apply_update(
    model: torch.nn.Module,
    seed: int,
    coefficient: float,
    kind: DirectionKind = DirectionKind.RADEMACHER,
    noise: RoundingNoise | None = None,
) -> None:
    """Add coefficient * z(seed) to the trainable weights, in place, in one pass.

    Each weight becomes theta + coefficient * z, computed in float32 with the coefficient
    rounded to float32, then rounded once, to nearest even, to the format of the weight. The
    result is the same bits for every number of threads and on every device. Note that in
    bfloat16 and float16 an update below half a unit in the last place of a weight is lost.

    Args:
        model: Model; parameters with ``requires_grad`` are updated, shared ones once.
        seed: 64-bit unsigned seed of the direction.
        coefficient: Factor of the direction.
        kind: Distribution of the direction.
        noise: Rounds weights of 16 bits stochastically instead: right in expectation, so that
            small updates add up.

    Raises:
        ValueError: Nothing is trainable, a parameter has an unsupported format, or the seed
            is not a 64-bit unsigned number.
    """
    move_weights(model, Step(seed, coefficient, kind, noise))
