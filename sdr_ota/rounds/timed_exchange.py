"""The exchange over radios with hardware time: every burst at its tick, one capture of all.

The receiver is started before any node sends. What it receives is trusted as far as node
pilots and payload prove it; otherwise it is an erasure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, Radio, RadioError, RadioLost, TimeError
from sdr_ota.rounds.exchange import (
    Link,
    ReceivedPayloads,
    ReceivedSounding,
    Slot,
)
from sdr_ota.rounds.lost_nodes import LostNodes, lost_sounding
from sdr_ota.rounds.messages import PayloadOrder, SoundingOrder
from sdr_ota.rounds.node import Node
from sdr_ota.signal.frame import FrameFormat


def do_nothing() -> None:
    """For orders that reach each node by themselves."""


@dataclass(frozen=True)
class TimedExchange:
    """Sounds nodes and receives their sum, in frames that begin at a tick.

    Attributes:
        receiver: Its radio.
        link: Frame, lead and waiting times.
        sample_rate_hz: Samples a second.
        leaves_out_lost: Whether the run goes on without a node that has gone.
        ordered: Called when all nodes of a frame have their orders; a transport that says them
            together says them then.
    """

    receiver: Radio
    link: Link
    sample_rate_hz: float
    leaves_out_lost: bool = True
    ordered: Callable[[], None] = do_nothing

    is_cyclic = False

    def now_tick(self) -> int:
        """Return the receiver's time in samples."""
        return self.receiver.now_tick()

    def sound(self, nodes: Sequence[Node], round_index: int = 0) -> ReceivedSounding:
        """Let every node send its sounding burst in its own slot and capture them all.

        A node that is late or lost leaves its slot empty.

        Raises:
            Erasure: ``radio`` if no capture came, ``saturated`` if it touches full scale.
            RadioLost: If a node has gone that may not be left out.
        """
        frame, tick = self.link.frame, self._frame_tick()
        try:
            n_samples = frame.n_sounding_frame(len(nodes)) + frame.guard_samples
            pending = self.receiver.begin_receive(n_samples, tick)
            for slot, node in enumerate(nodes):
                node.sound(SoundingOrder(round_index, slot, tick))
            self.ordered()
            try:
                capture = pending.result(self.link.timeout_s)
            finally:  # also without a capture: no answer is left over for the next order
                late = self._late(nodes)
        except RadioLost as lost:
            raise lost_sounding(lost, self.receiver, self.leaves_out_lost) from lost
        except RadioError as broken:
            raise Erasure("radio", f"sounding failed: {broken}") from broken
        for antenna, one in enumerate(capture.antennas):
            where = f" at antenna {antenna}" if capture.further else ""
            refuse_saturated_sounding(one, f"the sounding{where}")
        first, *further = (
            ReceivedSounding(
                tuple(_slot(one, frame, node) for node in range(len(nodes))),
                self.sample_rate_hz,
                late,
                one,
            )
            for one in capture.antennas
        )
        return replace(first, further=tuple(further))

    def receive(
        self, nodes: Sequence[Node], orders: Mapping[int, PayloadOrder]
    ) -> ReceivedPayloads:
        """Let nodes send their payload at the same time and capture the joint frame.

        A node that was late did not send: the others' sum is in the capture all the same, unless it
        was the one that leads.

        Args:
            nodes: All of them.
            orders: By index of the nodes that send.

        Raises:
            Erasure: ``late`` or ``radio`` if nothing was captured, the leading node was late, or a
                radio failed.
            Exception: What a node raised when it refused its order.
        """
        frame = self.link.frame
        try:
            tick = self._frame_tick()
            n_capture = frame.n_joint_frame + 2 * frame.guard_samples
            pending = self.receiver.begin_receive(n_capture, tick - frame.guard_samples)
            for node, order in orders.items():
                nodes[node].send(order.at(tick))
            self.ordered()
            try:
                # Bursts that did leave are on the air until the frame ends: it is sat out first.
                capture = pending.result(self.link.timeout_s)
            finally:  # also without a capture: a refusal ends the run, and no answer is left over
                failures = {node: _failure(nodes[node], self.link.timeout_s) for node in orders}
                raise_refusal(list(failures.values()))
        except TimeError as late:
            raise Erasure("late", str(late)) from late
        except RadioError as broken:
            raise Erasure("radio", str(broken)) from broken
        absent = {
            node: str(failure)
            for node, failure in failures.items()
            if isinstance(failure, TimeError) and not orders[node].leads
        }
        raise_failure([failure for node, failure in failures.items() if node not in absent])
        return ReceivedPayloads(capture, absent)

    def _frame_tick(self) -> int:
        return self.receiver.now_tick() + round(self.link.lead_s * self.sample_rate_hz)

    def _late(self, nodes: Sequence[Node]) -> frozenset[int]:
        """Return the nodes whose radios said that they were late.

        Raises:
            RadioLost: If a node has gone that may not be left out, or if all have.
            RadioError: What else went wrong in a node.
        """
        late, lost = set(), LostNodes(len(nodes), self.leaves_out_lost)
        for index, node in enumerate(nodes):
            try:
                node.sent(self.link.timeout_s)
            except TimeError:
                late.add(index)
            except RadioLost as gone:
                lost.add(gone)
        return frozenset(late)


def refuse_saturated_sounding(capture: Capture, what: str) -> None:
    """Refuse a sounding of which a part touched full scale.

    Raises:
        Erasure: ``saturated``.
    """
    if capture.n_clipped:
        raise Erasure(
            "saturated",
            f"{capture.n_clipped} samples of {what} touch full scale; "
            "lower the receive gain or the nodes' level",
        )


def raise_failure(failures: Sequence[Exception | None]) -> None:
    """Raise what stops a round: a refusal before a late burst before a broken radio.

    Raises:
        Erasure: ``late`` or ``radio``.
        Exception: What a node raised when it refused.
    """
    raise_refusal(failures)
    found = [failure for failure in failures if failure is not None]
    for failure in sorted(found, key=lambda f: not isinstance(f, TimeError)):
        reason = "late" if isinstance(failure, TimeError) else "radio"
        raise Erasure(reason, str(failure)) from failure  # type: ignore[arg-type]


def raise_refusal(failures: Sequence[Exception | None]) -> None:
    """Raise what a node raised when it refused an order, if one did."""
    for failure in failures:
        if failure is not None and not isinstance(failure, RadioError):
            raise failure


def _failure(node: Node, timeout_s: float) -> Exception | None:
    try:
        node.sent(timeout_s)
    except Exception as failure:  # judged together, once the frame is over
        return failure
    return None


def _slot(capture: Capture, frame: FrameFormat, node: int) -> Slot:
    """Return one node's slot with a guard on both sides."""
    start = frame.sounding_start(node)
    first = start - frame.guard_samples
    samples = capture.samples[first : first + frame.n_sounding_burst + 2 * frame.guard_samples]
    return Slot(samples, capture.start_tick + first, capture.start_tick + start)
