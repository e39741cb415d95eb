"""One round, and the one loop around it.

The loop knows two seams only: `ScalarClient` says where a number comes from and
what is done with the mean; `Radio` carries it. Simulated and real runs differ in
which radios the bench holds, and in nothing else.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure, Reason
from sdr_ota.frame import FrameFormat
from sdr_ota.modulation import Payload
from sdr_ota.radio.base import Capture, PendingCapture, Radio, RadioError, TimeError
from sdr_ota.receiver import ReceivedPayload, receive_joint_frame
from sdr_ota.schemes import AggregationScheme, LinkQuality, theory_squared_error
from sdr_ota.transmitter import TimedBurst, lead_burst, payload_burst
from sdr_ota.types import DecodedSum, TransmitPlan
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


class ScalarClient(Protocol):
    """Where one node's number comes from, and what becomes of the mean."""

    @property
    def loss(self) -> float:
        """Mean of the two probe losses of the last ``local_scalar``."""
        ...

    def local_scalar(self, seed: int) -> float:
        """Return this client's scalar for the direction that ``seed`` announces."""
        ...

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Take the step that the broadcast mean asks for."""
        ...


@dataclass(frozen=True)
class Bench:
    """The radios of an experiment: one receiver, one transmitter a node."""

    receiver: Radio
    nodes: tuple[Radio, ...]
    sample_rate_hz: float

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
        payload: What of a scalar becomes a symbol.
        max_cfo_hz: Largest carrier offset of a node that is looked for.
        lead_s: Time from the decision to send until the frame begins.
        timeout_s: How long to wait for a capture.
    """

    frame: FrameFormat
    scheme: AggregationScheme
    payload: Payload
    max_cfo_hz: float
    lead_s: float = 1e-3
    timeout_s: float = 5.0


@dataclass(frozen=True)
class RoundResult:
    """One line of ``rounds.jsonl``; what an erased round does not have is None.

    Attributes:
        round: Index from 0.
        seed: What announced the direction.
        loss: Mean of the clients' probe losses.
        active_nodes: Nodes that sent.
        mean_scalar: What was broadcast, in units of the clients' scalars.
        decoded_sum: Decoded sum of the symbols.
        decoded_std: The receiver's own standard deviation of it.
        true_sum: Sum of the symbols that were sent.
        theory_error: Squared error of the sum that theory expects.
        noise_power: Noise power of one chip in this round's idle slot.
        cfo_hz: Residual carrier offset of the lead node's preamble.
        metric: Its detection metric.
        sounding_s: Wall time of the sounding before it; 0 where there was none.
        exchange_s: Wall time of sending, receiving and decoding.
        compute_s: Wall time of the clients' probes and steps.
        erasure: Reason if the round was lost.
        detail: One sentence on the erasure.
    """

    round: int
    seed: int
    loss: float | None = None
    active_nodes: tuple[int, ...] = ()
    mean_scalar: float | None = None
    decoded_sum: float | None = None
    decoded_std: float | None = None
    true_sum: float | None = None
    theory_error: float | None = None
    noise_power: float | None = None
    cfo_hz: float | None = None
    metric: float | None = None
    sounding_s: float = 0.0
    exchange_s: float = 0.0
    compute_s: float = 0.0
    erasure: Reason | None = None
    detail: str = ""


@dataclass(frozen=True)
class Schedule:
    """Which rounds to run and from which seeds their directions come.

    Attributes:
        n_rounds: Total rounds.
        seed: The experiment's seed; every round's seed follows from it.
        sounding_every: Rounds between two soundings.
        first_round: Where to begin (a resumed run begins later).
    """

    n_rounds: int
    seed: int
    sounding_every: int = 1
    first_round: int = 0

    def round_seed(self, index: int) -> int:
        """Return the 64-bit seed that the server announces in a round."""
        state = np.random.SeedSequence([self.seed, index]).generate_state(1, np.uint64)
        return int(state[0])


Planner = Callable[[Bench], TransmitPlan]
"""Sounds the nodes and decides how each of them sends; may raise `Erasure`."""


@dataclass(frozen=True)
class Experiment:
    """Everything the loop needs: who computes, what carries, how, and when."""

    clients: Sequence[ScalarClient]
    bench: Bench
    link: Link
    make_plan: Planner
    schedule: Schedule


@dataclass(frozen=True)
class Exchange:
    """What one joint frame brought: the decoded sum and how it was received."""

    total: DecodedSum
    received: ReceivedPayload
    quality: LinkQuality


def run_experiment(experiment: Experiment) -> Iterator[RoundResult]:
    """Run round after round and yield each result; an erasure is a result too.

    The nodes are sounded every ``sounding_every`` rounds and after an erasure.
    """
    schedule = experiment.schedule
    plan: TransmitPlan | None = None
    for index in range(schedule.first_round, schedule.n_rounds):
        began_s = time.perf_counter()
        try:
            if plan is None or index % schedule.sounding_every == 0:
                plan = experiment.make_plan(experiment.bench)
        except Erasure as lost:
            plan = None
            yield _erased(index, schedule.round_seed(index), lost)
            continue
        sounding_s = time.perf_counter() - began_s
        result = replace(run_round(experiment, index, plan), sounding_s=sounding_s)
        plan = None if result.erasure else plan
        yield result


def run_round(experiment: Experiment, index: int, plan: TransmitPlan) -> RoundResult:
    """Let every client compute, exchange the numbers over the air, let every client step.

    If the exchange is erased no client steps: all of them skip the round.

    Args:
        experiment: Clients, radios, link.
        index: The round.
        plan: How the nodes send.
    """
    clients, link = experiment.clients, experiment.link
    seed = experiment.schedule.round_seed(index)
    began_s = time.perf_counter()
    scalars = [client.local_scalar(seed) for client in clients]
    symbols = np.array([link.payload.symbol(scalar) for scalar in scalars])
    loss = float(np.mean([client.loss for client in clients]))
    computed_s = time.perf_counter()
    try:
        exchange = exchange_symbols(symbols, plan, experiment.bench, link, seed)
    except Erasure as lost:
        return _erased(index, seed, lost, loss)
    exchanged_s = time.perf_counter()
    active = plan.active_nodes
    mean_scalar = link.payload.mean_scalar(exchange.total.value, len(active))
    for client in clients:
        client.apply(mean_scalar, seed)
    stepped_s = time.perf_counter()
    return RoundResult(
        round=index,
        seed=seed,
        loss=loss,
        active_nodes=active,
        mean_scalar=mean_scalar,
        decoded_sum=exchange.total.value,
        decoded_std=exchange.total.std,
        true_sum=float(symbols[list(active)].sum()),
        theory_error=theory_squared_error(link.scheme, symbols[list(active)], exchange.quality),
        noise_power=exchange.received.noise_power,
        cfo_hz=exchange.received.burst.cfo * experiment.bench.sample_rate_hz,
        metric=exchange.received.burst.metric,
        exchange_s=exchanged_s - computed_s,
        compute_s=computed_s - began_s + stepped_s - exchanged_s,
    )


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
    _check_possible(total, link.scheme, quality, len(plan.active_nodes))
    return Exchange(total, received, quality)


def _transmitted(
    bursts: Iterable[tuple[int, TimedBurst]],
    pending: PendingCapture,
    bench: Bench,
    timeout_s: float,
) -> Capture:
    """Send all bursts and return what was received while they were on the air."""
    try:
        for node, burst in bursts:
            bench.nodes[node].transmit(burst.samples, burst.start_tick)
    except RadioError:
        # Bursts that did leave stay on the air until the frame ends: the next
        # sounding must not meet them.
        with suppress(RadioError):
            pending.result(timeout_s)
        raise
    return pending.result(timeout_s)


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
    excess_db = power_to_db(received.loudest_silence / plan.noise_power)
    if excess_db > INTERFERENCE_LIMIT_DB:
        raise Erasure(
            "interference",
            f"a silent part holds {excess_db:.1f} dB more power than the sounding's noise "
            f"(limit {INTERFERENCE_LIMIT_DB:g} dB)",
        )


def _check_possible(
    total: DecodedSum, scheme: AggregationScheme, quality: LinkQuality, n_active: int
) -> None:
    """Erase a sum that symbols of at most 1 and the measured noise cannot have made."""
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
    )


def _erased(index: int, seed: int, lost: Erasure, loss: float | None = None) -> RoundResult:
    return RoundResult(round=index, seed=seed, loss=loss, erasure=lost.reason, detail=lost.detail)
