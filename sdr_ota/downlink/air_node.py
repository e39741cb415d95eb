"""What a node without cables does with what it receives: one control frame at a time.

    announcement     compute, or ask for the steps that are missing
    sounding order   send the known burst in its slot
    payload order    pay, encode, send
    outcome          step, or skip
    repeated step    take it, if it is the next

Everything happens at times counted from the frame that orders it, by what the last frames together
show of the server's clock.
"""

import logging
from collections.abc import Callable

from sdr_ota.downlink.beacon import Moment, beacon_fix, on_time
from sdr_ota.downlink.clock_track import ClockTrack
from sdr_ota.downlink.frames import ReceivedMessage, control_burst, receive_message
from sdr_ota.downlink.messages import (
    AirAnnouncement,
    AirMessage,
    AirOutcome,
    AirPayload,
    AirSounding,
    AirStep,
)
from sdr_ota.downlink.progress import Progress
from sdr_ota.downlink.sealing import Stamp
from sdr_ota.downlink.setup import AirSetup
from sdr_ota.radio.base import Capture
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.transmitter import precompensated
from sdr_ota.types import Precoder

_log = logging.getLogger(__name__)


def note_nothing(received: ReceivedMessage) -> None:
    """For nodes that nobody watches."""


class AirNode:
    """A node that is told by the air alone.

    Args:
        index: Its place on the bench.
        node: Client, radio and encoder; the radio obeys ticks.
        setup: What was agreed on before the run.
        progress: Of its model.
        last_sequence: Number of the message that it took last; -1 where none was.
        taken: Called with every message that is the server's and new, before it is acted on.

    Attributes:
        n_steps: That the model has taken.
    """

    def __init__(
        self,
        index: int,
        node: LocalNode,
        setup: AirSetup,
        progress: Progress,
        last_sequence: int = -1,
        taken: Callable[[ReceivedMessage], None] = note_nothing,
    ) -> None:
        self._taken, self.n_steps = taken, 0
        self.progress = progress
        self.last_sequence = last_sequence
        self._index = index
        self._node = node
        self._setup = setup
        self._can_send = False
        self._clock = ClockTrack()

    def take(self, capture: Capture, timeout_s: float) -> ReceivedMessage:
        """Receive the strongest control frame of a capture, and begin what it says.

        Args:
            capture: By the node's radio.
            timeout_s: For the radio to say what became of a burst.

        Returns:
            What was said; the model has taken its step, if there was one.

        Raises:
            FrameRefused: If nothing in it is for this node.
            RadioError: If the radio did not send: `TimeError` if the order came late.
            Exception: What the node raised when it refused an order; it sends nothing then.
        """
        setup = self._setup
        received = receive_message(
            capture.samples,
            self.last_sequence,
            setup.key,
            setup.control,
            setup.max_cfo,
            setup.clock,
        )
        self.last_sequence = received.stamp.sequence
        self._taken(received)
        fix = beacon_fix(received.burst, capture.start_tick, setup.sample_rate_hz, setup.clock)
        self._clock = self._clock.with_beacon(received.stamp.tick, fix)
        self._act(received.message, received.n_samples)
        self._node.sent(timeout_s)
        return received

    def _act(self, message: AirMessage, n_samples: int) -> None:
        due = self._clock.moment
        match message:
            case AirAnnouncement():
                self._announced(message, due(n_samples + self._setup.times.node_lead))
            case AirSounding() if self._is_due(message.round):
                slot = self._setup.frame.sounding_start(self._index)
                self._sound(due(message.after + slot))
            case AirPayload() if self._is_due(message.round):
                self._send(message, due(message.after))
            case AirOutcome():
                self._stepped(*self.progress.with_outcome(message))
            case AirStep():
                self._stepped(*self.progress.with_repeated(message))

    def _is_due(self, round_index: int) -> bool:
        """Return whether the node takes part in a round."""
        announced = self.progress.announced
        return self._can_send and announced is not None and announced.round == round_index

    def _announced(self, message: AirAnnouncement, request_due: Moment) -> None:
        setup = self._setup
        self.progress = self.progress.with_announcement(message)
        self._can_send = False
        if self.progress.announced is not None:
            self._node.announce(message.announcement)
            absent_reason = self._node.ready().absent_reason
            self._can_send = not absent_reason
            if absent_reason:
                _log.info("node %d takes no part: %s", self._index, absent_reason)
            return
        _log.warning("node %d has missed a step before round %d", self._index, message.round)
        request = self.progress.request(self._index, setup.n_nodes, message)
        if request is not None:
            key = setup.key.of_node(self._index)
            burst = control_burst(
                request, Stamp(message.round, request_due.tick), key, setup.control
            )
            self._node.radio.transmit(burst, request_due.tick)

    def _sound(self, due: Moment) -> None:
        """Send the known burst, also between two samples: its delay is then the path's alone."""
        rate_hz = self._setup.sample_rate_hz
        late = Precoder(1, -due.late_samples / rate_hz)
        on_air = precompensated(self._setup.frame.sounding_burst(), late, due.tick, rate_hz)
        self._node.radio.transmit(on_air.samples, on_air.start_tick)

    def _send(self, message: AirPayload, due: Moment) -> None:
        rate_hz = self._setup.sample_rate_hz
        order = message.order(self._index, due.tick, rate_hz)
        if order is not None:
            self._node.send(on_time(order, due, rate_hz))

    def _stepped(self, progress: Progress, step: AirStep | None) -> None:
        self.progress = progress
        if step is not None:
            self.n_steps += 1
            self._node.client.apply(step.round, step.means, step.seeds)
