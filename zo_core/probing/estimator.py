"""Two forward passes -> one scalar: the slope of the loss along a random direction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from zo_core.directions.generator import DirectionKind
from zo_core.probing.passes import ExampleLosses, ExampleT, Passes, in_order, losses_in_passes
from zo_core.probing.perturbation import perturbed

DEFAULT_PASSES = in_order(64)
LossT = TypeVar("LossT", float, NDArray[np.float64])


@dataclass(frozen=True)
class Probe:
    """How a model is probed.

    Attributes:
        perturbation_scale: Distance from the weights to each of the two probed points, in
            elements of the direction; positive. A power of two is exact in every format.
        kind: Distribution of the direction.
        passes: Which examples share a forward pass. It bounds memory; losses are per example,
            so it changes what is computed by rounding alone.
        is_central: Whether the weights are probed on both sides; else on one side and at the
            weights themselves, once for all directions of a round.
    """

    perturbation_scale: float = 2.0**-10
    kind: DirectionKind = DirectionKind.RADEMACHER
    passes: Passes[Any] = DEFAULT_PASSES
    is_central: bool = True

    def __post_init__(self) -> None:
        if not (self.perturbation_scale > 0 and math.isfinite(self.perturbation_scale)):
            raise ValueError(
                f"perturbation_scale = {self.perturbation_scale} must be positive and finite; "
                "2**-10 is a good start"
            )


@dataclass(frozen=True)
class ProbeLosses:
    """Losses of each example at theta + scale * z and theta - scale * z, shape (n_examples,).

    Of a one-sided probe ``minus`` is that at theta.
    """

    plus: NDArray[np.float64]
    minus: NDArray[np.float64]


def projected_gradient(loss_plus: LossT, loss_minus: LossT, perturbation_scale: float) -> LossT:
    """Give the two-point estimate of the slope of the loss along the direction.

    (F(theta + mu z) - F(theta - mu z)) / (2 mu) with mu the perturbation scale: exact for a
    quadratic F, and its product with z has the gradient as expectation where z has
    independent elements of mean 0 and variance 1.

    Args:
        loss_plus: F(theta + mu z); of one loss, or of many examples at once.
        loss_minus: F(theta - mu z).
        perturbation_scale: mu, positive.

    Returns:
        The slope, a client's scalar; or those of all examples. Clipping each of them bounds
        what one example can do, without another pass over the model.

    References:
        Spall, IEEE Trans. Automatic Control 37(3), 1992, pp. 332-341.

    >>> projected_gradient(1.5, 1.0, 0.25)
    1.0
    """
    return (loss_plus - loss_minus) / (2 * perturbation_scale)


def forward_difference(loss_plus: LossT, loss: LossT, perturbation_scale: float) -> LossT:
    """Give the one-sided estimate of the slope of the loss along the direction.

    (F(theta + mu z) - F(theta)) / mu: off by mu / 2 times the curvature along z, and by rounding
    twice as much as `projected_gradient`. All directions probed at theta share F(theta): q + 1
    passes for q of them.

    Args:
        loss_plus: F(theta + mu z); of one loss, or of many examples at once.
        loss: F(theta).
        perturbation_scale: mu, positive.

    >>> forward_difference(1.5, 1.25, 0.25)
    1.0
    """
    return (loss_plus - loss) / perturbation_scale


def directions_losses(
    model: torch.nn.Module,
    example_losses: ExampleLosses[ExampleT],
    examples: Sequence[ExampleT],
    seeds: Sequence[int],
    probe: Probe,
) -> list[ProbeLosses]:
    """Measure every example's loss for the directions of a round, at the same weights.

    Two passes a direction; a one-sided probe takes one, and one more for all of them.

    Args:
        model: As of `probe_losses`.
        example_losses: Losses of given examples under the model.
        examples: Examples, may be none.
        seeds: 64-bit unsigned seeds of the directions.
        probe: How far, in which distribution and on how many sides to probe.

    Raises:
        ValueError: As `probe_losses`.
    """
    if probe.is_central:
        return [probe_losses(model, example_losses, examples, seed, probe) for seed in seeds]
    _check_evaluating(model)
    with torch.inference_mode():
        here = losses_in_passes(model, example_losses, examples, probe.passes)
    probed = []
    for seed in seeds:
        with torch.inference_mode(), perturbed(model, seed, probe.perturbation_scale, probe.kind):
            there = losses_in_passes(model, example_losses, examples, probe.passes)
        probed.append(ProbeLosses(plus=there, minus=here))
    return probed


def probe_losses(
    model: torch.nn.Module,
    example_losses: ExampleLosses[ExampleT],
    examples: Sequence[ExampleT],
    seed: int,
    probe: Probe,
) -> ProbeLosses:
    """Measure every example's loss at both probed points; the weights are never written to.

    Args:
        model: Model in evaluation mode; parameters with ``requires_grad`` are perturbed.
        example_losses: Losses of given examples under the model.
        examples: Examples, may be none.
        seed: 64-bit unsigned seed of the direction.
        probe: How far and in which distribution to probe.

    Returns:
        The losses in the order of the examples; they may be NaN or infinite.

    Raises:
        ValueError: The model is in training mode, or the losses have the wrong shape.
    """
    _check_evaluating(model)
    both = []
    for scale in (probe.perturbation_scale, -probe.perturbation_scale):
        with torch.inference_mode(), perturbed(model, seed, scale, probe.kind):
            both.append(losses_in_passes(model, example_losses, examples, probe.passes))
    return ProbeLosses(plus=both[0], minus=both[1])


def _check_evaluating(model: torch.nn.Module) -> None:
    if model.training:
        raise ValueError("the model is in training mode, so dropout would drown the slope; eval()")
