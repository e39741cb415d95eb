"""What is said on the air: the records of the control seam, told to all nodes at once.

A record becomes MessagePack, an array that begins with the record's number. Ticks are told as
samples from the first sample of the control frame that carries them: nodes share no clock, but all
of them receive that frame. Precoders are 64 bits a node; every other number crosses as it is.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from sdr_ota.downlink.precoder_word import WORD_BYTES, packed, unpacked
from sdr_ota.rounds.messages import Announcement, MessageError, PayloadOrder

MAX_AFTER = 2**32 - 1
"""Samples from a control frame to what it orders."""

JOURNAL_BYTES = 8
"""Of a journal's hash."""

NODES_PER_MESSAGE = 11
"""Whose precoders one payload message holds, so that it fits one frame whatever its numbers are."""


class AirAnnouncement(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A round begins.

    Attributes:
        round: Its index.
        seeds: One 64-bit seed a direction.
        journal: Hash of all steps so far; a node with another one has missed a step.
    """

    round: int
    seeds: tuple[int, ...]
    journal: bytes

    @property
    def announcement(self) -> Announcement:
        """What the control seam carries."""
        return Announcement(self.round, self.seeds)


class AirSounding(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """All nodes are sounded, each in the slot of its place on the bench.

    Attributes:
        round: The round that is sounded for.
        after: Samples from this control frame's first sample to the sounding frame's.
    """

    round: int
    after: int


class AirPayload(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Nodes pay, encode and send together.

    Attributes:
        round: The round.
        after: Samples from this control frame's first sample to the joint frame's; the precoders'
            phases hold there.
        lead: Node that sends the preamble.
        n_nodes: Nodes of the round, silent ones included.
        noise_std: As in `PayloadOrder`, and so the next two.
        largest_scalar: See there.
        cost: See there.
        nodes: Those that this message tells; there may be others in another one.
        precoders: 8 bytes for each of these; see `packed`.
    """

    round: int
    after: int
    lead: int
    n_nodes: int
    noise_std: float
    largest_scalar: float
    cost: float
    nodes: tuple[int, ...]
    precoders: bytes

    def __post_init__(self) -> None:
        """Refuse precoders that are not one a node."""
        if len(self.precoders) != WORD_BYTES * len(self.nodes):
            raise ValueError(
                f"{len(self.precoders)} bytes of precoders for {len(self.nodes)} nodes; "
                f"each has {WORD_BYTES}"
            )

    def order(self, node: int, tick: int, sample_rate_hz: float) -> PayloadOrder | None:
        """Return a node's order; None if this message has none for it.

        Args:
            node: Its place on the bench.
            tick: Of the joint frame's first sample, by the clock of whoever acts on it.
            sample_rate_hz: Samples a second.
        """
        if node not in self.nodes:
            return None
        first = WORD_BYTES * self.nodes.index(node)
        precoder = unpacked(self.precoders[first : first + WORD_BYTES], tick, sample_rate_hz)
        return PayloadOrder(
            round=self.round,
            gain=(precoder.gain.real, precoder.gain.imag),
            delay_s=precoder.delay_s,
            cfo_hz=precoder.cfo_hz,
            reference_tick=tick,
            leads=node == self.lead,
            n_nodes=self.n_nodes,
            noise_std=self.noise_std,
            largest_scalar=self.largest_scalar,
            cost=self.cost,
            tick=tick,
        )


class AirOutcome(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The broadcast at the end of a round.

    Attributes:
        round: The round.
        means: One decoded mean scalar a seed; empty after an erasure.
        erasure: Reason of the erasure; empty where the round was good.
    """

    round: int
    means: tuple[float, ...] = ()
    erasure: str = ""


class AirStep(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """A step that the server says again, for nodes that have missed it.

    Attributes:
        journal: Hash of all steps before it; it is for models that have taken these.
        round: In which it was decoded.
        seeds: Announced then.
        means: Decoded then.
    """

    journal: bytes
    round: int
    seeds: tuple[int, ...]
    means: tuple[float, ...]


class AirRequest(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """The one message that a node sends: its model is not the server's.

    Attributes:
        round: That was announced.
        node: Its place on the bench.
        journal: Hash of the steps that its model has taken.
    """

    round: int
    node: int
    journal: bytes


AirMessage: TypeAlias = (
    AirAnnouncement | AirSounding | AirPayload | AirOutcome | AirStep | AirRequest
)


def message_bytes(message: AirMessage) -> bytes:
    """Return the byte form of a message."""
    return msgspec.msgpack.encode(message)


def message_from(data: bytes) -> AirMessage:
    """Return the message that bytes hold.

    Raises:
        MessageError: If they hold none.
    """
    try:
        found: AirMessage = msgspec.msgpack.decode(data, type=AirMessage)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise MessageError(f"{len(data)} bytes are no message of the server: {wrong}") from wrong
    return found


def sounding_message(round_index: int, tick: int, control_tick: int) -> AirSounding:
    """Return the order to sound in a frame that begins at a tick.

    Args:
        round_index: The round.
        tick: Of the sounding frame's first sample.
        control_tick: Of the control frame's first sample.

    Raises:
        ValueError: If it does not lie behind the control frame's start.
    """
    return AirSounding(round_index, _after(tick, control_tick))


def payload_batches(orders: Mapping[int, PayloadOrder]) -> tuple[dict[int, PayloadOrder], ...]:
    """Return the payload orders of a round in as few parts as fit a message each, in node order.

    Args:
        orders: By node, for one joint frame.

    Raises:
        ValueError: If the orders differ in what is told to all, or if not one of them leads.
    """
    if len({_common(order) for order in orders.values()}) != 1:
        raise ValueError("payload orders of one frame must be some that differ in precoders alone")
    leads = [node for node, order in orders.items() if order.leads]
    if len(leads) != 1:
        raise ValueError(f"nodes {leads} lead; it must be one")
    nodes = sorted(orders)
    firsts = range(0, len(nodes), NODES_PER_MESSAGE)
    return tuple({k: orders[k] for k in nodes[at : at + NODES_PER_MESSAGE]} for at in firsts)


def payload_message(
    batch: Mapping[int, PayloadOrder], lead: int, control_tick: int, sample_rate_hz: float
) -> AirPayload:
    """Return the message that holds some nodes' orders.

    Args:
        batch: One of `payload_batches`.
        lead: Node that sends the preamble, in this batch or another.
        control_tick: Of the control frame's first sample.
        sample_rate_hz: Samples a second.

    Raises:
        ValueError: If the joint frame does not lie behind the control frame's start, or if a
            precoder does not fit its word.
    """
    first = next(iter(batch.values()))
    words = (packed(order.precoder, order.tick, sample_rate_hz) for order in batch.values())
    return AirPayload(
        round=first.round,
        after=_after(first.tick, control_tick),
        lead=lead,
        n_nodes=first.n_nodes,
        noise_std=first.noise_std,
        largest_scalar=first.largest_scalar,
        cost=first.cost,
        nodes=tuple(batch),
        precoders=b"".join(words),
    )


def _common(order: PayloadOrder) -> tuple[float, ...]:
    stated = (order.noise_std, order.largest_scalar, order.cost)
    return (order.round, order.n_nodes, order.tick, *stated)


def _after(tick: int, control_tick: int) -> int:
    after = tick - control_tick
    if not 0 < after <= MAX_AFTER:
        raise ValueError(
            f"tick {tick} lies {after} samples behind the control frame that orders it; "
            f"1 to {MAX_AFTER} can be told"
        )
    return after
