"""The directions in plain torch integer operations, for any device.

The same numbers as `directions` and `cpu_kernels`, bit for bit: all integer steps are exact
and each float step is a single operation that IEEE 754 rounds one way only.
"""

from collections.abc import Callable
from functools import cache

import torch

from zo_core.directions.generator import (
    KEY_INCREMENTS,
    MULTIPLIERS,
    PHILOX_ROUNDS,
    DirectionKind,
    gaussian_table,
    key_words,
)
from zo_core.directions.rounding import PER_BLOCK, RoundingNoise, on_grid

_WORD = 0xFFFFFFFF
_CHUNK = 1 << 20


def add_to_rows(
    out: torch.Tensor,
    theta: torch.Tensor,
    row_starts: torch.Tensor,
    seed: int,
    coefficient: float,
    kind: DirectionKind,
) -> None:
    """Write out = theta + coefficient * z, each row at its own place in the direction.

    Computed in float32 (product, then sum, each rounded) and rounded once to the format of
    out. The coefficient is rounded to float32 first.

    Args:
        out: Destination, shape ``(n_rows, width)``; may be theta itself.
        theta: Weights, shape ``(n_rows, width)``.
        row_starts: Position in the direction of the first element of each row, int64,
            shape ``(n_rows,)``.
        seed: 64-bit seed.
        coefficient: Factor of the direction.
        kind: Distribution of the direction.
    """
    scale = torch.tensor(coefficient, dtype=torch.float32, device=theta.device)
    for offset in range(0, theta.shape[1], _CHUNK):
        part = slice(offset, offset + _CHUNK)
        width = theta[:, part].shape[1]
        rows = max(1, _CHUNK // width)
        for first in range(0, theta.shape[0], rows):
            block = slice(first, first + rows)
            elements = direction_rows(row_starts[block] + offset, width, seed, kind)
            out[block, part] = (theta[block, part].float() + scale * elements).to(out.dtype)


def direction_rows(
    row_starts: torch.Tensor, width: int, seed: int, kind: DirectionKind
) -> torch.Tensor:
    """Give z[start], ..., z[start + width - 1] for each start.

    Args:
        row_starts: First positions, int64, shape ``(n_rows,)``.
        width: Elements a row.
        seed: 64-bit seed.
        kind: Distribution of the direction.

    Returns:
        Elements in float32 on the device of row_starts, shape ``(n_rows, width)``.
    """
    made = _signs if kind is DirectionKind.RADEMACHER else _gaussians
    counter = (0, kind.stream)
    return _rows(row_starts, width, kind.elements_per_block, seed, counter, made)


def add_rounded(
    weights: torch.Tensor,
    start: int,
    seed: int,
    coefficient: float,
    kind: DirectionKind,
    noise: RoundingNoise,
) -> None:
    """Move 16-bit weights along a direction, in place, and round them stochastically.

    Args:
        weights: bfloat16 or float16, shape ``(n,)``.
        start: Position in the direction of the first of them.
        seed: 64-bit seed.
        coefficient: Factor of the direction; rounded to float32.
        kind: Distribution of the direction.
        noise: With which they are rounded.
    """
    scale = torch.tensor(coefficient, dtype=torch.float32, device=weights.device)
    for offset in range(0, weights.numel(), _CHUNK):
        part = weights[offset : offset + _CHUNK]
        starts = torch.tensor([start + offset], device=weights.device)
        elements = direction_rows(starts, part.numel(), seed, kind)[0]
        moved = part.float() + (0.0 + scale * elements)
        counter = (noise.update, noise.stream)
        bits = _rows(starts, part.numel(), PER_BLOCK, seed, counter, _halves)[0]
        weights[offset : offset + _CHUNK] = on_grid(moved, bits, weights.dtype)


def _rows(
    row_starts: torch.Tensor,
    width: int,
    per_block: int,
    seed: int,
    counter: tuple[int, int],
    made: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Give what is made of the words of blocks, from some positions on."""
    first_blocks = torch.div(row_starts, per_block, rounding_mode="floor")
    skipped = row_starts - first_blocks * per_block
    # A row that starts inside a block may touch one block more than one that starts at 0.
    n_blocks = (width + 2 * per_block - 2) // per_block
    steps = torch.arange(n_blocks, device=row_starts.device)
    elements = made(_philox(first_blocks[:, None] + steps, seed, counter))
    elements = elements.reshape(row_starts.shape[0], -1)
    columns = skipped[:, None] + torch.arange(width, device=row_starts.device)
    return elements.gather(1, columns)


def _philox(blocks: torch.Tensor, seed: int, counter: tuple[int, int]) -> torch.Tensor:
    # int64 holds the 64-bit products: they wrap, and masking after the shift drops the sign.
    c0, c1 = blocks & _WORD, (blocks >> 32) & _WORD
    c2, c3 = (torch.full_like(blocks, word) for word in counter)
    k0, k1 = key_words(seed)
    for _ in range(PHILOX_ROUNDS):
        even, odd = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c2 = ((odd >> 32) & _WORD) ^ c1 ^ k0, ((even >> 32) & _WORD) ^ c3 ^ k1
        c1, c3 = odd & _WORD, even & _WORD
        k0, k1 = (k0 + KEY_INCREMENTS[0]) & _WORD, (k1 + KEY_INCREMENTS[1]) & _WORD
    return torch.stack([c0, c1, c2, c3], dim=-1)


def _signs(words: torch.Tensor) -> torch.Tensor:
    bits = (words[..., None] >> torch.arange(32, device=words.device)) & 1
    return 1.0 - 2.0 * bits.float()


def _halves(words: torch.Tensor) -> torch.Tensor:
    return (words[..., None] >> (16 * torch.arange(2, device=words.device))) & 0xFFFF


def _gaussians(words: torch.Tensor) -> torch.Tensor:
    parts = (words[..., None] >> (8 * torch.arange(4, device=words.device))) & 0xFF
    values = _table(words.device)[parts]
    return values[..., 0::2] + values[..., 1::2]


@cache
def _table(device: torch.device) -> torch.Tensor:
    return torch.from_numpy(gaussian_table()).to(device)
