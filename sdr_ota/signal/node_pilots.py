"""Codes by which the nodes of one bench prove in a round that they sent, and how.

All nodes send at the same time, each its own code: rows of a discrete Fourier transform, which are
orthogonal, times phases that belong to the bench and the round. To another bench, or another round,
they are noise.
"""

import numpy as np

from sdr_ota.types import Chips

LEAST_NODE_PILOT_CHIPS = 8

_CODES, _SOUNDING = 2, 3
"""Purposes, so that no two sequences of one bench are made from the same numbers."""


def n_node_codes(n_chips: int) -> int:
    """Return how many codes of a length are used: a quarter of the dimensions stays empty.

    What is received in these shows what no node of the bench sent.

    Args:
        n_chips: Length of a code.
    """
    return n_chips - max(n_chips // 4, 2)


def node_codes(n_chips: int, bench: int, seed: int) -> Chips:
    """Return the codes of a round before and behind the payload, unit modulus.

    A node has the code of its place among the nodes, modulo their number: where there are more
    nodes than codes, some share one, and the sum of their gains is seen.

    Args:
        n_chips: Length of a code, at least 8.
        bench: Number of the bench.
        seed: Of the round.

    Returns:
        Shape ``(2, n_node_codes(n_chips), n_chips)``.
    """
    rows = np.arange(n_node_codes(n_chips))
    orthogonal = np.exp(2j * np.pi * np.outer(rows, np.arange(n_chips)) / n_chips)
    return np.asarray(_phases((2, 1, n_chips), _CODES, bench, seed) * orthogonal)


def bench_scramble(n_chips: int, bench: int) -> Chips:
    """Return the phases that a bench puts on the pilot of its soundings, shape ``(n_chips,)``."""
    return _phases((n_chips,), _SOUNDING, bench)


def _phases(shape: tuple[int, ...], *key: int) -> Chips:
    """Return random multiples of a quarter turn that everybody with the key can make."""
    quarters = np.random.default_rng(key).integers(4, size=shape)
    return np.asarray(np.array([1, 1j, -1, -1j])[quarters])
