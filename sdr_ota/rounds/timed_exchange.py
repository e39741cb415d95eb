"""The exchange over radios with hardware time: every burst at its tick, one capture of all.

The receiver is started before any node sends. What it receives is trusted as far as node
pilots and payload prove it; otherwise it is an erasure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, Radio, RadioError, RadioLost, TimeError
from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.payload import Sending, decode_payload
from sdr_ota.receiver.plausibility import check_sums_in_range
from sdr_ota.rounds.exchange import (
    Exchange,
    Link,
    ReceivedPayloads,
    ReceivedSounding,
    Reception,
    Slot,
)
from sdr_ota.rounds.gain_forecast import elapsed_s, forecast_gains
from sdr_ota.rounds.judged_sum import judged_sums
from sdr_ota.rounds.lost_nodes import LostNodes, lost_sounding
from sdr_ota.rounds.messages import PayloadOrder, SoundingOrder
from sdr_ota.rounds.node import Node
from sdr_ota.schemes import LinkQuality
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import TransmitPlan


@dataclass(frozen=True)
class TimedExchange:
    """Sounds nodes and receives their sum, in frames that begin at a tick.

    Attributes:
        receiver: Its radio.
        link: Frame, lead and waiting times.
        sample_rate_hz: Samples a second.
        leaves_out_lost: Whether the run goes on without a node that has gone.
    """

    receiver: Radio
    link: Link
    sample_rate_hz: float
    leaves_out_lost: bool = True

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
            try:
                capture = pending.result(self.link.timeout_s)
            finally:  # also without a capture: no answer is left over for the next order
                late = self._late(nodes)
        except RadioLost as lost:
            raise lost_sounding(lost, self.receiver, self.leaves_out_lost) from lost
        except RadioError as broken:
            raise Erasure("radio", f"sounding failed: {broken}") from broken
        refuse_saturated_sounding(capture, "the sounding")
        slots = tuple(_slot(capture, frame, node) for node in range(len(nodes)))
        return ReceivedSounding(slots, self.sample_rate_hz, late, capture)

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


def decode_timed(reception: Reception, link: Link) -> Exchange:
    """Decode the sums that a joint frame carries.

    Raises:
        Erasure: If one of them cannot be trusted.
    """
    frame, plan, scheme = link.frame, reception.plan, link.scheme
    rate = reception.sample_rate_hz
    received = link.receive(reception.capture, frame, link.max_cfo_hz / rate)
    planned = planned_quality(reception, frame, received.noise_power)
    expected = _expectation_by_symbol(reception, planned, frame)
    sending = Sending(scheme, reception.n_nodes, reception.seed)
    read, found = decode_payload(received, expected, frame, sending)
    measured = replace(
        planned,
        rx_amplitude=found.rx_amplitude,
        common_phase_variance_rad2=found.phase_variance_rad2,
    )
    idle = [replace(measured, gains=gains) for gains in found.gains]
    check_sums_in_range(read, scheme, idle, len(plan.active_nodes), plan.noise_power)
    pairs = zip(idle, found.noise_powers, strict=True)
    qualities = tuple(replace(quality, noise_power=noise) for quality, noise in pairs)
    symbols = zip(read, frame.symbol_chips(found.chips), qualities, strict=True)
    sums = judged_sums(symbols, scheme, plan, link.decode)
    burst = received.burst
    return Exchange(sums, qualities, burst.cfo, burst.metric, found.phase_rad)


def _expectation_by_symbol(
    reception: Reception, planned: LinkQuality, frame: FrameFormat
) -> Expectation:
    """Return what the plan lets one expect of the nodes, in the middle and at each symbol."""
    plan, rate = reception.plan, reception.sample_rate_hz
    each = tuple(
        _expectation(
            plan, planned_quality(reception, frame, planned.noise_power, symbol), frame, rate
        )
        for symbol in range(frame.n_symbols)
    )
    return replace(_expectation(plan, planned, frame, rate), by_symbol=each)


def _expectation(
    plan: TransmitPlan, quality: LinkQuality, frame: FrameFormat, sample_rate_hz: float
) -> Expectation:
    """Return what the plan lets one expect of the nodes at the payload."""
    errors, gains, n_active = plan.active_errors, quality.gains, len(plan.active_nodes)
    between_s = frame.pilot_distance_chips * frame.pulse.samples_per_chip / sample_rate_hz
    turned = [
        (2 * np.pi * e.cfo_std_hz * between_s) ** 2 + e.phase_walk_rad2_per_s * between_s
        for e in errors
    ]
    level, across, phase = (
        np.broadcast_to(values, (n_active,))
        for values in (gains.along_variance, gains.across_variance, gains.phase_variance_rad2)
    )
    return Expectation(
        nodes=plan.active_nodes,
        rx_amplitude=plan.rx_amplitude,
        phase_variances_rad2=across + phase,
        level_variances=level,
        turn_variances_rad2=np.array(turned),
        delay_std_chips=float(np.sqrt(np.mean(gains.timing_variance_chips2))),
        cfo_variance=float(np.mean([e.cfo_std_hz**2 for e in errors])) / sample_rate_hz**2,
        noise_power=plan.noise_power,
    )


def planned_quality(
    reception: Reception, frame: FrameFormat, noise_power: float, symbol: int | None = None
) -> LinkQuality:
    """Return what theory needs, by the plan's errors as they have grown until the payload.

    Args:
        reception: Plan and time of a joint frame.
        frame: Its format.
        noise_power: Of a chip in this round.
        symbol: At the middle of which; None for the payload's middle.
    """
    plan, rate = reception.plan, reception.sample_rate_hz
    frame_tick = reception.capture.start_tick + frame.guard_samples
    payload_tick = frame_tick + frame.payload_start + frame.n_payload // 2
    if symbol is not None:
        off_chips = (symbol - (frame.n_symbols - 1) / 2) * frame.n_payload_chips
        payload_tick += round(off_chips * frame.pulse.samples_per_chip)
    after_s = elapsed_s(plan, payload_tick, rate)
    return LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=noise_power,
        gains=forecast_gains(plan.active_errors, after_s, frame.pulse.samples_per_chip / rate),
        rolloff=frame.pulse.rolloff,
        n_absent=len(plan.precoders) - len(plan.active_nodes),
    )
