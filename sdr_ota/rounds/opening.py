"""From an open bench to an exchange and its nodes: timed or cyclic, by what the radios can do."""

from collections.abc import Sequence

from sdr_ota.rounds.cyclic_exchange import CyclicExchange
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.node import LocalNode, ScalarClient, SymbolEncoder
from sdr_ota.rounds.sender import CyclicSender, Sender, TimedSender
from sdr_ota.rounds.server import Exchanger
from sdr_ota.rounds.timed_exchange import TimedExchange


def exchange_of(bench: Bench, link: Link, leaves_out_lost: bool = True) -> Exchanger:
    """Return how the nodes of a bench are sounded and received."""
    rate = bench.sample_rate_hz
    if bench.has_hardware_time:
        return TimedExchange(bench.receiver, link, rate, leaves_out_lost)
    return CyclicExchange(bench.receiver, link, rate, leaves_out_lost)


def sender_of(has_hardware_time: bool, link: Link, sample_rate_hz: float) -> Sender:
    """Return how the radios of the nodes are used."""
    return (TimedSender if has_hardware_time else CyclicSender)(link, sample_rate_hz)


def local_nodes(
    bench: Bench, link: Link, clients: Sequence[ScalarClient], encoders: Sequence[SymbolEncoder]
) -> tuple[LocalNode, ...]:
    """Join the radios of a bench with clients of this process."""
    sender = sender_of(bench.has_hardware_time, link, bench.sample_rate_hz)
    settings = bench.settings[1:] or (None,) * len(bench.nodes)
    parts = zip(clients, bench.nodes, encoders, settings, strict=True)
    return tuple(
        LocalNode(index, client, radio, sender, encoder, settings=in_force)
        for index, (client, radio, encoder, in_force) in enumerate(parts)
    )
