"""The server's side of rounds without cables: what the loop says to each node, said once.

To the loop a node is an `AirSeam`. What it is told goes to one `AirServer`, which says it in one
control frame for all: an announcement or an outcome when the first node is told, the orders of a
frame together when all of them are out (`TimedExchange.ordered`). Nobody answers on the air: nodes
have as long as they are given to compute, and who sent is seen in the soundings and the pilots.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sdr_ota.downlink.frames import control_burst, message_cost, receive_message
from sdr_ota.downlink.messages import (
    JOURNAL_BYTES,
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirRequest,
    payload_batches,
    payload_message,
    sounding_message,
)
from sdr_ota.downlink.progress import StepLog
from sdr_ota.downlink.sealing import Stamp
from sdr_ota.downlink.setup import TIMEOUT_S, AirSetup
from sdr_ota.radio.base import Radio, RadioError, RadioInfo
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.rounds.messages import (
    Announcement,
    Outcome,
    PayloadOrder,
    Ready,
    SoundingOrder,
    Truth,
    TuneOrder,
)

MOST_SAMPLES = 1_000_000
"""Received at once while nodes compute."""

_log = logging.getLogger(__name__)

_UNKNOWN_STEPS = (
    "node %d has a model that none of this server's steps lead to (another config, or a step that "
    "was said before this server was killed and is not in its record): it takes no part; start it "
    "again: it then begins with the base weights and catches up"
)


def keep_nothing(number: int) -> None:
    """For a key that is forgotten with the process."""


class AirServer:
    """Says to all nodes what the loop says to each of them.

    Args:
        radio: The server's; it sends control frames and receives requests.
        setup: What was agreed on before the run.
        log: Steps so far.
        sequence: Number of the next message under the run's key.
        keep: Told of that number before one is sent with the number before it, so that a server
            that starts again under the key uses none twice.
    """

    def __init__(
        self,
        radio: Radio,
        setup: AirSetup,
        log: StepLog,
        sequence: int = 0,
        keep: Callable[[int], None] = keep_nothing,
    ) -> None:
        self.log = log
        self._keep = keep
        self.sequence = sequence
        self._radio = radio
        self._setup = setup
        self._free_tick = 0
        self._announced: AirAnnouncement | None = None
        self._nodes_compute = False
        self._sounding: SoundingOrder | None = None
        self._payloads: dict[int, PayloadOrder] = {}

    def nodes(self) -> "tuple[AirSeam, ...]":
        """Return what the loop takes for the nodes."""
        return tuple(AirSeam(self, place) for place in range(self._setup.n_nodes))

    def announce(self, announcement: Announcement) -> None:
        """Announce a round, once, and repeat steps for the node that asks for them."""
        if self._announced is not None and self._announced.announcement == announcement:
            return
        announced = AirAnnouncement(announcement.round, announcement.seeds, self.log.journal)
        self._announced = announced
        self._say(announced)
        request = self._request(announced.round)
        if request is not None:
            # Each node has its turn in n_nodes rounds: twice as many bring it nearer.
            steps = self.log.missing(request.journal, 2 * self._setup.n_nodes)
            if steps:
                _log.warning("node %d is behind: %d steps are repeated", request.node, len(steps))
            else:
                _log.warning(_UNKNOWN_STEPS, request.node)
            repeated: tuple[AirMessage, ...] = (*steps, announced)
            for message in repeated:
                self._say(message)
        self._nodes_compute = True

    def wait_for_computing(self) -> None:
        """Wait until all has been said, and nodes have had their time to compute.

        It is sat out by receiving: time passes so in simulated worlds, too.
        """
        if not self._nodes_compute:
            return
        self._nodes_compute = False
        rate_hz = self._setup.sample_rate_hz
        until = self._free_tick + round(self._setup.times.compute_s * rate_hz)
        while (n_samples := min(until - self._radio.now_tick(), MOST_SAMPLES)) > 0:
            try:
                self._radio.begin_receive(n_samples).result(n_samples / rate_hz + TIMEOUT_S)
            except RadioError as lost:
                _log.warning("the server does not receive while nodes compute: %s", lost)
                return

    def collect_sounding(self, order: SoundingOrder) -> None:
        """Keep a node's order to sound; all of them have one frame."""
        self._sounding = order

    def collect_payload(self, node: int, order: PayloadOrder) -> None:
        """Keep a node's order to send until all have come."""
        self._payloads[node] = order

    def say_orders(self) -> None:
        """Say the orders of a frame, once all of them have come.

        Raises:
            ValueError: If the frame begins before nodes can send by what they are told.
        """
        sounding, self._sounding = self._sounding, None
        payloads, self._payloads = self._payloads, {}
        if sounding is not None:
            order_at = partial(sounding_message, sounding.round, sounding.tick)
            self._order(order_at, sounding.tick)
        for batch in payload_batches(payloads) if payloads else ():
            (lead,) = (node for node, order in payloads.items() if order.leads)
            payload_at = partial(
                payload_message, batch, lead, sample_rate_hz=self._setup.sample_rate_hz
            )
            self._order(payload_at, payloads[lead].tick)

    def end(self, outcome: Outcome) -> None:
        """Say what came of a round, once."""
        announced, self._announced = self._announced, None
        if announced is None:
            return
        self._say(AirOutcome(outcome.round, outcome.means, outcome.erasure))
        if outcome.means:
            self.log = self.log.with_step(announced, outcome.means)

    def _order(self, message_at: Callable[[int], AirMessage], due_tick: int) -> None:
        """Say in the next control frame what nodes are to do at a tick."""
        setup, tick = self._setup, self._next_tick()
        message = message_at(tick)
        n_until_sent = message_cost(message, setup.control).n_samples + setup.times.node_lead
        late_s = (tick + n_until_sent - due_tick) / setup.sample_rate_hz
        if late_s > 0:
            raise ValueError(
                f"nodes can send {late_s:.3f} s later than they are ordered to: the time from "
                "order to frame, radio.lead_s, has to hold the control frame; make it that much "
                "longer"
            )
        self._send(message, tick)

    def _say(self, message: AirMessage) -> None:
        """Say something in the next control frame."""
        self._send(message, self._next_tick())

    def _send(self, message: AirMessage, tick: int) -> None:
        """Send a control frame at a tick; one that does not leave is lost as others are."""
        burst = control_burst(
            message, Stamp(self.sequence, tick), self._setup.key, self._setup.control
        )
        self.sequence += 1
        self._keep(self.sequence)
        self._free_tick = tick + len(burst)
        try:
            self._radio.transmit(burst, tick)
        except RadioError as lost:
            _log.warning("a control frame was not sent: %s", lost)

    def _next_tick(self) -> int:
        return max(self._radio.now_tick() + self._setup.times.lead, self._free_tick)

    def _request(self, round_index: int) -> AirRequest | None:
        """Receive what the node whose turn it is asks behind an announcement."""
        setup = self._setup
        node, margin = round_index % setup.n_nodes, setup.times.node_lead // 2
        asked = AirRequest(2**32 - 1, node, bytes(JOURNAL_BYTES))
        n_samples = message_cost(asked, setup.control).n_samples + 2 * margin
        first = self._free_tick + setup.times.node_lead - margin
        try:
            found = receive_message(
                self._radio.begin_receive(n_samples, first).result(TIMEOUT_S).samples,
                round_index - 1,
                setup.key.of_node(node),
                setup.control,
                setup.max_cfo,
                setup.clock,
            )
        except (FrameRefused, RadioError):
            return None
        return found.message if isinstance(found.message, AirRequest) else None


@dataclass(frozen=True)
class AirSeam:
    """What the loop takes for a node that is told by the air alone.

    Attributes:
        server: Says what it is told.
        place: Of the node on the bench.
    """

    server: AirServer
    place: int

    @property
    def info(self) -> RadioInfo:
        """What is known of a radio that only the air leads to."""
        return RadioInfo("air", f"node-{self.place}", has_hardware_time=True)

    def tune(self, order: TuneOrder) -> None:
        """Do nothing: nodes tune themselves by the beacon."""

    def announce(self, announcement: Announcement) -> None:
        """Announce the round to all nodes."""
        self.server.announce(announcement)

    def ready(self) -> Ready:
        """Wait as long as nodes are given."""
        self.server.wait_for_computing()
        return Ready(0)

    def sound(self, order: SoundingOrder) -> None:
        """Have the order said with those of the other nodes."""
        self.server.collect_sounding(order)

    def send(self, order: PayloadOrder) -> None:
        """Have the order said with those of the other nodes."""
        self.server.collect_payload(self.place, order)

    def sent(self, timeout_s: float) -> None:
        """Do nothing: nobody answers."""

    def silence(self) -> None:
        """Do nothing: bursts end by themselves."""

    def apply(self, outcome: Outcome) -> None:
        """Tell all nodes what came of the round."""
        self.server.end(outcome)

    def truth(self, round_index: int) -> Truth | None:
        """Return None: nobody says what it sent."""
        return None

    def close(self) -> None:
        """Do nothing: the node is not ours."""
