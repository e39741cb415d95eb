"""A node: data, client, noise, ledger and transmitter in one. Its scalar leaves through the air.

`Node` is all that the server knows of it. `LocalNode` is one in this process; on another machine
a `LocalNode` lives behind a transport that has the same methods.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from sdr_ota.radio.base import Radio, RadioInfo, SettingNotTaken
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    Truth,
    TuneOrder,
)
from sdr_ota.rounds.sender import Sender, Signal
from sdr_ota.types import RadioSettings


class ScalarClient(Protocol):
    """Where one node's number comes from, and what becomes of the mean."""

    @property
    def loss(self) -> float:
        """Mean of all probe losses of the last ``local_scalars``; NaN without examples."""
        ...

    @property
    def example_scalars(self) -> Sequence[float]:
        """What the last ``local_scalars`` were made of, one an example and direction.

        Empty without examples.
        """
        ...

    def local_scalars(self, seeds: Sequence[int]) -> Sequence[float]:
        """Return this client's scalar for each direction that a round announces."""
        ...

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Take the step that a round's broadcast means ask for; once, however often it is told.

        Args:
            round_index: The round.
            mean_scalars: One a direction.
            seeds: Of the directions.
        """
        ...


class SymbolEncoder(Protocol):
    """What makes a node's symbols of its scalars, if the node agrees with the order."""

    @property
    def is_private(self) -> bool:
        """Whether nobody may ask what was sent."""
        ...

    def symbols(self, order: PayloadOrder, scalars: Sequence[float]) -> tuple[float, ...]:
        """Verify the order, pay for it, and return a symbol in [-1, 1] a scalar.

        Raises:
            Exception: If the node refuses; nothing is sent then.
        """
        ...


class Node(Protocol):
    """What the server asks of a node.

    ``tune``, ``announce``, ``sound``, ``send`` and ``apply`` begin something and return at once, so
    that K nodes do it at the same time; they never raise. ``ready`` and ``sent`` wait for what was
    begun and raise what went wrong in it.
    """

    @property
    def info(self) -> RadioInfo:
        """The node's radio."""
        ...

    def tune(self, order: TuneOrder) -> None:
        """Begin to tune the transmitter."""
        ...

    def announce(self, announcement: Announcement) -> None:
        """Begin to compute."""
        ...

    def ready(self) -> Ready:
        """Wait until the node has computed.

        Raises:
            Exception: What the client raises when it cannot go on; it ends the run.
        """
        ...

    def sound(self, order: SoundingOrder) -> None:
        """Begin to send the known burst."""
        ...

    def send(self, order: PayloadOrder) -> None:
        """Begin to pay, encode and send."""
        ...

    def sent(self, timeout_s: float) -> None:
        """Wait for what became of the last order.

        Raises:
            RadioError: If the radio failed: `TimeError` if the order came late, `RadioLost` if
                the node has gone.
            Exception: What the node raised when it refused the order.
        """
        ...

    def silence(self) -> None:
        """Stop sending; does nothing where nothing is being sent."""
        ...

    def apply(self, outcome: Outcome) -> None:
        """Take the step of a round, or skip it."""
        ...

    def truth(self, round_index: int) -> Truth | None:
        """Return what was sent in a round, for experiments; None from a private node."""
        ...

    def close(self) -> None:
        """Stop sending and let go of the radio."""
        ...


class LocalNode:
    """A node in this process.

    Args:
        index: Its place among the nodes.
        client: Where its scalar comes from.
        radio: Its transmitter.
        sender: How the radio is used: at a tick, or repeating.
        encoder: What makes symbols of scalars, and may refuse.
        absent_reason: Returns why the client takes no part; empty where it does.
        settings: Of the radio; None where it stays as it is.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - a node is where these meet
        self,
        index: int,
        client: ScalarClient,
        radio: Radio,
        sender: Sender,
        encoder: SymbolEncoder,
        absent_reason: Callable[[], str] = str,
        settings: RadioSettings | None = None,
    ) -> None:
        self.radio = radio
        self._index = index
        self.client = client
        self._sender = sender
        self._encoder = encoder
        self._absent_reason = absent_reason
        self._settings = settings
        self._announced = Announcement(-1, ())
        self._scalars: tuple[float, ...] = ()
        self._truth = Truth(-1)
        self._failure: Exception | None = None

    @property
    def info(self) -> RadioInfo:
        """The node's radio."""
        return self.radio.info

    def tune(self, order: TuneOrder) -> None:
        """Tune the radio."""
        self._attempt(lambda: self._tune(order.detuned_hz))

    def announce(self, announcement: Announcement) -> None:
        """Note the round; `ready` computes."""
        self._announced, self._scalars = announcement, ()

    def ready(self) -> Ready:
        """Compute the scalars and keep them."""
        announced, reason = self._announced, self._absent_reason()
        if reason:
            self._truth = Truth(announced.round)
            return Ready(announced.round, reason)
        self._scalars = tuple(self.client.local_scalars(announced.seeds))
        loss = self.client.loss
        self._truth = Truth(
            round=announced.round,
            losses=() if math.isnan(loss) else (loss,),
            scalars=self._scalars,
            example_scalars=tuple(self.client.example_scalars),
        )
        return Ready(announced.round)

    def sound(self, order: SoundingOrder) -> None:
        """Send the known burst."""
        self._attempt(lambda: self._sender.sound(self.radio, order))

    def send(self, order: PayloadOrder) -> None:
        """Make symbols of the scalars and send them."""
        self._attempt(lambda: self._send(order))

    def sent(self, timeout_s: float) -> None:
        """Raise what went wrong with the last order."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        self._sender.confirm(self.radio, timeout_s)

    def silence(self) -> None:
        """Stop sending."""
        self._sender.silence(self.radio)

    def apply(self, outcome: Outcome) -> None:
        """Take the step of the announced round, or skip it."""
        if outcome.means:
            self.client.apply(outcome.round, outcome.means, self._announced.seeds)

    def truth(self, round_index: int) -> Truth | None:
        """Return what was sent; None if this node keeps it."""
        return None if self._encoder.is_private else self._truth

    def close(self) -> None:
        """Stop sending and let go of the radio."""
        self.radio.close()

    def _tune(self, detuned_hz: float) -> None:
        if self._settings is None:
            raise SettingNotTaken(f"node {self._index} does not know what its radio is tuned to")
        center_freq_hz = self._settings.center_freq_hz + detuned_hz
        self.radio.configure(replace(self._settings, center_freq_hz=center_freq_hz))

    def _send(self, order: PayloadOrder) -> None:
        if order.round != self._announced.round:
            raise ValueError(
                f"node {self._index} was ordered to send in round {order.round}, but round "
                f"{self._announced.round} was announced to it; its scalar is for that one"
            )
        scalars, self._scalars = self._scalars, ()  # what it costs is counted for one burst
        if not scalars:
            raise ValueError(
                f"node {self._index} has no scalar to send in round {order.round}: each is "
                "computed for one announcement and sent once"
            )
        symbols = self._encoder.symbols(order, scalars)
        self._truth = msgspec.structs.replace(self._truth, symbols=symbols)
        seed = self._announced.seeds[0]
        self._sender.send(self.radio, order, Signal(self._index, symbols, seed))

    def _attempt(self, begin: Callable[[], None]) -> None:
        self._failure = None
        try:
            begin()
        except Exception as failure:  # told by `sent`, as from a node far away
            self._failure = failure
