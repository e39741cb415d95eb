"""What all nodes computed and sent in a round, for experiments; private nodes do not tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.rounds.node import Node


@dataclass(frozen=True)
class RoundTruth:
    """The truth about one round; nothing of it is known where a node is private.

    Attributes:
        symbols: What each node sent, 0 of a silent one, shape ``(n_nodes,)``; None if unknown.
        loss: Mean of the clients' probe losses; None where no node has one.
        scalars: What each node computed, before any clip, NaN where it computed nothing, shape
            ``(n_nodes,)``; None if unknown.
        example_scalars: Of each node's examples, before any clip; empty if unknown.
    """

    symbols: NDArray[np.float64] | None = None
    loss: float | None = None
    scalars: NDArray[np.float64] | None = None
    example_scalars: tuple[tuple[float, ...], ...] = ()


def asked_truth(nodes: Sequence[Node], round_index: int) -> RoundTruth:
    """Ask every node what it computed and sent in a round."""
    truths = [node.truth(round_index) for node in nodes]
    known = [truth for truth in truths if truth is not None]
    if len(known) < len(truths):
        return RoundTruth()
    losses = [loss for truth in known for loss in truth.losses]
    return RoundTruth(
        symbols=np.array([sum(truth.symbols) for truth in known], np.float64),
        loss=float(np.mean(losses)) if losses else None,
        scalars=np.array([sum(truth.scalars) if truth.scalars else math.nan for truth in known]),
        example_scalars=tuple(truth.example_scalars for truth in known),
    )
