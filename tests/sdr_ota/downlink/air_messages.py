"""Messages of the server, drawn at random."""

from collections.abc import Iterator

import numpy as np

from sdr_ota.downlink.messages import (
    NODES_PER_MESSAGE,
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirPayload,
    AirRequest,
    AirSounding,
    AirStep,
)


def number(rng: np.random.Generator, n_bits: int) -> int:
    """An integer of any size up to so many bits."""
    return int.from_bytes(rng.bytes(8), "big") >> int(rng.integers(64 - n_bits, 64))


def real(rng: np.random.Generator) -> float:
    return float(rng.normal() * 10.0 ** rng.integers(-300, 300))


def drawn_messages(rng: np.random.Generator, n: int) -> Iterator[AirMessage]:
    """Yield so many messages of each kind."""
    for _ in range(n):
        index, after = number(rng, 32), number(rng, 32)
        seeds = tuple(number(rng, 64) for _ in range(rng.integers(1, 10)))
        yield AirAnnouncement(index, seeds, rng.bytes(8))
        yield AirSounding(index, after)
        nodes = tuple(rng.permutation(100)[: rng.integers(1, NODES_PER_MESSAGE + 1)].tolist())
        floats = (real(rng), real(rng), real(rng))
        words = rng.bytes(8 * len(nodes))
        yield AirPayload(index, after, nodes[0], 100, *floats, nodes, words)
        yield AirOutcome(index, tuple(real(rng) for _ in range(rng.integers(1, 10))))
        yield AirOutcome(index, (), "gain-changed")
        n_seeds = rng.integers(1, 8)
        seeds, means = zip(*((number(rng, 64), real(rng)) for _ in range(n_seeds)), strict=True)
        yield AirStep(rng.bytes(8), index, seeds, means)
        yield AirRequest(index, int(rng.integers(100)), rng.bytes(8))
