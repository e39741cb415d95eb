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
        symbols: What each node sent, 0 of a silent one, shape ``(n_nodes,)``, or
            ``(n_nodes, n_symbols)`` where a frame carries several; None if unknown.
        loss: Mean of the clients' probe losses; None where no node has one.
        scalars: What each node computed, before any clip, NaN where it computed nothing, of
            the same shape; None if unknown.
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
    n_symbols = max((len(truth.scalars) for truth in known), default=0) or 1
    losses = [loss for truth in known for loss in truth.losses]
    return RoundTruth(
        symbols=_of_nodes([truth.symbols for truth in known], n_symbols, 0.0),
        loss=float(np.mean(losses)) if losses else None,
        scalars=_of_nodes([truth.scalars for truth in known], n_symbols, math.nan),
        example_scalars=tuple(truth.example_scalars for truth in known),
    )


def _of_nodes(
    values: Sequence[tuple[float, ...]], n_symbols: int, missing: float
) -> NDArray[np.float64]:
    """Return what nodes told, shape ``(n_nodes,)``, of several ``(n_nodes, n_symbols)``."""
    told = np.array([each or (missing,) * n_symbols for each in values], np.float64)
    return told[:, 0] if n_symbols == 1 else told
