"""Random directions that are the same bits on every machine.

A direction z is a function of (seed, position) alone, so it needs no memory and does not
depend on chunking, threads, device, number format or library version. The bits come from
the counter-based generator Philox4x32-10; this file is the readable definition in numpy,
which the fast paths in `cpu_kernels` and `torch_kernels` reproduce.

The counter of block b is (low 32 bits of b, high 32 bits of b, 0, stream of the kind) and
the key is the 64-bit seed, low word first. Bits of a block are numbered from the least
significant bit of its first word.

- Rademacher: position i is bit i mod 128 of block i div 128; 0 means +1 and 1 means -1.
- Gaussian: position i is the i mod 8-th pair of bytes of block i div 8, and
  z = TABLE[first byte] + TABLE[second byte]. TABLE holds 256 equally likely quantiles of a
  normal of variance 1/2 as multiples of 2**-16, so the sum is exact and no transcendental
  function, which machines may round differently, is computed for an element.

References:
    Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

import enum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10
_WORD = np.uint64(0xFFFFFFFF)
_WORD_BITS = np.uint64(32)


class DirectionKind(enum.StrEnum):
    """Distribution of the independent elements of a direction: mean 0, variance 1."""

    RADEMACHER = "rademacher"
    GAUSSIAN = "gaussian"

    @property
    def stream(self) -> int:
        """Fourth word of the counter, so that the kinds never share bits."""
        return 0 if self is DirectionKind.RADEMACHER else 1

    @property
    def elements_per_block(self) -> int:
        """Elements drawn from the 128 bits of one block."""
        return 128 if self is DirectionKind.RADEMACHER else 8


def philox4x32(
    counter: NDArray[np.uint32], key: tuple[int, int], n_rounds: int = PHILOX_ROUNDS
) -> NDArray[np.uint32]:
    """Encrypt counters with Philox4x32.

    Args:
        counter: Counter words, shape ``(n_blocks, 4)``.
        key: The two 32-bit key words.
        n_rounds: Number of rounds; 10 is the standard.

    Returns:
        Output words, shape ``(n_blocks, 4)``.
    """
    c0, c1, c2, c3 = counter.astype(np.uint64).T
    k0, k1 = key
    for _ in range(n_rounds):
        even, odd = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c2 = (
            (odd >> _WORD_BITS) ^ c1 ^ np.uint64(k0),
            (even >> _WORD_BITS) ^ c3 ^ np.uint64(k1),
        )
        c1, c3 = odd & _WORD, even & _WORD
        k0, k1 = (k0 + KEY_INCREMENTS[0]) & 0xFFFFFFFF, (k1 + KEY_INCREMENTS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def key_words(seed: int) -> tuple[int, int]:
    """Split a 64-bit seed into the two key words of Philox, low word first.

    Raises:
        ValueError: The seed is not in [0, 2**64).
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed = {seed} is outside [0, 2**64); choose a 64-bit unsigned seed")
    return seed & 0xFFFFFFFF, seed >> 32


def gaussian_table() -> NDArray[np.float32]:
    """Give the 256 equally likely values whose pairwise sums are the Gaussian elements.

    The quantiles at (i + 1/2) / 256 are scaled to variance 1/2 and rounded to multiples of
    2**-16. No quantile lies near a rounding boundary, so the table does not depend on the
    last bits of a machine's logarithm; `direction_fingerprint` covers it all the same.

    Returns:
        Values in ascending order, antisymmetric, shape ``(256,)``.
    """
    upper = [NormalDist().inv_cdf((index + 0.5) / 256) for index in range(128, 256)]
    mean_square = sum(value * value for value in upper) / len(upper)
    steps = [round(value / (2 * mean_square) ** 0.5 * 2**16) for value in upper]
    values = np.array([-step for step in reversed(steps)] + steps) / 2**16
    return values.astype(np.float32)


def direction(
    seed: int, start: int, count: int, kind: DirectionKind = DirectionKind.RADEMACHER
) -> NDArray[np.float32]:
    """Give the elements z[start], ..., z[start + count - 1] of the direction of a seed.

    This is the definition. It is slow and allocates; training uses the fused kernels.

    Args:
        seed: 64-bit unsigned seed.
        start: First position, at least 0.
        count: Number of elements.
        kind: Distribution of the elements.

    Returns:
        The elements, shape ``(count,)``.

    Raises:
        ValueError: The seed is not a 64-bit unsigned number.

    >>> direction(seed=0, start=0, count=4).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    first_block = start // kind.elements_per_block
    last_block = -(-(start + count) // kind.elements_per_block)
    blocks = np.arange(first_block, last_block, dtype=np.uint64)
    counter = np.zeros((blocks.size, 4), dtype=np.uint32)
    counter[:, 0], counter[:, 1] = blocks & _WORD, blocks >> _WORD_BITS
    counter[:, 3] = kind.stream
    block_bytes = philox4x32(counter, key_words(seed)).astype("<u4").view(np.uint8).ravel()
    elements = _elements_of(block_bytes, kind)
    skipped = start - first_block * kind.elements_per_block
    return elements[skipped : skipped + count]


def _elements_of(block_bytes: NDArray[np.uint8], kind: DirectionKind) -> NDArray[np.float32]:
    if kind is DirectionKind.RADEMACHER:
        bits = np.unpackbits(block_bytes, bitorder="little")
        return (1 - 2 * bits.astype(np.float32)).astype(np.float32)
    values = gaussian_table()[block_bytes]
    return values[0::2] + values[1::2]
