r"""A diagonal of the curvature that every node makes again from seeds and broadcast scalars.

With $u$ the direction of a seed, a probe goes along $z = H^{-1/2} u$ instead of $u$, and the step
is $-\eta\, s\, z$ with $s$ the slope found there: where $H$ is large, weights are moved less. With
$g$ the mean of $s_i z_i$ over the directions of a step, $H$ starts at 1 and becomes

    H <- decay H + (1 - decay) g^2        element by element, after the step

Nothing but the seeds and the mean scalars enters, so a node that missed rounds catches up from
the journal: one pass over the directions a round, no forward pass.

Memory: one float32 number a trainable weight, as much again as the weights themselves in
float32 and twice them in 16 bits; and some buffers of 256 KiB.

What the diagonal can know: with one Rademacher direction a step $g^2$ is the same for every
weight, and $H$ is one number in many copies. Differences between weights need Gaussian
directions or several directions a step.

References:
    Li, Ying, Liu, Dong, Yang, "Converge Faster, Talk Less: Hessian-Informed Federated
    Zeroth-Order Optimization" (HiSo), ICLR 2026, arXiv 2506.02370. Start, recursion and order
    are those of the authors' program (DeComFL, ``cezo_fl/gradient_estimators/adam_forward.py``,
    commit 0c426e6); there slopes are one-sided, here they are central, and there several local
    steps may lie between two rounds, here there is one.
"""

from collections.abc import Iterable, Sequence

import torch

from zo_core.directions.exact_root import exact_root
from zo_core.directions.generator import DirectionKind
from zo_core.directions.steps import Step, add_step, placements

Estimate = Sequence[tuple[int, float]]
"""A gradient estimate: the sum of coefficient * z(seed) over its (seed, coefficient) pairs."""

TILE = 1 << 16
"""Elements of vectors as large as the model that are worked on at a time, in the cache."""


class Curvature:
    """The diagonal H of a model's trainable weights after so many steps.

    Args:
        model: Model; parameters with ``requires_grad`` have an element each.
        decay: Forgetting factor of the squares, in (0, 1).
        kind: Distribution of the directions.

    Attributes:
        diagonal: H, float32, shape ``(n_trainable,)``, where the weights are.
        n_steps: How many steps it has followed.

    Raises:
        ValueError: The trainable weights lie on more than one device.
    """

    def __init__(self, model: torch.nn.Module, decay: float, kind: DirectionKind) -> None:
        found = placements(model)
        devices = {placement.parameter.device for placement in found}
        if len(devices) > 1:
            raise ValueError(
                f"the trainable weights lie on {sorted(map(str, devices))}; the hiso rule needs "
                "them on one device: move the model there, or use another zo.rule"
            )
        n_trainable = found[-1].start + found[-1].parameter.numel()
        self.diagonal = torch.ones(n_trainable, dtype=torch.float32, device=devices.pop())
        self.n_steps = 0
        self._decay, self._kind = decay, kind

    def follow(self, estimates: Iterable[Estimate]) -> None:
        """Take in the estimates of further steps, in order: slopes along H^{-1/2} z(seed)."""
        for estimate in estimates:
            for first in range(0, self.diagonal.numel(), TILE):
                self._take_tile(first, estimate)
            self.n_steps += 1

    def _take_tile(self, first: int, estimate: Estimate) -> None:
        tile = self.diagonal[first : first + TILE]
        gradient = estimated_tile(tile, first, estimate, self._kind).div_(exact_root(tile))
        # One operation a line: a fused multiply-add would round otherwise on some machines.
        tile.mul_(self._decay)
        tile.add_(gradient.mul_(gradient).mul_(1 - self._decay))


def estimated_tile(
    like: torch.Tensor, first: int, estimate: Estimate, kind: DirectionKind
) -> torch.Tensor:
    """Return elements of an estimate as a new float32 tensor.

    Args:
        like: Has the shape ``(n,)`` and the device of the result.
        first: Position of the first element in the directions.
        estimate: Seeds and coefficients.
        kind: Distribution of the directions.
    """
    sums = torch.zeros_like(like, dtype=torch.float32)
    for seed, coefficient in estimate:
        add_step(sums, sums, first, Step(seed, coefficient, kind))
    return sums
