"""The whole way of a message: sealed, coded, as a burst, and back; and what it costs."""

from dataclasses import dataclass

from sdr_ota.downlink.coding import coded, decoded
from sdr_ota.downlink.messages import (
    JOURNAL_BYTES,
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirPayload,
    AirSounding,
    message_bytes,
)
from sdr_ota.downlink.precoder_word import WORD_BYTES
from sdr_ota.downlink.sealing import RunKey, Stamp, sealed, unsealed
from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.control_frame import (
    COMMON_CLOCK,
    FrameRefused,
    SenderClock,
    receive_control_frame,
)
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import Samples
from sdr_ota.units import power_to_db


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as a node has received it.

    Attributes:
        message: What the server says.
        stamp: Its number and the server's tick, modulo 2^32.
        burst: The control frame's preamble: time, carrier offset, level.
        n_samples: Of the frame, by the server's clock.
    """

    message: AirMessage
    stamp: Stamp
    burst: BurstFit
    n_samples: int


def control_burst(message: AirMessage, stamp: Stamp, key: RunKey, frame: ControlFormat) -> Samples:
    """Return the samples of a control frame.

    Args:
        message: What the server says.
        stamp: Its number and the tick at which the frame begins.
        key: Of the run.
        frame: Format, of the same bench.

    Raises:
        ValueError: If the message does not fit one frame, or the number the key.
    """
    return frame.burst(coded(sealed(message, stamp, key)))


def receive_message(
    samples: Samples,
    last_sequence: int,
    key: RunKey,
    frame: ControlFormat,
    max_cfo: float,
    clock: SenderClock = COMMON_CLOCK,
) -> ReceivedMessage:
    """Return the message of the strongest control frame in a capture.

    Args:
        samples: The capture, shape ``(n_samples,)``.
        last_sequence: Of the message that was taken last; -1 where none was.
        key: Of the run.
        frame: Format.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        clock: See `receive_control_frame`.

    Raises:
        FrameRefused: With the reason why it says nothing to this node.
    """
    received = receive_control_frame(samples, frame, max_cfo, clock)
    try:
        sent = decoded(received.data)
    except FrameRefused as lost:
        snr_db = power_to_db(received.chip_snr)
        raise FrameRefused(lost.reason, f"{lost.detail}; chip SNR {snr_db:.1f} dB") from lost
    stamp, message = unsealed(sent, last_sequence, key)
    n_samples = frame.n_samples(len(received.data))
    return ReceivedMessage(message, stamp, received.burst, n_samples)


@dataclass(frozen=True)
class MessageCost:
    """What a message costs on the air.

    Attributes:
        n_message_bits: Of the message itself.
        n_sent_bits: With number, tick, seal, checksum and parity; the length and the preamble not.
        n_samples: Of its control frame.
    """

    n_message_bits: int
    n_sent_bits: int
    n_samples: int


def message_cost(message: AirMessage, frame: ControlFormat) -> MessageCost:
    """Return what a message costs in a format.

    Raises:
        ValueError: If it does not fit one frame.
    """
    sent = coded(sealed(message, Stamp(0), RunKey(bytes(32), frame.bench)))
    n_message, n_sent = len(message_bytes(message)), len(sent)
    return MessageCost(8 * n_message, 8 * n_sent, frame.n_samples(n_sent))


def messages_of_a_round(n_nodes: int, n_symbols: int = 1) -> tuple[AirMessage, ...]:
    """Return what is said in a round, with numbers of ordinary size.

    Args:
        n_nodes: That send, as many as one message holds at most.
        n_symbols: Directions of a round.
    """
    nodes = tuple(range(n_nodes))
    return (
        AirAnnouncement(2**16, (2**63,) * n_symbols, bytes(JOURNAL_BYTES)),
        AirSounding(2**16, 2**16),
        AirPayload(2**16, 2**16, 0, n_nodes, 1.0, 8.0, 0.01, nodes, bytes(WORD_BYTES * n_nodes)),
        AirOutcome(2**16, (0.5,) * n_symbols),
    )
