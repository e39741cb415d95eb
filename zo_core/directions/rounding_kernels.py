"""Fused CPU kernel of a step with stochastic rounding; the bits of `rounding`, in one pass."""

import numpy as np
from numpy.typing import NDArray

from zo_core.directions.cpu_kernels import (
    Storage,
    _add_gaussians,
    _add_signs,
    _compiled,
    _fill_words,
    _to_float,
    _to_stored,
)

_TILE = 2048
"""Weights at a time: they, their steps and their noise stay in the processor's cache."""

_BLOCKS = _TILE // 8 + 1
_EXPONENT, _FIRST_NORMAL_HALF = np.uint32(0x7F800000), np.uint32(113 << 23)
_BFLOAT_GRID, _HALF_GRID = np.uint32(0xFFFF0000), np.uint32(0xFFFFE000)


@_compiled
def _fill_noise(noise: NDArray[np.uint32], words: NDArray[np.uint32], n_blocks: int) -> None:
    for block in range(n_blocks):
        for index in range(4):
            word = words[index, block]
            noise[block * 8 + index * 2] = word & np.uint32(0xFFFF)
            noise[block * 8 + index * 2 + 1] = word >> np.uint32(16)


@_compiled
def _round_bfloats(values: NDArray[np.float32], noise: NDArray[np.uint32]) -> None:
    bits = values.view(np.uint32)
    for index in range(values.size):
        if bits[index] & _EXPONENT != _EXPONENT:
            bits[index] = (bits[index] + noise[index]) & _BFLOAT_GRID


@_compiled
def _round_halves(values: NDArray[np.float32], noise: NDArray[np.uint32]) -> None:
    bits = values.view(np.uint32)
    for index in range(values.size):
        exponent = bits[index] & _EXPONENT
        if exponent == _EXPONENT:
            continue
        if exponent >= _FIRST_NORMAL_HALF:
            bits[index] = (bits[index] + (noise[index] >> np.uint32(3))) & _HALF_GRID
        else:
            share = np.float32(noise[index]) * np.float32(2.0**-16)
            steps = np.floor(np.abs(values[index]) * np.float32(2.0**24) + share)
            values[index] = np.copysign(steps * np.float32(2.0**-24), values[index])


@_compiled
def add_rounded(
    weights: Storage,
    start: int,
    key: NDArray[np.uint64],
    noise_key: NDArray[np.uint64],
    coefficient: np.float32,
    is_half: bool,
) -> None:
    """Move 16-bit weights along a direction, in place, and round them stochastically.

    Args:
        weights: Contiguous, shape ``(n,)``: bits of bfloat16 (uint16) or float16 (int16).
        start: Position of the first of them in the direction.
        key: As in `cpu_kernels.add_to_rows`.
        noise_key: The seed, low word first, the stream, and the number of the update.
        coefficient: Factor of the direction.
        is_half: Whether they are float16.
    """
    words = np.empty((4, _BLOCKS), np.uint32)
    noise = np.empty(_BLOCKS * 8, np.uint32)
    moved = np.empty(_TILE, np.float32)
    for done in range(0, weights.size, _TILE):
        part = weights[done : done + _TILE]
        tile = moved[: part.size]
        tile[:] = 0
        if key[2] == 0:
            _add_signs(tile, tile, start + done, key, coefficient, words)
        else:
            _add_gaussians(tile, tile, start + done, key, coefficient, words)
        for index in range(part.size):
            tile[index] = _to_float(part[index]) + tile[index]
        first_block = (start + done) // 8
        skipped = start + done - first_block * 8
        n_blocks = (skipped + part.size + 7) // 8
        _fill_words(words, first_block, n_blocks, noise_key)
        _fill_noise(noise, words, n_blocks)
        if is_half:
            _round_halves(tile, noise[skipped : skipped + part.size])
        else:
            _round_bfloats(tile, noise[skipped : skipped + part.size])
        like = part[0]
        for index in range(part.size):
            part[index] = _to_stored(tile[index], like)
