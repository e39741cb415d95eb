"""What runs on a node's machine: a `LocalNode` behind calls that take and return bytes.

It opens the one radio that it is asked for, if the machine's owner lends it, and follows orders
within its owner's limits and its own promise. It trusts its own watchdog only: whatever happens
to the server, a cyclic transmission ends.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata

import msgspec

from sdr_ota.assembly.node_client import NodeClient, node_client, updates_from_bytes
from sdr_ota.assembly.privacy import encoder_of, node_ledger
from sdr_ota.config.load import Config, restore_config
from sdr_ota.config.parts import link_of, settings_of
from sdr_ota.radio.base import Radio, RadioError, RadioNotFound
from sdr_ota.remote.joining import Joined, JoinOrder, check_run_id
from sdr_ota.remote.offer import Offer, offered
from sdr_ota.remote.wire import answered
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    SoundingOrder,
    from_bytes,
    to_bytes,
)
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.opening import sender_of

LONGEST_CYCLIC_S = 10.0
"""A cyclic transmission that nobody ends is ended after this."""

_DONE = b""


class NodeActor:
    """One node of a run. Every method returns the bytes of an `Answer`."""

    def __init__(self) -> None:
        self._radio: Radio | None = None
        self._client: NodeClient | None = None
        self._node: LocalNode | None = None
        self._lock = threading.Lock()
        self._sending_since_s: float | None = None

    def join(self, order: bytes) -> bytes:
        """Load model and data and open the radio; return `Joined`."""
        return answered(lambda: to_bytes(self._join(from_bytes(JoinOrder, order))))

    def clock_s(self) -> bytes:
        """Return this machine's clock, in seconds since 1970."""
        return answered(lambda: msgspec.msgpack.encode(time.time()))

    def follow(self, updates: bytes) -> bytes:
        """Take steps that others have taken before; return the checksum of the weights."""
        return answered(lambda: self._follow(updates).encode())

    def announce(self, announcement: bytes) -> bytes:
        """Compute; return `Ready`."""

        def compute() -> bytes:
            node = self._started()
            node.announce(from_bytes(Announcement, announcement))
            return to_bytes(node.ready())

        return answered(compute)

    def sound(self, order: bytes) -> bytes:
        """Send the known burst."""
        return answered(lambda: self._sent_by(self._node_sound, order))

    def send(self, order: bytes) -> bytes:
        """Pay, encode and send."""
        return answered(lambda: self._sent_by(self._node_send, order))

    def sent(self, timeout_s: float) -> bytes:
        """Wait for what became of the last order."""
        return answered(_nothing(lambda: self._started().sent(timeout_s)))

    def silence(self) -> bytes:
        """Stop sending."""
        return answered(self._silence)

    def apply(self, outcome: bytes) -> bytes:
        """Step, or skip."""
        return answered(_nothing(lambda: self._started().apply(from_bytes(Outcome, outcome))))

    def truth(self, round_index: int) -> bytes:
        """Return `Truth`; nothing from a private node."""

        def tell() -> bytes:
            truth = self._started().truth(round_index)
            return _DONE if truth is None else to_bytes(truth)

        return answered(tell)

    def last_pulse_ns(self) -> bytes:
        """Return the radio's time at the last pulse per second."""
        return answered(lambda: str(self._opened().last_pulse_ns()).encode())  # type: ignore[attr-defined]

    def set_time_at_pulse(self, time_ns: int) -> bytes:
        """Let the radio's time be this at the next pulse."""
        return answered(_nothing(lambda: self._opened().set_time_at_pulse(time_ns)))  # type: ignore[attr-defined]

    def close(self) -> bytes:
        """Stop sending and let go of the radio."""

        def close() -> bytes:
            if self._radio is not None:
                self._radio.close()
            return _DONE

        return answered(close)

    def _join(self, order: JoinOrder) -> Joined:
        offer = offered()
        config = restore_config(msgspec.json.decode(order.config))
        self._radio = radio = offer.open(order.address)
        settings = radio.configure(settings_of(config))
        self._client = client = node_client(config, order.index, offer.path(""))
        self._node = self._made(config, order, offer)
        threading.Thread(target=self._watch, daemon=True).start()
        return Joined(
            info=radio.info,
            settings=settings,
            has_pulse=bool(getattr(radio, "has_pulse", False)),
            version=metadata.version("sdr-ota"),
            fingerprint=client.fingerprint,
            base_checksum=client.base_checksum,
        )

    def _made(self, config: Config, order: JoinOrder, offer: Offer) -> LocalNode:
        """Join client, radio, sender and the encoder with its ledger to a node."""
        radio, client = self._opened(), self._client
        assert client is not None  # noqa: S101 - made by `_join`
        folder = offer.path("ledgers") / check_run_id(order.run_id)
        ledger = node_ledger(config, order.index, client.sampling_rate, folder)
        encoder = encoder_of(config, order.index, client.sampling_rate, ledger)
        rate = config.radio.sample_rate_hz
        sender = sender_of(radio.info.has_hardware_time, link_of(config), rate)
        return LocalNode(order.index, client.start(), radio, sender, encoder)

    def _follow(self, updates: bytes) -> str:
        if self._client is None or self._node is None:
            raise RadioNotFound("this node has not joined a run")
        checksum = self._client.follow(updates_from_bytes(updates))
        self._node.client = self._client.start()
        return checksum

    def _node_sound(self, order: bytes) -> None:
        self._started().sound(from_bytes(SoundingOrder, order))

    def _node_send(self, order: bytes) -> None:
        self._started().send(from_bytes(PayloadOrder, order))

    def _sent_by(self, begin: Callable[[bytes], None], order: bytes) -> bytes:
        with self._lock:
            self._sending_since_s = time.monotonic()
            begin(order)
        return _DONE

    def _silence(self) -> bytes:
        with self._lock:
            self._started().silence()
            self._sending_since_s = None  # if it fails the watchdog tries again
        return _DONE

    def _started(self) -> LocalNode:
        if self._node is None:
            raise RadioNotFound("this node has not joined a run")
        return self._node

    def _opened(self) -> Radio:
        if self._radio is None:
            raise RadioNotFound("this node has no radio open")
        return self._radio

    def _watch(self) -> None:
        """End a cyclic transmission that has lasted too long."""
        while True:
            time.sleep(0.2)
            with self._lock:
                since_s = self._sending_since_s
                if since_s is not None and time.monotonic() > since_s + LONGEST_CYCLIC_S:
                    with suppress(RadioError):  # then it is tried again
                        self._started().silence()
                        self._sending_since_s = None


def _nothing(act: Callable[[], None]) -> Callable[[], bytes]:
    """Return what does something and has nothing to say."""

    def acted() -> bytes:
        act()
        return _DONE

    return acted
