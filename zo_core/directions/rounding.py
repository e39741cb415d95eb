"""Stochastic rounding of steps of 16-bit weights, from the generator of the directions.

A weight between two neighbours of its format becomes the further one with the probability that
makes its expectation right, so that steps far below the distance of neighbours are not lost but
add up (Gupta et al., "Deep Learning with Limited Numerical Precision", ICML 2015, arXiv
1502.02551, section 3).

Position i takes 16 bits: half i mod 2 (low half first) of word (i mod 8) div 2 of block i div 8,
whose counter is (low 32 bits of the block, high 32 bits, number of the update, 2 + number of the
move within the update), with the seed of the move as key. So noise is the same bits on every
machine, never shares bits with a direction, and differs where a seed is used again.
"""

from dataclasses import dataclass

import torch

PER_BLOCK = 8
FIRST_STREAM = 2
"""Streams 0 and 1 are the directions'."""


@dataclass(frozen=True)
class RoundingNoise:
    """Names the noise with which a move of the weights is rounded.

    Attributes:
        update: Number of the update, in [0, 2**32).
        move: Number of the move within it; at least 0.
    """

    update: int
    move: int = 0

    @property
    def stream(self) -> int:
        """Fourth word of the counter."""
        return FIRST_STREAM + self.move


def on_grid(values: torch.Tensor, noise: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Round numbers to a 16-bit format, up or down as noise says.

    Args:
        values: Float32, any shape.
        noise: Integers in [0, 2**16), int64, like values.
        dtype: bfloat16 or float16.

    Returns:
        The numbers in that format. What is no finite number stays as it is.
    """
    bits = values.view(torch.int32)
    if dtype == torch.bfloat16:
        rounded = ((bits + noise.to(torch.int32)) & -(1 << 16)).view(torch.float32)
    else:
        normal = ((bits + (noise >> 3).to(torch.int32)) & -(1 << 13)).view(torch.float32)
        # Below 2^-14 neighbours of float16 are 2^-24 apart, however small they are.
        steps = torch.floor(values.abs() * 2.0**24 + noise.to(torch.float32) * 2.0**-16)
        small = torch.copysign(steps * 2.0**-24, values)
        rounded = torch.where(values.abs() < 2.0**-14, small, normal)
    return torch.where(values.isfinite(), rounded, values).to(dtype)
