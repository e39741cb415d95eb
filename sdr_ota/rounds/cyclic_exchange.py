"""The exchange over radios without hardware time: all repeat, the receiver reads anywhere.

The nodes start one after the other, whenever their buffers happen to begin, and send until the
receiver has captured enough. Nothing is assumed about when; a pilot of every node proves that
what was captured is this round's.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, Radio, RadioError, RadioLost
from sdr_ota.receiver.joint_frame import refuse_clipped
from sdr_ota.receiver.plausibility import check_sums_in_range
from sdr_ota.receiver.window_evidence import Window, WindowExpectation, decode_window
from sdr_ota.rounds.exchange import (
    Bench,
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
from sdr_ota.rounds.sender import on_subcarriers, sounding_period
from sdr_ota.rounds.timed_exchange import refuse_saturated_sounding
from sdr_ota.schemes import LinkQuality
from sdr_ota.signal.subcarriers import SubcarrierFrame
from sdr_ota.types import Samples


@dataclass(frozen=True)
class CyclicExchange:
    """Sounds nodes and receives their sum, while they repeat.

    Attributes:
        receiver: Its radio.
        link: Frame, settling and waiting times; its scheme must have a form for subcarriers.
        sample_rate_hz: Samples a second.
        leaves_out_lost: Whether the run goes on without a node that has gone.
    """

    receiver: Radio
    link: Link
    sample_rate_hz: float
    leaves_out_lost: bool = True

    is_cyclic = True

    def now_tick(self) -> int:
        """Return the receiver's time in samples."""
        return self.receiver.now_tick()

    def sound(self, nodes: Sequence[Node], round_index: int = 0) -> ReceivedSounding:
        """Let every node in turn repeat its sounding burst, alone, and capture it.

        Raises:
            Erasure: ``radio`` if a capture did not come, ``saturated`` if one touches full scale.
            RadioLost: If a node has gone that may not be left out.
        """
        lost = LostNodes(len(nodes), self.leaves_out_lost)
        orders = [SoundingOrder(round_index, slot) for slot in range(len(nodes))]
        try:
            slots = [self._slot(n, o, lost) for n, o in zip(nodes, orders, strict=True)]
        except RadioLost as gone:
            raise lost_sounding(gone, self.receiver, self.leaves_out_lost) from gone
        except RadioError as broken:
            raise Erasure("radio", str(broken)) from broken
        return ReceivedSounding(tuple(slots), self.sample_rate_hz)

    def receive(
        self, nodes: Sequence[Node], orders: Mapping[int, PayloadOrder]
    ) -> ReceivedPayloads:
        """Let nodes repeat their payload at once and capture a window of it.

        Args:
            nodes: All of them.
            orders: By index of the nodes that send.

        Raises:
            Erasure: If nothing was captured, or a node did not send.
            Exception: What a node raised when it refused its order.
        """
        _, frame = on_subcarriers(self.link, len(nodes))
        try:
            with _silenced([nodes[node] for node in orders]):
                for node, order in orders.items():
                    nodes[node].send(order)
                for node in orders:
                    nodes[node].sent(self.link.timeout_s)
                return ReceivedPayloads(self._after_settling(frame.n_window))
        except RadioError as broken:
            raise Erasure("radio", str(broken)) from broken

    def _slot(self, node: Node, order: SoundingOrder, lost: LostNodes) -> Slot | None:
        """Capture one node's sounding; None for a node that has gone."""
        try:
            with _silenced([node]):
                node.sound(order)
                node.sent(self.link.timeout_s)
                capture = self._after_settling(2 * len(sounding_period(self.link)))
        except RadioLost as gone:
            if gone.serial == self.receiver.info.serial:
                raise
            lost.add(gone)
            return None
        refuse_saturated_sounding(capture, f"node {order.slot}'s sounding")
        return Slot(capture.samples, capture.start_tick, None)

    def _after_settling(self, n_samples: int) -> Capture:
        n_settle = round(self.link.settle_s * self.sample_rate_hz)
        return receive_after(self.receiver, n_settle, n_samples, self.link.timeout_s)


@contextmanager
def _silenced(nodes: Sequence[Node]) -> Iterator[None]:
    """Let all nodes fall silent when a block ends, even if one of them fails."""
    with ExitStack() as silence:
        for node in nodes:
            silence.callback(node.silence)
        yield


def decode_cyclic(reception: Reception, link: Link) -> Exchange:
    """Decode the sums that a window of repeated symbols carries.

    Raises:
        Erasure: If one of them cannot be trusted.
    """
    capture, plan = reception.capture, reception.plan
    scheme, frame = on_subcarriers(link, reception.n_nodes)
    refuse_clipped(capture)
    if len(capture.samples) != frame.n_window:
        raise Erasure(
            "not-found",
            f"the capture holds {len(capture.samples)} samples, the window {frame.n_window}",
        )
    planned = planned_quality(reception, frame)
    window = Window(capture.samples, frame, scheme, reception.seed)
    read, found = decode_window(window, _expectation(reception, planned, frame))
    quality = replace(
        planned,
        rx_amplitude=found.rx_amplitude,
        noise_power=found.noise_power,
        gains=found.gains,
    )
    qualities = (quality,) * frame.n_symbols
    check_sums_in_range(read, scheme, qualities, len(plan.active_nodes), plan.noise_power)
    symbols = zip(read, frame.symbol_chips(found.chips), qualities, strict=True)
    sums = judged_sums(symbols, scheme, plan, link.decode)
    lead = found.pilots[plan.active_nodes.index(plan.lead_node)]
    return Exchange(sums, qualities, found.cfo + lead.cfo, found.metric)


@contextmanager
def repeating(bench: Bench, blocks: dict[int, Samples]) -> Iterator[None]:
    """Let nodes repeat their blocks while something is done; all fall silent afterwards.

    Raises:
        Erasure: ``radio`` if a radio fails.
    """
    try:
        with ExitStack() as silence:
            for node, samples in blocks.items():
                silence.callback(bench.nodes[node].end_cyclic)
                bench.nodes[node].begin_cyclic(samples)
            yield
    except RadioError as broken:
        raise Erasure("radio", str(broken)) from broken


def receive_after(receiver: Radio, n_settle: int, n_samples: int, timeout_s: float) -> Capture:
    """Receive, and keep what follows the samples in which nodes may still be starting."""
    capture = receiver.begin_receive(n_settle + n_samples).result(timeout_s)
    return Capture(capture.samples[n_settle:], capture.start_tick + n_settle, capture.n_clipped)


def _expectation(
    reception: Reception, planned: LinkQuality, frame: SubcarrierFrame
) -> WindowExpectation:
    """Return what the plan lets one expect of the nodes in the window."""
    plan, period_s = reception.plan, frame.n_period / reception.sample_rate_hz
    n_active = len(plan.active_nodes)
    walks = [error.phase_walk_rad2_per_s * period_s for error in plan.active_errors]
    return WindowExpectation(
        nodes=plan.active_nodes,
        rx_amplitude=plan.rx_amplitude,
        noise_power=plan.noise_power,
        level_variances=np.broadcast_to(planned.gains.along_variance, (n_active,)),
        walk_variances_rad2=np.array(walks),
    )


def planned_quality(reception: Reception, frame: SubcarrierFrame) -> LinkQuality:
    """Return what theory needs by the plan: its amplitude errors as they have grown until now.

    Phase and arrival are new with every start; energies on subcarriers do not need them.

    Args:
        reception: Plan and time of a window.
        frame: Roles of the subcarriers.
    """
    plan = reception.plan
    after_s = elapsed_s(plan, reception.capture.start_tick, reception.sample_rate_hz)
    levels = [
        replace(e, phase_std_rad=0, phase_walk_rad2_per_s=0, cfo_std_hz=0, timing_std_s=0)
        for e in plan.active_errors
    ]
    return LinkQuality(
        n_chips=frame.n_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=plan.noise_power,
        gains=forecast_gains(levels, after_s, math.inf),
        n_absent=len(plan.precoders) - len(plan.active_nodes),
    )
