"""One exchange over a bench of radios: all nodes send at once, one sum comes out.

The receiver listens before anybody speaks. What it hears is trusted only if level,
silence and spread are what the last sounding lets one expect; otherwise the exchange
is an erasure with a reason.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.frame import FrameFormat
from sdr_ota.radio.base import Capture, PendingCapture, Radio, RadioError, TimeError
from sdr_ota.receiver import ReceivedPayload, receive_joint_frame
from sdr_ota.schemes import AggregationScheme, LinkQuality, theory_squared_error
from sdr_ota.transmitter import TimedBurst, lead_burst, payload_burst
from sdr_ota.types import DecodedSum, RadioSettings, TransmitPlan
from sdr_ota.units import amplitude_to_db, power_to_db

GAIN_CHANGE_LIMIT_DB = 3.0
"""A lead node heard this much louder or weaker than planned means a gain has changed."""

PHASE_CHANGE_LIMIT_DEG = 90.0
"""A lead node that arrives turned by more than this would subtract instead of add."""

INTERFERENCE_LIMIT_DB = 6.0
"""Silence this much louder than the noise at the sounding is not noise alone."""

SPREAD_LIMIT = 2.0
"""A payload whose chips spread this many times more than noise and symbols can was hit."""

RIPPLE = 0.05
"""Spread that pulses and converters may add to a symbol of 1, beyond noise."""


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
    """

    frame: FrameFormat
    scheme: AggregationScheme
    max_cfo_hz: float
    lead_s: float = 1e-3
    timeout_s: float = 5.0
    settle_s: float = 5e-3


@dataclass(frozen=True)
class Exchange:
    """What one exchange brought: the decoded sum and how it was received.

    Attributes:
        total: The decoded sum.
        theory_error: Squared error of the sum that theory expects.
        noise_power: Noise power of one chip in this exchange.
        cfo: Residual carrier offset of the lead node in cycles per sample.
        metric: Detection metric of the lead node.
    """

    total: DecodedSum
    theory_error: float
    noise_power: float
    cfo: float
    metric: float


def exchange_symbols(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Exchange:
    """Send one symbol a node at the same time and decode their sum.

    The receiver listens before anybody speaks. The first active node leads: it
    alone sends the preamble.

    Args:
        symbols: One in [-1, 1] a node, shape ``(n_nodes,)``.
        plan: How each node sends; nodes with a zero precoder stay silent.
        bench: The radios.
        link: Frame and scheme.
        seed: Makes the nodes' random chips.

    Raises:
        Erasure: If the sum cannot be trusted.
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
    received = receive_joint_frame(capture, frame, link.max_cfo_hz / rate)
    _check_against_plan(received, plan, link.scheme.needs_phase)
    payload_tick = frame_tick + frame.payload_start + frame.n_payload // 2
    quality = _quality(received, plan, frame, payload_tick / rate, rate)
    total = link.scheme.decode(received.chips, len(symbols), plan.rx_amplitude)
    check_possible(total, link.scheme, quality, len(plan.active_nodes))
    burst = received.burst
    expected = theory_squared_error(link.scheme, symbols[list(plan.active_nodes)], quality)
    return Exchange(total, expected, received.noise_power, burst.cfo, burst.metric)


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


def _check_against_plan(received: ReceivedPayload, plan: TransmitPlan, needs_phase: bool) -> None:
    """Erase the round if the lead node or the noise is not what was planned."""
    lead = plan.precoders[plan.active_nodes[0]]
    planned = plan.rx_amplitude / abs(lead.gain)
    change_db = amplitude_to_db(abs(received.burst.gain) / planned)
    turn_deg = abs(float(np.degrees(np.angle(received.burst.gain))))
    turned = needs_phase and turn_deg > PHASE_CHANGE_LIMIT_DEG
    if turned or abs(change_db) > GAIN_CHANGE_LIMIT_DB:
        raise Erasure(
            "gain-changed",
            f"the lead node's preamble is {change_db:+.1f} dB and {turn_deg:.0f} degrees off its "
            f"sounding (limits {GAIN_CHANGE_LIMIT_DB:g} dB, {PHASE_CHANGE_LIMIT_DEG:g} degrees "
            "where phases matter)",
        )
    check_silence(received.loudest_silence, plan.noise_power)


def check_silence(loudest_silence: float, noise_power: float) -> None:
    """Erase the round if a part in which nobody sends is louder than the sounding's noise.

    Raises:
        Erasure: ``interference``.
    """
    excess_db = power_to_db(loudest_silence / noise_power)
    if excess_db > INTERFERENCE_LIMIT_DB:
        raise Erasure(
            "interference",
            f"a silent part holds {excess_db:.1f} dB more power than the sounding's noise "
            f"(limit {INTERFERENCE_LIMIT_DB:g} dB)",
        )


def check_possible(
    total: DecodedSum, scheme: AggregationScheme, quality: LinkQuality, n_active: int
) -> None:
    """Erase a sum that symbols of at most 1 and the measured noise cannot have made.

    Raises:
        Erasure: ``interference``.
    """
    variance = scheme.theory_variance(np.ones(n_active), quality)
    largest_std = np.sqrt(variance + n_active * RIPPLE**2)
    if total.std > SPREAD_LIMIT * largest_std or abs(total.value) > n_active + 6 * largest_std:
        raise Erasure(
            "interference",
            f"decoded {total.value:.2f} with a standard deviation of {total.std:.3f} on its "
            f"chips; {n_active} symbols of at most 1 give at most {n_active} and {largest_std:.3f}",
        )


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
