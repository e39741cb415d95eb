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
from sdr_ota.receiver.levels import LEVEL_LIMIT_DB
from sdr_ota.receiver.plausibility import check_silence, check_sum_in_range
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
from sdr_ota.rounds.judged_sum import judged_sum
from sdr_ota.rounds.lost_nodes import LostNodes, lost_sounding
from sdr_ota.rounds.messages import PayloadOrder, SoundingOrder
from sdr_ota.rounds.node import Node
from sdr_ota.rounds.sender import on_subcarriers, sounding_period
from sdr_ota.rounds.timed_exchange import refuse_saturated_sounding
from sdr_ota.schemes import LinkQuality
from sdr_ota.signal.subcarriers import SubcarrierFrame, node_pilot_chips
from sdr_ota.types import Chips, Samples, TransmitPlan
from sdr_ota.units import amplitude_to_db

NODE_PILOT_FALSE_ALARM = 1e-6
"""Probability that noise passes for a node's pilot in one exchange."""


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
    """Decode the sum that a window of repeated symbols carries.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    capture, plan = reception.capture, reception.plan
    scheme, frame = on_subcarriers(link, reception.n_nodes)
    refuse_clipped(capture)
    if len(capture.samples) != frame.n_window:
        raise Erasure(
            "not-found",
            f"the capture holds {len(capture.samples)} samples, the window {frame.n_window}",
        )
    bins = frame.analyse(capture.samples)
    chips, idle = bins[frame.payload], bins[frame.idle]
    noise_power = float(np.mean(np.abs(idle) ** 2))
    loudest = max(float(np.mean(np.abs(part) ** 2)) for part in np.array_split(idle, 4))
    check_silence(loudest, plan.noise_power)
    metric = _check_node_pilots(bins, frame, plan, reception.seed)
    quality = _quality(plan, noise_power, frame, capture, reception.sample_rate_hz)
    read = scheme.decode(chips, reception.n_nodes, plan.rx_amplitude)
    check_sum_in_range(read, scheme, quality, len(plan.active_nodes))
    total = judged_sum(read, chips, scheme, quality, plan, link.decode)
    return Exchange(total, quality, _residual_cfo(capture.samples, frame, plan), metric)


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


def _check_node_pilots(bins: Chips, frame: SubcarrierFrame, plan: TransmitPlan, seed: int) -> float:
    """Erase the round unless every node pilot is there at its level; return the weakest metric."""
    threshold = frame.node_pilot_threshold(NODE_PILOT_FALSE_ALARM)
    weakest = 1.0
    for node in plan.active_nodes:
        found = frame.find_node_pilot(bins, node, node_pilot_chips(frame.n_node_pilot, seed, node))
        if found.metric < threshold:
            raise Erasure(
                "not-found",
                f"node {node}'s pilot of this round is not on the air: metric "
                f"{found.metric:.2f}, threshold {threshold:.2f}",
            )
        change_db = amplitude_to_db(abs(found.gain) / plan.rx_amplitude)
        if abs(change_db) > LEVEL_LIMIT_DB:
            raise Erasure(
                "gain-changed",
                f"node {node}'s pilot is {change_db:+.1f} dB off its sounding "
                f"(limit {LEVEL_LIMIT_DB:g} dB)",
            )
        weakest = min(weakest, found.metric)
    return weakest


def _residual_cfo(samples: Samples, frame: SubcarrierFrame, plan: TransmitPlan) -> float:
    """Return how fast the lead node's pilot turns between the window's halves."""
    indices = frame.node_pilot(plan.lead_node)
    early, late = (frame.analyse(half)[indices] for half in np.split(samples, 2))
    return float(np.angle(np.vdot(early, late)) / (np.pi * len(samples)))


def _quality(
    plan: TransmitPlan,
    noise_power: float,
    frame: SubcarrierFrame,
    capture: Capture,
    sample_rate_hz: float,
) -> LinkQuality:
    """Return what theory needs: this round's noise, the plan's amplitude errors until now.

    Phase and arrival are new with every start; energies on subcarriers do not need them.
    """
    after_s = elapsed_s(plan, capture.start_tick, sample_rate_hz)
    levels = [
        replace(e, phase_std_rad=0, phase_walk_rad2_per_s=0, cfo_std_hz=0, timing_std_s=0)
        for e in plan.active_errors
    ]
    return LinkQuality(
        n_chips=frame.n_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=noise_power,
        gains=forecast_gains(levels, after_s, math.inf),
        n_absent=len(plan.precoders) - len(plan.active_nodes),
    )
