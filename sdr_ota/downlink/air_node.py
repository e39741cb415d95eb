"""What a node without cables does with what it receives: one control frame at a time.

    announcement     compute, or ask for the steps that are missing
    sounding order   send the known burst in its slot
    payload order    pay, encode, send
    outcome          step, or skip
    repeated step    take it, if it is the next

Everything happens at times counted from the frame that orders it, by the node's own clock.
"""

import logging
from dataclasses import dataclass

from sdr_ota.downlink.beacon import BeaconFix, Moment, beacon_fix, on_time
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
from sdr_ota.downlink.sealing import RunKey
from sdr_ota.radio.base import Capture
from sdr_ota.rounds.node import LocalNode
from sdr_ota.rounds.transmitter import precompensated
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, RadioSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AirPlace:
    """What a node is told before a run, by whoever sets it up.

    Attributes:
        node: Its place on the bench.
        n_nodes: Nodes of the bench.
        key: Of the run.
        control: Format of control frames.
        frame: Format of soundings and joint frames.
        settings: Of its radio.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        request_lead: Samples from the end of an announcement to a request that it makes.
        has_own_clock: Whether its oscillator is not the server's.
    """

    node: int
    n_nodes: int
    key: RunKey
    control: ControlFormat
    frame: FrameFormat
    settings: RadioSettings
    max_cfo: float
    request_lead: int
    has_own_clock: bool = True

    @property
    def clock_error_per_cfo(self) -> float:
        """See `receive_control_frame`."""
        if not self.has_own_clock:
            return 0.0
        return self.settings.sample_rate_hz / self.settings.center_freq_hz


class AirNode:
    """A node that is told by the air alone.

    Args:
        node: Client, radio and encoder; the radio obeys ticks.
        place: What it was told before the run.
        progress: Of its model.
        last_sequence: Number of the message that it took last; -1 where none was.
    """

    def __init__(
        self, node: LocalNode, place: AirPlace, progress: Progress, last_sequence: int = -1
    ) -> None:
        self.progress = progress
        self.last_sequence = last_sequence
        self._node = node
        self._place = place
        self._can_send = False

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
        place = self._place
        received = receive_message(
            capture.samples,
            self.last_sequence,
            place.key,
            place.control,
            place.max_cfo,
            place.clock_error_per_cfo,
        )
        self.last_sequence = received.sequence
        fix = beacon_fix(received.burst, capture.start_tick, place.settings, place.has_own_clock)
        self._act(received.message, fix, received.n_samples)
        self._node.sent(timeout_s)
        return received

    def _act(self, message: AirMessage, fix: BeaconFix, n_samples: int) -> None:
        match message:
            case AirAnnouncement():
                self._announced(message, fix.moment(n_samples + self._place.request_lead))
            case AirSounding() if self._is_due(message.round):
                slot = self._place.frame.sounding_start(self._place.node)
                self._sound(fix.moment(message.after + slot))
            case AirPayload() if self._is_due(message.round):
                self._send(message, fix.moment(message.after))
            case AirOutcome():
                self._stepped(*self.progress.with_outcome(message))
            case AirStep():
                self._stepped(*self.progress.with_repeated(message))

    def _is_due(self, round_index: int) -> bool:
        """Return whether the node takes part in a round."""
        announced = self.progress.announced
        return self._can_send and announced is not None and announced.round == round_index

    def _announced(self, message: AirAnnouncement, request_due: Moment) -> None:
        place = self._place
        self.progress = self.progress.with_announcement(message)
        self._can_send = False
        if self.progress.announced is not None:
            self._node.announce(message.announcement)
            absent_reason = self._node.ready().absent_reason
            self._can_send = not absent_reason
            if absent_reason:
                _log.info("node %d takes no part: %s", place.node, absent_reason)
            return
        _log.warning("node %d has missed a step before round %d", place.node, message.round)
        request = self.progress.request(place.node, place.n_nodes, message)
        if request is not None:
            key = place.key.of_node(place.node)
            burst = control_burst(request, message.round, key, place.control)
            self._node.radio.transmit(burst, request_due.tick)

    def _sound(self, due: Moment) -> None:
        """Send the known burst, also between two samples: its delay is then the path's alone."""
        rate_hz = self._place.settings.sample_rate_hz
        late = Precoder(1, -due.late_samples / rate_hz)
        on_air = precompensated(self._place.frame.sounding_burst(), late, due.tick, rate_hz)
        self._node.radio.transmit(on_air.samples, on_air.start_tick)

    def _send(self, message: AirPayload, due: Moment) -> None:
        rate_hz = self._place.settings.sample_rate_hz
        order = message.order(self._place.node, due.tick, rate_hz)
        if order is not None:
            self._node.send(on_time(order, due, rate_hz))

    def _stepped(self, progress: Progress, step: AirStep | None) -> None:
        self.progress = progress
        if step is not None:
            self._node.client.apply(step.round, step.means, step.seeds)
