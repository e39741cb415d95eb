"""An exchange of symbols that are simply given: to try a bench, a scheme or a radio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdr_ota.rounds.absent_nodes import without_absent
from sdr_ota.rounds.decoding import decode_present
from sdr_ota.rounds.encoder import OpenEncoder
from sdr_ota.rounds.exchange import Bench, Exchange, Link, ReceivedSounding, Reception
from sdr_ota.rounds.messages import Announcement
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.opening import exchange_of, local_nodes
from sdr_ota.rounds.server import Quote, payload_orders
from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import TransmitPlan

_UNIT = AnalogPayload(1.0)


@dataclass
class GivenClient:
    """Has the scalars that it was given, and learns nothing.

    Attributes:
        scalars: What it returns, one a direction; may be set anew before every round.
    """

    scalars: tuple[float, ...] = ()

    loss = math.nan
    example_scalars = ()

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        """Return the scalars."""
        return self.scalars

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Do nothing: there is no model."""


def sound_bench(bench: Bench, link: Link, leaves_out_lost: bool = True) -> ReceivedSounding:
    """Sound all nodes of a bench once.

    Args:
        bench: The radios.
        link: Frame, lead and waiting times.
        leaves_out_lost: Whether a node that has gone leaves its slot empty.

    Raises:
        Erasure: If nothing was captured.
        RadioLost: If a node has gone that may not be left out.
    """
    nodes = _nodes(bench, link, np.zeros(len(bench.nodes)))
    return exchange_of(bench, link, leaves_out_lost).sound(nodes)


def receive_symbols(
    symbols: ArrayLike, plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Reception:
    """Send a frame's symbols of all nodes at the same time and capture what arrives.

    Args:
        symbols: In [-1, 1], shape ``(n_nodes,)``, or ``(n_nodes, n_symbols)`` where a frame carries
            several.
        plan: How each node sends; nodes with a zero precoder stay silent.
        bench: The radios.
        link: Frame and scheme.
        seed: Makes the nodes' random chips.

    Raises:
        Erasure: If nothing was captured.
    """
    given = np.array(symbols, np.float64)
    exchange, nodes = exchange_of(bench, link), _nodes(bench, link, given)
    for node in nodes:
        node.announce(Announcement(0, (seed,)))
        node.ready()
    received = exchange.receive(nodes, payload_orders(Quote(plan, _UNIT, 1.0), 0))
    sent = without_absent(plan, received.absent)
    rate_hz = bench.sample_rate_hz
    reception = Reception(received.capture, rate_hz, sent, seed, exchange.is_cyclic)
    return replace(reception, symbols=given)


def exchange_symbols(
    symbols: ArrayLike, plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Exchange:
    """Send a frame's symbols of all nodes at the same time and decode their sums.

    Raises:
        Erasure: If the sums cannot be trusted.
    """
    return decode_present(receive_symbols(symbols, plan, bench, link, seed), link)[1]


def _nodes(bench: Bench, link: Link, symbols: NDArray[np.float64]) -> tuple[LocalNode, ...]:
    clients = [GivenClient(tuple(own)) for own in symbols.reshape(len(symbols), -1).tolist()]
    encoder = OpenEncoder(lambda largest: _UNIT, math.inf)
    return local_nodes(bench, link, clients, [encoder] * len(clients))
