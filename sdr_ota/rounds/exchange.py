"""One exchange over a bench of radios: all nodes send at once, one sum comes out.

The receiver listens before anybody speaks. What it receives is trusted only if level,
silence and spread are what the last sounding lets one expect; otherwise the exchange
is an erasure with a reason.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, PendingCapture, Radio, RadioError, TimeError
from sdr_ota.receiver.joint_frame import ReceivedPayload, receive_joint_frame
from sdr_ota.receiver.plausibility import check_lead, check_sum_in_range
from sdr_ota.rounds.transmitter import TimedBurst, lead_burst, payload_burst
from sdr_ota.schemes import AggregationScheme, LinkQuality, theory_squared_error
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import DecodedSum, RadioSettings, TransmitPlan


@dataclass(frozen=True)
class Bench:
    """The radios of an experiment: one receiver, one transmitter a node."""

    receiver: Radio
    nodes: tuple[Radio, ...]
    sample_rate_hz: float
    settings: tuple[RadioSettings, ...] = ()

    @property
    def has_hardware_time(self) -> bool:
        """Whether all radios obey start ticks: otherwise frames must be cyclic."""
        return all(radio.info.has_hardware_time for radio in (self.receiver, *self.nodes))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:  # every radio is closed even if closing one fails
            for radio in (self.receiver, *self.nodes):
                stack.callback(radio.close)


Receive: TypeAlias = Callable[[Capture, FrameFormat, float], ReceivedPayload]
"""Turns a capture into an aligned payload, or raises `Erasure`; see `receive_joint_frame`."""


@dataclass(frozen=True)
class Link:
    """How numbers travel over a bench.

    Attributes:
        frame: Where everything lies in a frame.
        scheme: How symbols are added.
        max_cfo_hz: Largest carrier offset of a node that is looked for.
        lead_s: Time from the decision to send until the frame begins.
        timeout_s: How long to wait for a capture.
        settle_s: Without hardware time: longest time until a node that was started sends.
        receive: What finds and aligns the payload of a joint frame.
    """

    frame: FrameFormat
    scheme: AggregationScheme
    max_cfo_hz: float
    lead_s: float = 1e-3
    timeout_s: float = 5.0
    settle_s: float = 5e-3
    receive: Receive = receive_joint_frame


@dataclass(frozen=True)
class Exchange:
    """What one exchange brought: the decoded sum and how it was received.

    Attributes:
        total: The decoded sum.
        theory_error: Squared error of the sum that theory expects.
        noise_power: Noise power of one chip in this exchange.
        cfo: Residual carrier offset of the lead node in cycles per sample.
        metric: Detection metric of the lead node.
        phase_rad: Phase of the lead node's preamble, planned to be 0; None where it is not
            measured.
    """

    total: DecodedSum
    theory_error: float
    noise_power: float
    cfo: float
    metric: float
    phase_rad: float | None = None


@dataclass(frozen=True)
class Reception:
    """What one exchange put into the receiver's hands, and what was to arrive.

    All that decoding needs: kept in a file, it can be decoded again.

    Attributes:
        capture: What was received.
        sample_rate_hz: Samples a second.
        symbols: What the nodes sent, in [-1, 1], shape ``(n_nodes,)``.
        plan: How each of them sent.
        seed: Of the round; it makes chips and marks.
        is_cyclic: Whether the frame was repeated by radios without hardware time.
    """

    capture: Capture
    sample_rate_hz: float
    symbols: NDArray[np.float64]
    plan: TransmitPlan
    seed: int
    is_cyclic: bool = False


def exchange_symbols(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Exchange:
    """Send one symbol a node at the same time and decode their sum.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    return decode_symbols(receive_symbols(symbols, plan, bench, link, seed), link)


def receive_symbols(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Reception:
    """Send one symbol a node at the same time and capture the joint frame.

    The receiver listens before anybody speaks. The first active node leads: it
    alone sends the preamble.

    Args:
        symbols: One in [-1, 1] a node, shape ``(n_nodes,)``.
        plan: How each node sends; nodes with a zero precoder stay silent.
        bench: The radios.
        link: Frame and scheme.
        seed: Makes the nodes' random chips.

    Raises:
        Erasure: If nothing was captured.
    """
    frame, rate = link.frame, bench.sample_rate_hz
    n_capture = frame.n_joint_frame + 2 * frame.guard_samples
    try:
        frame_tick = bench.receiver.now_tick() + round(link.lead_s * rate)
        pending = bench.receiver.begin_receive(n_capture, frame_tick - frame.guard_samples)
        bursts = _bursts(symbols, plan, link, (frame_tick, rate), seed)
        capture = _transmitted(bursts, pending, bench, link.timeout_s)
    except TimeError as late:
        raise Erasure("late", str(late)) from late
    except RadioError as broken:
        raise Erasure("radio", str(broken)) from broken
    return Reception(capture, rate, symbols, plan, seed)


def decode_symbols(reception: Reception, link: Link) -> Exchange:
    """Decode the sum that a joint frame carries.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    frame, plan, symbols = link.frame, reception.plan, reception.symbols
    rate = reception.sample_rate_hz
    received = link.receive(reception.capture, frame, link.max_cfo_hz / rate)
    check_lead(received, plan, link.scheme.needs_phase)
    frame_tick = reception.capture.start_tick + frame.guard_samples
    payload_tick = frame_tick + frame.payload_start + frame.n_payload // 2
    quality = _quality(received, plan, frame, payload_tick / rate, rate)
    total = link.scheme.decode(received.chips, len(symbols), plan.rx_amplitude)
    check_sum_in_range(total, link.scheme, quality, len(plan.active_nodes))
    burst = received.burst
    expected = theory_squared_error(link.scheme, symbols[list(plan.active_nodes)], quality)
    phase_rad = float(np.angle(burst.gain))
    return Exchange(total, expected, received.noise_power, burst.cfo, burst.metric, phase_rad)


def _transmitted(
    bursts: Iterable[tuple[int, TimedBurst]],
    pending: PendingCapture,
    bench: Bench,
    timeout_s: float,
) -> Capture:
    """Send all bursts and return what was received while they were on the air."""
    sent = []
    try:
        for node, burst in bursts:
            bench.nodes[node].transmit(burst.samples, burst.start_tick)
            sent.append(node)
    except RadioError:
        # Bursts that did leave stay on the air until the frame ends: the next
        # sounding must not meet them.
        with suppress(RadioError):
            pending.result(timeout_s)
        raise
    capture = pending.result(timeout_s)
    for node in sent:
        bench.nodes[node].confirm_sent(timeout_s)
    return capture


def _bursts(
    symbols: NDArray[np.float64],
    plan: TransmitPlan,
    link: Link,
    timing: tuple[int, float],
    seed: int,
) -> Iterator[tuple[int, TimedBurst]]:
    """Yield every burst of a joint frame with the node that sends it."""
    frame, scheme, n_nodes = link.frame, link.scheme, len(symbols)
    active = plan.active_nodes
    for node in active:
        rng = np.random.default_rng([seed, node])
        symbol = float(symbols[node])
        chips = scheme.encode(symbol, node, n_nodes, frame.n_payload_chips, rng)
        make_burst = lead_burst if node == active[0] else payload_burst
        yield node, make_burst(chips, frame, plan.precoders[node], *timing)


def _quality(
    received: ReceivedPayload,
    plan: TransmitPlan,
    frame: FrameFormat,
    payload_s: float,
    sample_rate_hz: float,
) -> LinkQuality:
    """Return what theory needs: this round's noise, the plan's errors grown until now."""
    sounded_s = np.array([plan.precoders[n].reference_tick for n in plan.active_nodes])
    elapsed_s = payload_s - sounded_s / sample_rate_hz  # the last node sounded has drifted least
    phase_variance = (
        plan.phase_error_std_rad**2
        + (2 * np.pi * plan.cfo_error_std_hz) ** 2 * np.mean(elapsed_s**2)
        + plan.phase_walk_rad2_per_s * np.mean(elapsed_s)
    )
    amplitude_variance = plan.amplitude_error_std**2 + plan.amplitude_walk_per_s * np.mean(
        elapsed_s
    )
    chip_s = frame.pulse.samples_per_chip / sample_rate_hz
    return LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=received.noise_power,
        phase_error_std_rad=float(np.sqrt(phase_variance)),
        amplitude_error_std=float(np.sqrt(amplitude_variance)),
        timing_error_std_chips=plan.timing_error_std_s / chip_s,
        rolloff=frame.pulse.rolloff,
        n_absent=len(plan.precoders) - len(plan.active_nodes),
        loss_probability=plan.loss_probability,
    )
