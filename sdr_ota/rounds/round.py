"""One round, call by call, and the one loop around it.

    server                                       node k
    announce           ---- control --->         compute
                       <--- ready ------
    sounding order     ---- control --->         send the known burst      ~~ air ~~>
    plan, admit
    payload order      ---- control --->         pay, encode, send         ~~ air ~~>
    decode
    outcome            ---- control --->         step, or skip

Simulated and real runs differ in which radios the nodes hold, and in nothing else. Between the
sounding and the payload lie two control messages and the lead, no computing.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from sdr_ota.erasure import Erasure, Reason
from sdr_ota.rounds.absent_nodes import without_absent
from sdr_ota.rounds.clipping import clipping_of
from sdr_ota.rounds.decoding import decode_present, expected_squared_errors
from sdr_ota.rounds.exchange import Exchange, Link, Reception
from sdr_ota.rounds.learned import Learned
from sdr_ota.rounds.messages import Announcement, Outcome
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import Quote, Server
from sdr_ota.rounds.truth import RoundTruth
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import TransmitPlan


@dataclass(frozen=True)
class FurtherSum:
    """A sum of a frame after the first; attributes as those of `RoundResult`."""

    seed: int
    mean_scalar: float | None = None
    decoded_sum: float | None = None
    decoded_std: float | None = None
    chips_std: float | None = None
    decode_factor: float | None = None
    true_sum: float | None = None
    theory_error: float | None = None
    clip_bias: float | None = None


@dataclass(frozen=True)
class RoundResult:
    """One line of ``rounds.jsonl``; what an erased round does not have is None.

    Where a frame carries several symbols a node, the sums' own attributes are those of the first;
    `further_sums` has the others.

    Attributes:
        round: Index from 0.
        seed: What announced the direction.
        loss: Mean of the clients' probe losses; None from private clients.
        active_nodes: Nodes that sent.
        mean_scalar: What was broadcast, in units of the clients' scalars.
        decoded_sum: Decoded sum of the symbols.
        decoded_std: Standard deviation of its error, as the receiver knows it: chips, gains of
            the nodes, lost bursts.
        chips_std: The part of it that the payload's own chips show: noise and interference.
        decode_factor: By which the sum that the chips show was multiplied; see ``link.decode``.
        true_sum: Sum of the symbols that were sent; None where nodes are private.
        theory_error: Squared error of the sum that theory expects of those symbols.
        largest_scalar: What became a symbol of 1: the limit in force, and under a promise of
            privacy room for the noise; None where signs are sent.
        unclipped_symbols: Scalars over that limit before the clip, one an active node and symbol;
            None, as are the next four, where nodes are private or send signs.
        clipped_share: Of these beyond 1.
        clip_bias: Sum of the clipped less that of the unclipped: ``true_sum - clip_bias`` is what
            the clients computed.
        clipped_example_share: Of the examples' scalars beyond the limit; None without a model.
        example_quantiles: 50, 90 and 100 % of the examples' magnitudes over the limit.
        noise_power: Noise power of one chip in this round's idle slot.
        cfo_hz: Residual carrier offset of the lead node's preamble.
        phase_rad: Its phase, which the sounding was to make 0; None without hardware time.
        metric: Its detection metric.
        sounding_to_payload_s: Mean time from a node's sounding to the payload, in the radio's
            time.
        sounding_s: Wall time of the sounding before it; 0 where there was none.
        exchange_s: Wall time of sending, receiving and decoding.
        compute_s: Wall time of the clients' probes and steps.
        erasure: Reason if the round was lost.
        detail: One sentence on the erasure, or on the nodes that were left out.
        ledger_digest: Of the privacy ledger after the round; None without a promise.
        further_sums: Of a frame that carries several symbols a node.
    """

    round: int
    seed: int
    loss: float | None = None
    active_nodes: tuple[int, ...] = ()
    mean_scalar: float | None = None
    decoded_sum: float | None = None
    decoded_std: float | None = None
    chips_std: float | None = None
    decode_factor: float | None = None
    true_sum: float | None = None
    theory_error: float | None = None
    largest_scalar: float | None = None
    unclipped_symbols: tuple[float, ...] | None = None
    clipped_share: float | None = None
    clip_bias: float | None = None
    clipped_example_share: float | None = None
    example_quantiles: tuple[float, ...] | None = None
    noise_power: float | None = None
    cfo_hz: float | None = None
    phase_rad: float | None = None
    metric: float | None = None
    sounding_to_payload_s: float | None = None
    sounding_s: float = 0.0
    exchange_s: float = 0.0
    compute_s: float = 0.0
    erasure: Reason | None = None
    detail: str = ""
    ledger_digest: str | None = None
    further_sums: tuple[FurtherSum, ...] = ()

    @property
    def mean_scalars(self) -> tuple[float, ...]:
        """All that was broadcast, one a symbol; empty if the round was lost."""
        means = (self.mean_scalar, *(further.mean_scalar for further in self.further_sums))
        return tuple(mean for mean in means if mean is not None)


def sum_by_sum(rounds: Iterable[RoundResult]) -> Iterator[RoundResult]:
    """Yield a result for every sum, as if each had been a round of its own."""
    for result in rounds:
        yield replace(result, further_sums=()) if result.further_sums else result
        for further in result.further_sums:
            yield replace(result, **vars(further), further_sums=())


Observer = Callable[[Reception, RoundResult], None]
"""Shown every round of which something was received, erased or not, once it is decoded."""


def observe_nothing(reception: Reception, result: RoundResult) -> None:
    """Keep nothing of a round but its result."""


@dataclass
class Position:
    """Where a run stands between two rounds; saved with the clients' state, it continues there.

    Attributes:
        next_round: Index of the round to come.
        plan: How the nodes sent last; None asks for a sounding.
        learned: What the rounds so far showed of symbols and levels.
        detuned_hz: What each node's synthesiser was tuned away; None before it was.
    """

    next_round: int = 0
    plan: TransmitPlan | None = None
    detuned_hz: tuple[float, ...] | None = None
    learned: Learned = field(default_factory=Learned)


@dataclass
class Round:
    """A round under way: what is known of it so far.

    Attributes:
        announcement: Its index and seed.
        plan: How the nodes send; None before a sounding.
        learned: What earlier rounds showed; this one is taken in.
        quote: As admitted.
        reception: What was captured.
        exchange: What was decoded.
        mean_scalars: What is broadcast, one a symbol.
        erasure: Why it is lost.
        times_s: Wall times of its parts.
    """

    announcement: Announcement
    plan: TransmitPlan | None
    learned: Learned
    quote: Quote | None = None
    reception: Reception | None = None
    exchange: Exchange | None = None
    mean_scalars: tuple[float, ...] = ()
    erasure: Erasure | None = None
    times_s: dict[str, float] = field(default_factory=dict)


def run_rounds(
    server: Server,
    schedule: Schedule,
    position: Position | None = None,
    observe: Observer = observe_nothing,
) -> Iterator[RoundResult]:
    """Run round after round and yield each result; an erasure is a result too.

    Before the first the nodes are tuned. They are sounded every ``sounding_every`` rounds and after
    an erasure.

    Args:
        server: The nodes, and how they are sounded and received.
        schedule: Which rounds.
        position: Where to begin; it moves on before a result is yielded. None for the
            first round.
        observe: Shown what was received.
    """
    position = Position() if position is None else position
    position.detuned_hz = server.tune(position.detuned_hz)
    while (index := position.next_round) < schedule.n_rounds:
        plan = None if index % schedule.sounding_every == 0 else position.plan
        announcement = schedule.announcement(index)
        result, position.plan = run_round(server, announcement, plan, observe, position.learned)
        position.next_round += 1
        yield result


def run_round(
    server: Server,
    announcement: Announcement,
    plan: TransmitPlan | None = None,
    observe: Observer = observe_nothing,
    learned: Learned | None = None,
) -> tuple[RoundResult, TransmitPlan | None]:
    """Let all nodes compute, exchange the numbers over the air, let all nodes step.

    If the exchange is erased no node steps: all of them skip the round.

    Args:
        server: The nodes, and how they are sounded and received.
        announcement: Index and seed of the round.
        plan: How the nodes sent last: the paths are predicted anew; None sounds them first.
        observe: Shown what was received.
        learned: What earlier rounds showed; this one is taken in. None where nothing is known.

    Returns:
        The result, and the plan for the next round: None after an erasure.

    Raises:
        Exception: What ``server.admit``, a client or a refusing node raises; it ends the run.
    """
    current = Round(announcement, plan, Learned() if learned is None else learned)
    with _timed(current, "compute_s"):
        server.announce(announcement)
        absent = server.wait_until_ready()
    try:
        if current.plan is None:
            with _timed(current, "sounding_s"):
                current.plan = server.sound(announcement.round)
        else:
            current.plan = server.predict(current.plan)
        with _timed(current, "exchange_s"):
            _exchange(server, current, without_absent(current.plan, absent))
    except Erasure as lost:
        current.erasure = lost
    with _timed(current, "compute_s"):
        server.broadcast(_outcome(current), announcement)
    result = _judged(server, current)
    if current.reception is not None:
        observe(current.reception, result)
    return result, None if current.erasure else current.plan


def _exchange(server: Server, current: Round, plan: TransmitPlan) -> None:
    """Admit the round, receive the sum and decode it.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    quote = server.admit(current.announcement.round, plan)
    quote = replace(quote, plan=current.learned.told(quote.plan, quote.largest_scalar))
    current.quote = quote
    current.reception = server.receive(quote, current.announcement)
    current.reception, current.exchange = decode_present(current.reception, server.link)
    sums, n_active = current.exchange.sums, len(current.reception.plan.active_nodes)
    current.learned.observe(current.exchange, quote.largest_scalar)
    current.mean_scalars = tuple(quote.payload.mean_scalar(s.value, n_active) for s in sums)


def _outcome(current: Round) -> Outcome:
    index = current.announcement.round
    if current.erasure is not None or not current.mean_scalars:
        return Outcome(index, (), current.erasure.reason if current.erasure else "radio")
    return Outcome(index, current.mean_scalars)


def _judged(server: Server, current: Round) -> RoundResult:
    """Ask for the truth, for experiments, and write down what came of the round."""
    truth = server.truth(current.announcement.round)
    if current.reception is not None:
        current.reception = replace(current.reception, symbols=truth.symbols)
    seed = current.announcement.seeds[0]
    times_s = current.times_s
    result = RoundResult(
        round=current.announcement.round,
        seed=seed,
        loss=truth.loss,
        sounding_s=times_s.get("sounding_s", 0.0),
        exchange_s=times_s.get("exchange_s", 0.0),
        compute_s=times_s["compute_s"],
    )
    if current.erasure is not None:
        return replace(result, erasure=current.erasure.reason, detail=current.erasure.detail)
    return _with_clipping(_decoded(server, current, result), current, truth)


def _decoded(server: Server, current: Round, result: RoundResult) -> RoundResult:
    """Return the result of a round that was not erased."""
    reception, exchange = current.reception, current.exchange
    assert reception is not None and exchange is not None  # noqa: S101 - no erasure
    first, *further = _sums(current, server.link)
    return replace(
        result,
        **vars(first),
        further_sums=tuple(further),
        active_nodes=reception.plan.active_nodes,
        noise_power=exchange.noise_power,
        cfo_hz=exchange.cfo * reception.sample_rate_hz,
        phase_rad=exchange.phase_rad,
        metric=exchange.metric,
        detail="; ".join(reception.plan.left_out),
        sounding_to_payload_s=sounding_to_payload_s(reception, server.link.frame),
    )


def _sums(current: Round, link: Link) -> list[FurtherSum]:
    """Return what is known of each sum of a round that was not erased, the first too."""
    reception, exchange = current.reception, current.exchange
    assert reception is not None and exchange is not None  # noqa: S101 - no erasure
    n_sums = len(exchange.sums)
    true_sums = reception.true_sums or (None,) * n_sums
    theory = expected_squared_errors(exchange, reception, link) or (None,) * n_sums
    return [
        FurtherSum(
            seed=current.announcement.seeds[place],
            mean_scalar=current.mean_scalars[place],
            decoded_sum=total.value,
            decoded_std=total.std,
            chips_std=total.chips_std,
            decode_factor=total.factor,
            true_sum=true_sums[place],
            theory_error=theory[place],
        )
        for place, total in enumerate(exchange.sums)
    ]


def _with_clipping(result: RoundResult, current: Round, truth: RoundTruth) -> RoundResult:
    """Return the result with what the limit did to the scalars."""
    quote = current.quote
    assert quote is not None  # noqa: S101 - no erasure
    if isinstance(quote.payload, AnalogPayload):
        result = replace(result, largest_scalar=quote.payload.scalar_limit)
    clipping = clipping_of(truth, result.active_nodes, quote.payload)
    if clipping is None:
        return result
    told, (first, *biases) = vars(clipping).copy(), clipping.clip_biases
    del told["clip_biases"]
    further = zip(result.further_sums, biases, strict=True)
    with_bias = tuple(replace(one, clip_bias=bias) for one, bias in further)
    return replace(result, **told, clip_bias=first, further_sums=with_bias)


def sounding_to_payload_s(reception: Reception, frame: FrameFormat) -> float:
    """Return the mean time from the active nodes' soundings to the payload's first sample."""
    plan, tick = reception.plan, reception.capture.start_tick
    if not reception.is_cyclic:
        tick += frame.guard_samples + frame.payload_start
    sounded = [plan.precoders[node].reference_tick for node in plan.active_nodes]
    return float(tick - np.mean(sounded)) / reception.sample_rate_hz


@contextmanager
def _timed(current: Round, part: str) -> Iterator[None]:
    """Add the wall time of a block to a part of the round, however the block ends."""
    began_s = time.perf_counter()
    try:
        yield
    finally:
        so_far_s = current.times_s.get(part, 0.0)
        current.times_s[part] = so_far_s + time.perf_counter() - began_s
