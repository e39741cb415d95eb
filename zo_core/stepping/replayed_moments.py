r"""Adam's step with both moments made again from seeds and scalars, tile by tile.

With $g_t$ the estimate of a step, $h$ the window and $n = \min(t, h)$,

    m = (1 - b1) sum_a b1^a g_{t-a}        v = (1 - b2) sum_a b2^a g_{t-a}^2        a = 0 .. n - 1
    theta <- theta - eta m / sqrt(v + eps)

element by element. There is no correction of the bias: the weights in $m$ sum to $1 - b_1^n$, those
in $v$ to $1 - b_2^n$, so at $b_1 = 0.9$, $b_2 = 0.99$ and $h = 8$ a step is about twice Adam's.

Memory: buffers of 256 KiB, whatever the size of the model and of the window; time: as many passes
over the directions as the window has directions.

With one Rademacher direction a step $g_t^2 = s_t^2$ for every weight, so $v$ is one number and
the step that of momentum over the scalars' root mean square. Gaussian directions, as published,
or several directions a step give every weight its own.

References:
    Cai, Chen, Zhu, "AdaMeZO: Adam-style Zeroth-Order Optimizer for LLM Fine-tuning Without
    Maintaining the Moments", ICML 2026, arXiv 2605.00650.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from zo_core.directions.exact_root import exact_root
from zo_core.directions.generator import DirectionKind
from zo_core.directions.steps import placements
from zo_core.stepping.curvature import TILE, Estimate, estimated_tile

EPSILON = 1e-8
"""Added under the root."""


@dataclass(frozen=True)
class Decays:
    """Forgetting factors of the first and of the second moment, b1 and b2."""

    first: float
    second: float


def step_by_moments(
    model: torch.nn.Module,
    estimates: Sequence[Estimate],
    learning_rate: float,
    decays: Decays,
    kind: DirectionKind,
) -> None:
    """Take one step; computed in float32 and rounded once to the format of the weights.

    Args:
        model: Model; parameters with ``requires_grad`` move.
        estimates: Those of the steps in the window, the newest last.
        learning_rate: eta.
        decays: b1 and b2.
        kind: Distribution of the directions.
    """
    for placement in placements(model):
        weights = placement.parameter.detach().view(-1)
        for first in range(0, weights.numel(), TILE):
            tile = weights[first : first + TILE]
            mean, square = _moments(tile, placement.start + first, estimates, decays, kind)
            step = mean.div_(exact_root(square.add_(EPSILON))).mul_(-learning_rate)
            tile.copy_(step.add_(tile))


def _moments(
    like: torch.Tensor,
    first: int,
    estimates: Sequence[Estimate],
    decays: Decays,
    kind: DirectionKind,
) -> tuple[torch.Tensor, torch.Tensor]:
    mean = torch.zeros_like(like, dtype=torch.float32)
    square = torch.zeros_like(mean)
    for age, estimate in enumerate(reversed(estimates)):
        gradient = estimated_tile(like, first, estimate, kind)
        # One operation a line: a fused multiply-add would round otherwise on some machines.
        mean.add_(gradient * ((1 - decays.first) * decays.first**age))
        square.add_(gradient.mul_(gradient).mul_((1 - decays.second) * decays.second**age))
    return mean, square
