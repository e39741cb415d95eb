"""A message with its number, its time and its seal: nobody without the run's key moves the models.

    | sequence number, 4 bytes | tick, 4 bytes | message | seal, 16 bytes |

The tick is the sender's, of the control frame's first sample, modulo 2^32.

The seal is HMAC-SHA-256 (RFC 2104) of the bench's number and all before it, cut to its first 128
bits as RFC 4868 does. A receiver takes a message only if its number is larger than that of
every message it took before, so nothing counts twice that somebody recorded and sends again. What
nodes send is sealed by keys made from the run's, one a node. All of them have the run's key: a seal
keeps strangers out, it does not tell a node from the server.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from sdr_ota.downlink.messages import AirMessage, message_bytes, message_from
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.rounds.messages import MessageError

LEAST_KEY_BYTES = 32
"""Of a key: shorter ones than the hash make the seal weaker (RFC 2104, section 3)."""

SEAL_BYTES = 16

MAX_SEQUENCE = 2**32 - 1

_CONTEXT, _NODE_KEY = b"sdr-ota downlink 1", b"sdr-ota node key 1"
_STAMP = struct.Struct(">II")

TICK_MODULUS = 2**32


@dataclass(frozen=True)
class Stamp:
    """Number and time of a message.

    Attributes:
        sequence: Larger than that of every message before it under its key; 0 to 2^32 - 1.
        tick: Sender's, of the control frame's first sample; received ones are modulo 2^32.
    """

    sequence: int
    tick: int = 0


@dataclass(frozen=True)
class RunKey:
    """What server and nodes of one run share, and nobody else; made anew for every run.

    Attributes:
        secret: At least 32 random bytes.
        bench: Number of the bench, which the seal covers too.

    Raises:
        ValueError: If it is too short.
    """

    secret: bytes = field(repr=False)
    bench: int

    def __post_init__(self) -> None:
        """Refuse a key that is easier to guess than its seal."""
        if len(self.secret) < LEAST_KEY_BYTES:
            raise ValueError(
                f"the run's key has {len(self.secret)} bytes; at least {LEAST_KEY_BYTES} are asked "
                f"for: make one with secrets.token_bytes({LEAST_KEY_BYTES})"
            )

    def of_node(self, node: int) -> "RunKey":
        """Return the key by which a node's own messages are sealed, with numbers of their own.

        Args:
            node: Its place on the bench.
        """
        label = _NODE_KEY + struct.pack(">I", node)
        return RunKey(hmac.digest(self.secret, label, hashlib.sha256), self.bench)

    def seal(self, stamped: bytes) -> bytes:
        """Return the seal of a message with its stamp, 16 bytes."""
        covered = _CONTEXT + struct.pack(">I", self.bench) + stamped
        return hmac.digest(self.secret, covered, hashlib.sha256)[:SEAL_BYTES]


def sealed(message: AirMessage, stamp: Stamp, key: RunKey) -> bytes:
    """Return a message with its number, its time and its seal.

    Args:
        message: What is said.
        stamp: Number and time.
        key: Of the run.

    Raises:
        ValueError: If the number is out of range: a key ends with its numbers.
    """
    if not 0 <= stamp.sequence <= MAX_SEQUENCE:
        raise ValueError(
            f"message number {stamp.sequence}: a key has 0 to {MAX_SEQUENCE}; make a new one"
        )
    stamped = _STAMP.pack(stamp.sequence, stamp.tick % TICK_MODULUS) + message_bytes(message)
    return stamped + key.seal(stamped)


def unsealed(data: bytes, last_sequence: int, key: RunKey) -> tuple[Stamp, AirMessage]:
    """Return stamp and message of what was received, if it is the server's and new.

    Args:
        data: As decoded.
        last_sequence: Of the message that was taken last under this key; -1 where none was.
        key: Of the run.

    Raises:
        FrameRefused: ``not-authentic``, ``replayed`` or ``not-a-message``.
    """
    stamped, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if len(stamped) < _STAMP.size or not hmac.compare_digest(seal, key.seal(stamped)):
        raise FrameRefused(
            "not-authentic",
            f"the seal of {len(data)} bytes is not made with this run's key for bench {key.bench}",
        )
    stamp = Stamp(*_STAMP.unpack_from(stamped))
    if stamp.sequence <= last_sequence:
        raise FrameRefused(
            "replayed",
            f"message {stamp.sequence} comes after message {last_sequence}: it is an old one",
        )
    try:
        return stamp, message_from(stamped[_STAMP.size :])
    except MessageError as wrong:  # of another version of this software
        raise FrameRefused("not-a-message", str(wrong)) from wrong
