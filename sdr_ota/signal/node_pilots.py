"""Codes by which a bench knows its own: of its nodes' pilots, soundings, payloads, control frames.

All nodes send at the same time, each its own code: rows of a discrete Fourier transform, which are
orthogonal, in an order and times phases that belong to the bench and the round. To another bench,
or in another round, they are noise.
"""

import numpy as np

from sdr_ota.types import Chips

LEAST_NODE_PILOT_CHIPS = 8

TURNED_CHIPS = 16
"""Of a payload, over which the phases of two benches part by up to a whole turn."""

_CODES, _SOUNDING, _PAYLOAD, _CONTROL = 2, 3, 4, 5
"""Purposes, so that no two sequences of one bench are made from the same numbers."""


def n_node_codes(n_chips: int) -> int:
    """Return how many codes of a length are used: a quarter of the dimensions stays empty.

    What is received in these shows what no node of the bench sent.

    Args:
        n_chips: Length of a code.
    """
    return n_chips - max(n_chips // 4, 2)


def node_codes(n_chips: int, bench: int, seed: int) -> Chips:
    r"""Return the codes of a round before and behind the payload, unit modulus.

    A node has the code of its place among the nodes, modulo their number: where there are more
    nodes than codes, some share one, and the sum of their gains is seen.

    Code k before (s = 0) and behind (s = 1) is $q_s[m] c_{s,k} e^{2 \pi j r_k m / M}$. From
    one generator, in this order: the quarter turns $q$, the quarter turns $c$, without which all
    codes would begin alike and add up to a peak, and the rows $r$, a permutation of 0 to M - 1.

    Args:
        n_chips: Length of a code $M$, at least 8.
        bench: Number of the bench.
        seed: Of the round.

    Returns:
        Shape ``(2, n_node_codes(n_chips), n_chips)``.
    """
    rng, n_codes = np.random.default_rng((_CODES, bench, seed)), n_node_codes(n_chips)
    scramble, starts = _quarter_turns(rng, (2, 1, n_chips)), _quarter_turns(rng, (2, n_codes, 1))
    rows = rng.permutation(n_chips)[:n_codes]
    orthogonal = np.exp(2j * np.pi * np.outer(rows, np.arange(n_chips)) / n_chips)
    return np.asarray(scramble * starts * orthogonal)


def bench_scramble(n_chips: int, bench: int) -> Chips:
    """Return the phases that a bench puts on the pilot of its soundings, shape ``(n_chips,)``."""
    return _quarter_turns(np.random.default_rng((_SOUNDING, bench)), (n_chips,))


def control_scramble(n_chips: int, bench: int) -> Chips:
    """Return the phases that a bench puts on a control frame's chips, shape ``(n_chips,)``."""
    return _quarter_turns(np.random.default_rng((_CONTROL, bench)), (n_chips,))


def bench_turns(n_chips: int, bench: int) -> Chips:
    r"""Return the phases that a bench puts on its payload's chips, shape ``(n_chips,)``, modulus 1.

    $e^{2 \pi j \theta[m]}$ with $\theta[m] = \sum_{i \le m} u[\lfloor i / 16 \rfloor] / 16$:
    each 16 chips turn steadily by a share $u$ of a turn of their own, from -1/2 to 1/2. Amplitudes
    of another bench do not keep their phase, so they do not add up. A steady turn, and not a new
    phase a chip, leaves a tone narrow: chips of a node that is late by a part of one still agree.
    Bench 0, the number of a bench that has none, turns nothing.

    Args:
        n_chips: Of the whole payload.
        bench: Number of the bench.
    """
    if bench == 0:
        return np.ones(n_chips, np.complex128)
    rng = np.random.default_rng((_PAYLOAD, bench))
    turns = rng.uniform(-0.5, 0.5, -(-n_chips // TURNED_CHIPS))
    each_chip = np.repeat(turns / TURNED_CHIPS, TURNED_CHIPS)[:n_chips]
    return np.asarray(np.exp(2j * np.pi * np.cumsum(each_chip)))


def _quarter_turns(rng: np.random.Generator, shape: tuple[int, ...]) -> Chips:
    """Return random multiples of a quarter turn."""
    return np.asarray(np.array([1, 1j, -1, -1j])[rng.integers(4, size=shape)])
