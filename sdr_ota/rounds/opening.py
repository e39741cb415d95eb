"""From an open bench to an exchange and its nodes: timed or cyclic, by what the radios can do."""

from collections.abc import Callable, Sequence

from sdr_ota.rounds.cyclic_exchange import CyclicExchange
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.node import LocalNode, ScalarClient, SymbolEncoder
from sdr_ota.rounds.sender import CyclicSender, Sender, TimedSender
from sdr_ota.rounds.server import Exchanger
from sdr_ota.rounds.timed_exchange import TimedExchange, do_nothing


def exchange_of(
    bench: Bench,
    link: Link,
    leaves_out_lost: bool = True,
    ordered: Callable[[], None] = do_nothing,
) -> Exchanger:
    """Return how the nodes of a bench are sounded and received.

    Args:
        bench: Its open radios.
        link: Frame and scheme.
        leaves_out_lost: Whether the run goes on without a node that has gone.
        ordered: See `TimedExchange`.
    """
    rate = bench.sample_rate_hz
    if bench.has_hardware_time:
        return TimedExchange(bench.receiver, link, rate, leaves_out_lost, ordered)
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
