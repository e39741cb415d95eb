"""What crosses the control seam between the server and a node: frozen records with a byte form.

A record becomes MessagePack, an array of its fields without their names; reading it back checks
every type. Nothing else crosses: no object of ours is pickled.

    server                                          node
    (before the first round)
    TuneOrder           ---------------------->     tune the synthesiser
    (in every round)
    Announcement        ---------------------->     compute
                        <----------------------     Ready
    SoundingOrder       ---------------------->     send the known burst
    PayloadOrder        ---------------------->     pay, encode, send
    Outcome             ---------------------->     step, or skip
    (after the round, for experiments)
                        <----------------------     Truth
"""

from typing import Self, TypeVar

import msgspec

from sdr_ota.types import Precoder

_Record = TypeVar("_Record", bound=msgspec.Struct)


class MessageError(ValueError):
    """Bytes from the other side are not the record that was expected."""


class Announcement(msgspec.Struct, frozen=True, array_like=True):
    """A round begins.

    Attributes:
        round: Its index.
        seeds: One 64-bit seed a direction; a client has one scalar for each.
    """

    round: int
    seeds: tuple[int, ...]


class Ready(msgspec.Struct, frozen=True, array_like=True):
    """A node has computed and can be sounded; its scalar is not in here.

    Attributes:
        round: Of the announcement.
        absent_reason: Why it takes no part; empty where it does.
    """

    round: int
    absent_reason: str = ""


class TuneOrder(msgspec.Struct, frozen=True, array_like=True):
    """Tune the transmitter, before the first round.

    Attributes:
        detuned_hz: Of its carrier against the configuration's center frequency.
    """

    detuned_hz: float


class SoundingOrder(msgspec.Struct, frozen=True, array_like=True):
    """Send the known burst.

    Attributes:
        round: The round that is sounded for.
        slot: Which slot of the sounding frame.
        tick: Receiver tick of the sounding frame's first sample; 0 for a node that repeats.
    """

    round: int
    slot: int
    tick: int = 0


class PayloadOrder(msgspec.Struct, frozen=True, array_like=True):
    """Pay, encode, send.

    Attributes:
        round: The round.
        gain: Real and imaginary part of the factor on the node's chips.
        delay_s: The node sends this much earlier.
        cfo_hz: The node turns its samples by minus this frequency.
        reference_tick: Receiver tick at which that turning is zero.
        leads: Whether this node sends the preamble.
        n_nodes: Nodes of the round, silent ones included.
        noise_std: Standard deviation of the privacy noise that the node adds to its scalar.
        largest_scalar: What becomes a symbol of 1.
        cost: What the burst costs in the unit of the node's ledger.
        tick: Receiver tick of the frame's first sample; 0 for a node that repeats.
    """

    round: int
    gain: tuple[float, float]
    delay_s: float
    cfo_hz: float
    reference_tick: int
    leads: bool
    n_nodes: int
    noise_std: float
    largest_scalar: float
    cost: float
    tick: int = 0

    @property
    def precoder(self) -> Precoder:
        """What the node undoes."""
        return Precoder(complex(*self.gain), self.delay_s, self.cfo_hz, self.reference_tick)

    def at(self, tick: int) -> Self:
        """Return the order for a frame that begins at a tick."""
        return msgspec.structs.replace(self, tick=tick)


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """The broadcast at the end of a round.

    Attributes:
        round: The round.
        means: One decoded mean scalar a seed; empty after an erasure.
        erasure: Reason of the erasure; empty where the round was good.
    """

    round: int
    means: tuple[float, ...] = ()
    erasure: str = ""


class Truth(msgspec.Struct, frozen=True, array_like=True):
    """What a node sent, for experiments; a private node does not answer with one.

    Attributes:
        round: The round.
        symbols: What it sent, in [-1, 1]; empty if it sent nothing.
        losses: Mean probe loss; empty without a model.
        scalars: What it computed, one a seed, before any clip; empty if it computed nothing.
        example_scalars: Of the batch's examples and the seeds, before any clip; empty without
            examples.
    """

    round: int
    symbols: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    scalars: tuple[float, ...] = ()
    example_scalars: tuple[float, ...] = ()


def to_bytes(record: msgspec.Struct) -> bytes:
    """Return the byte form of a record."""
    return msgspec.msgpack.encode(record)


def from_bytes(record: type[_Record], data: bytes) -> _Record:
    """Return the record that bytes hold.

    Raises:
        MessageError: If they are not a record of that type.
    """
    try:
        return msgspec.msgpack.decode(data, type=record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise MessageError(f"{len(data)} bytes are not a {record.__name__}: {wrong}") from wrong


UP = (Ready(2**16, ""),)
"""What a node answers in a round."""


def told_in_a_round(n_symbols: int = 1) -> tuple[msgspec.Struct, ...]:
    """Return what a node is told in a round of so many directions."""
    return (
        Announcement(2**16, (2**63,) * n_symbols),
        SoundingOrder(2**16, 2**8, 2**40),
        PayloadOrder(2**16, (0.5, 0.5), 1e-6, 1e3, 2**40, False, 2**8, 1.0, 8.0, 0.01, 2**40),
        Outcome(2**16, (0.5,) * n_symbols),
    )


def bits_per_round(n_symbols: int = 1) -> tuple[int, int]:
    """Return the bits of a round's control messages for each node: up to the server, and down.

    Without the transport's own headers; counted from records with numbers of ordinary size.

    Args:
        n_symbols: Directions of a round.
    """
    both = (UP, told_in_a_round(n_symbols))
    up, down = (8 * sum(len(to_bytes(record)) for record in records) for records in both)
    return up, down
