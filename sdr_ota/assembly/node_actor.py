"""What runs on a node's machine: a `LocalNode` behind calls that take and return bytes.

It opens the one radio that it is asked for, if the machine's owner lends it, and follows orders
within its owner's limits and its own promise. It trusts its own watchdog only: whatever happens
to the server, a cyclic transmission ends.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

import msgspec
from ota_calibration.privacy.data_set_ledger import DataSet
from ota_calibration.privacy.ledger import BudgetSpent, Charges
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.poisson_accountant import MissingAccountantError
from ota_calibration.privacy.private_encoder import OrderRefused
from ota_calibration.privacy.private_rounds import node_names

from sdr_ota.assembly.data_set import within_owners_limit
from sdr_ota.assembly.node_client import NodeClient, node_client, updates_from_bytes
from sdr_ota.assembly.privacy import encoder_of, node_ledger, paying, promise_for
from sdr_ota.config.load import Config, restore_config
from sdr_ota.config.parts import link_of, settings_of
from sdr_ota.radio.base import RadioError, RadioNotFound
from sdr_ota.radio.clock import is_pulsed, pulsed
from sdr_ota.radio.limited import LimitedRadio
from sdr_ota.remote.air_watch import AirWatch
from sdr_ota.remote.joining import Joined, JoinOrder, check_run_id
from sdr_ota.remote.kept_words import KeptWords
from sdr_ota.remote.offer import Offer, offered
from sdr_ota.remote.wire import answered
from sdr_ota.rounds.encoder import PowerLimitError
from sdr_ota.rounds.messages import (
    Announcement,
    MessageError,
    Outcome,
    PayloadOrder,
    SoundingOrder,
    TuneOrder,
    from_bytes,
    to_bytes,
)
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.opening import sender_of
from sdr_ota.types import RadioSettings

LONGEST_CYCLIC_S = 10.0
"""A cyclic transmission that nobody ends is ended after this."""

_DONE = b""


_TOLD = (
    BudgetSpent,
    LedgerError,
    MessageError,
    MissingAccountantError,
    OrderRefused,
    PowerLimitError,
    RadioError,
)
"""What a private node tells in full: words of radios, orders and budgets, never of data."""


class NodeActor:
    """One node of a run. Every method returns the bytes of an `Answer`."""

    def __init__(self) -> None:
        self._radio: LimitedRadio | None = None
        self._client: NodeClient | None = None
        self._node: LocalNode | None = None
        self._air: AirWatch | None = None
        self._words: Callable[[Exception], str] = str
        self._data_set: DataSet | None = None
        self._closing = ExitStack()

    def join(self, order: bytes) -> bytes:
        """Load model and data and open the radio; return `Joined`."""
        return self._answered(lambda: to_bytes(self._join(from_bytes(JoinOrder, order))))

    def clock_s(self) -> bytes:
        """Return this machine's clock, in seconds since 1970."""
        return self._answered(lambda: msgspec.msgpack.encode(time.time()))

    def follow(self, updates: bytes) -> bytes:
        """Take steps that others have taken before; return the checksum of the weights."""
        return self._answered(lambda: self._follow(updates).encode())

    def announce(self, announcement: bytes) -> bytes:
        """Compute; return `Ready`."""

        def compute() -> bytes:
            node = self._started()
            node.announce(from_bytes(Announcement, announcement))
            return to_bytes(node.ready())

        return self._answered(compute)

    def tune(self, order: bytes) -> bytes:
        """Tune the transmitter, within its owner's limits."""
        return self._answered(_nothing(lambda: self._started().tune(from_bytes(TuneOrder, order))))

    def sound(self, order: bytes) -> bytes:
        """Send the known burst."""
        return self._answered(_nothing(lambda: self._sound(order)))

    def send(self, order: bytes) -> bytes:
        """Pay, encode and send."""
        return self._answered(_nothing(lambda: self._send(order)))

    def sent(self, timeout_s: float) -> bytes:
        """Wait for what became of the last order."""
        return self._answered(_nothing(lambda: self._started().sent(timeout_s)))

    def silence(self) -> bytes:
        """Stop sending."""
        return self._answered(_nothing(lambda: self._watched().silence()))

    def apply(self, outcome: bytes) -> bytes:
        """Step, or skip."""
        return self._answered(_nothing(lambda: self._started().apply(from_bytes(Outcome, outcome))))

    def truth(self, round_index: int) -> bytes:
        """Return `Truth`; nothing from a private node."""

        def tell() -> bytes:
            truth = self._started().truth(round_index)
            return _DONE if truth is None else to_bytes(truth)

        return self._answered(tell)

    def last_pulse_ns(self) -> bytes:
        """Return the radio's time at the last pulse per second."""
        return self._answered(lambda: str(pulsed(self._opened()).last_pulse_ns()).encode())

    def set_time_at_pulse(self, time_ns: int) -> bytes:
        """Let the radio's time be this at the next pulse."""
        return self._answered(_nothing(lambda: pulsed(self._opened()).set_time_at_pulse(time_ns)))

    def close(self) -> bytes:
        """Stop sending and let go of radio and ledger."""
        return self._answered(_nothing(self._closing.close))

    def _answered(self, act: Callable[[], bytes]) -> bytes:
        return answered(act, self._said_of)

    def _said_of(self, raised: Exception) -> str:
        """Return what crosses of an error; by its name who has the data recognises them."""
        said = self._words(raised)  # which joining decides
        return said if self._data_set is None else said.replace(self._data_set.folder.name, "...")

    def _join(self, order: JoinOrder) -> Joined:
        offer, config = offered(), restore_config(msgspec.json.decode(order.config))
        self._words = _words(config, order, offer)
        self._radio = radio = offer.open(order.address)
        self._closing.callback(radio.close)
        settings = radio.configure(settings_of(config))
        self._client = client = node_client(config, order.index, offer.path(""))
        self._node = node = self._made(config, order, offer, settings)
        self._air = air = AirWatch(node.silence, lambda: min(LONGEST_CYCLIC_S, radio.longest_s()))
        self._closing.callback(air.close)
        return Joined(
            info=radio.info,
            settings=settings,
            has_pulse=is_pulsed(radio),
            version=metadata.version("sdr-ota"),
            fingerprint=client.fingerprint,
            base_checksum=client.base_checksum,
        )

    def _made(
        self, config: Config, order: JoinOrder, offer: Offer, settings: RadioSettings
    ) -> LocalNode:
        """Join client, radio, sender and the encoder with its ledger to a node."""
        radio, client = self._opened(), self._client
        assert client is not None  # noqa: S101 - made by `_join`
        rate, folder = client.sampling_rate, _ledger_folder(order, offer)
        limit = offer.dataset_epsilon
        self._data_set = data_set = within_owners_limit(client.data_set, config, limit)
        ledger = node_ledger(config, order.index, rate, folder, order.is_continued)
        charges: Charges | None = None
        if ledger is not None:
            self._closing.callback(ledger.close)
            charges = paying(ledger, data_set, promise_for(config, rate), self._closing)
        encoder = encoder_of(config, order.index, rate, charges)
        is_timed, link = radio.info.has_hardware_time, link_of(config)
        sender = sender_of(is_timed, link, config.radio.sample_rate_hz)
        return LocalNode(order.index, client.start(), radio, sender, encoder, settings=settings)

    def _follow(self, updates: bytes) -> str:
        if self._client is None or self._node is None:
            raise RadioNotFound("this node has not joined a run")
        checksum = self._client.follow(updates_from_bytes(updates))
        self._node.client = self._client.start()
        return checksum

    def _sound(self, data: bytes) -> None:
        node, order = self._started(), from_bytes(SoundingOrder, data)
        self._watched().send(lambda: node.sound(order))

    def _send(self, data: bytes) -> None:
        node, order = self._started(), from_bytes(PayloadOrder, data)
        self._watched().send(lambda: node.send(order))

    def _watched(self) -> AirWatch:
        if self._air is None:
            raise RadioNotFound("this node has not joined a run")
        return self._air

    def _started(self) -> LocalNode:
        if self._node is None:
            raise RadioNotFound("this node has not joined a run")
        return self._node

    def _opened(self) -> LimitedRadio:
        if self._radio is None:
            raise RadioNotFound("this node has no radio open")
        return self._radio


def _ledger_folder(order: JoinOrder, offer: Offer) -> Path:
    return offer.path("ledgers") / check_run_id(order.run_id)


def _words(config: Config, order: JoinOrder, offer: Offer) -> Callable[[Exception], str]:
    """Return what a node says of an error: a private one keeps what may hold its data."""
    if config.privacy.protect == "nothing":
        return str
    name = f"{node_names(order.index + 1)[order.index]}-failures.txt"
    return KeptWords(_ledger_folder(order, offer) / name, _TOLD)


def _nothing(act: Callable[[], None]) -> Callable[[], bytes]:
    """Return what does something and has nothing to say."""

    def acted() -> bytes:
        act()
        return _DONE

    return acted
