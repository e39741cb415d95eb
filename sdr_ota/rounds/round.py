"""One round, and the one loop around it.

The loop knows two seams only: `ScalarClient` says where a number comes from and
what is done with the mean; `Radio` carries it. Simulated and real runs differ in
which radios the bench holds, and in nothing else.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure, Reason
from sdr_ota.rounds.cyclic_exchange import decode_cyclic, receive_cyclic
from sdr_ota.rounds.exchange import (
    Bench,
    Exchange,
    Link,
    Reception,
    decode_symbols,
    receive_symbols,
)
from sdr_ota.signal.modulation import Payload
from sdr_ota.types import TransmitPlan


class ScalarClient(Protocol):
    """Where one node's number comes from, and what becomes of the mean."""

    @property
    def loss(self) -> float:
        """Mean of the two probe losses of the last ``local_scalar``; NaN without examples."""
        ...

    def local_scalar(self, seed: int) -> float:
        """Return this client's scalar for the direction that ``seed`` announces."""
        ...

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Take the step that the broadcast mean asks for."""
        ...


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
        phase_rad: Its phase, which the sounding was to make 0; None without hardware time.
        metric: Its detection metric.
        sounding_s: Wall time of the sounding before it; 0 where there was none.
        exchange_s: Wall time of sending, receiving and decoding.
        compute_s: Wall time of the clients' probes and steps.
        erasure: Reason if the round was lost.
        detail: One sentence on the erasure, or on the nodes that were left out.
        ledger_digest: Of the privacy ledger after the round; None without a promise.
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
    phase_rad: float | None = None
    metric: float | None = None
    sounding_s: float = 0.0
    exchange_s: float = 0.0
    compute_s: float = 0.0
    erasure: Reason | None = None
    detail: str = ""
    ledger_digest: str | None = None


@dataclass(frozen=True)
class Schedule:
    """Which rounds to run and from which seeds their directions come.

    Attributes:
        n_rounds: Total rounds.
        seed: The experiment's seed; every round's seed follows from it.
        sounding_every: Rounds between two soundings.
    """

    n_rounds: int
    seed: int
    sounding_every: int = 1

    def round_seed(self, index: int) -> int:
        """Return the 64-bit seed that the server announces in a round."""
        state = np.random.SeedSequence([self.seed, index]).generate_state(1, np.uint64)
        return int(state[0])


Planner = Callable[[Bench], TransmitPlan]
"""Sounds the nodes and decides how each of them sends; may raise `Erasure`."""


Admission = Callable[[int, TransmitPlan], tuple[TransmitPlan, Payload]]
"""Asked before anything of a round is sent: may it be, how loud, and what of a scalar?

Whatever it raises ends the run, and nothing is sent. Here privacy is paid for.
"""


def admit_all(payload: Payload) -> Admission:
    """Let every round pass as planned, with one payload for all of them."""
    return lambda index, plan: (plan, payload)


Observer = Callable[[Reception, RoundResult], None]
"""Shown every round of which something was received, erased or not, once it is decoded."""


def observe_nothing(reception: Reception, result: RoundResult) -> None:
    """Keep nothing of a round but its result."""


@dataclass(frozen=True)
class Experiment:
    """Everything the loop needs: who computes, what carries, who admits, how, and when."""

    clients: Sequence[ScalarClient]
    bench: Bench
    link: Link
    make_plan: Planner
    admit: Admission
    schedule: Schedule
    observe: Observer = observe_nothing


@dataclass
class Position:
    """Where a run stands between two rounds; saved with the clients' state, it continues there.

    Attributes:
        next_round: Index of the round to come.
        plan: How the nodes send, until the next sounding; None asks for a sounding.
    """

    next_round: int = 0
    plan: TransmitPlan | None = None


def run_experiment(
    experiment: Experiment, position: Position | None = None
) -> Iterator[RoundResult]:
    """Run round after round and yield each result; an erasure is a result too.

    The nodes are sounded every ``sounding_every`` rounds and after an erasure.

    Args:
        experiment: What is run.
        position: Where to begin; it moves on before a result is yielded. None for the
            first round.
    """
    position = Position() if position is None else position
    while position.next_round < experiment.schedule.n_rounds:
        result, plan = _sounded_round(experiment, position)
        position.plan = None if result.erasure else plan
        position.next_round += 1
        yield result


def _sounded_round(
    experiment: Experiment, position: Position
) -> tuple[RoundResult, TransmitPlan | None]:
    """Sound the nodes if it is time to, then run the round."""
    schedule, plan, index = experiment.schedule, position.plan, position.next_round
    began_s, sounding_s = time.perf_counter(), None
    try:
        if plan is None or index % schedule.sounding_every == 0:
            plan = experiment.make_plan(experiment.bench)
        sounding_s = time.perf_counter() - began_s
        result = run_round(experiment, index, plan)
    except Erasure as lost:
        result = _erased(index, schedule.round_seed(index), lost)
        passed_s = time.perf_counter() - began_s
        if sounding_s is None:
            return replace(result, sounding_s=passed_s), None
        result = replace(result, compute_s=passed_s - sounding_s)
    return replace(result, sounding_s=sounding_s), plan


def run_round(experiment: Experiment, index: int, plan: TransmitPlan) -> RoundResult:
    """Let every client compute, exchange the numbers over the air, let every client step.

    If the exchange is erased no client steps: all of them skip the round.

    Args:
        experiment: Clients, radios, link.
        index: The round.
        plan: How the nodes send.

    Raises:
        Erasure: If a client's machine has gone before it has answered.
        Exception: Whatever else ``experiment.admit`` and the clients raise; it ends the run.
    """
    clients, link = experiment.clients, experiment.link
    seed = experiment.schedule.round_seed(index)
    plan, payload = experiment.admit(index, plan)
    began_s = time.perf_counter()
    scalars = [client.local_scalar(seed) for client in clients]
    symbols = np.array([payload.symbol(scalar) for scalar in scalars])
    losses = [client.loss for client in clients if not math.isnan(client.loss)]
    loss = float(np.mean(losses)) if losses else None
    computed_s = time.perf_counter()
    reception = None
    try:
        reception = receive_sum(symbols, plan, experiment.bench, link, seed)
        exchange = decode_sum(reception, link)
    except Erasure as lost:
        result = replace(
            _erased(index, seed, lost, loss),
            exchange_s=time.perf_counter() - computed_s,
            compute_s=computed_s - began_s,
        )
        if reception is not None:
            experiment.observe(reception, result)
        return result
    exchanged_s = time.perf_counter()
    active = plan.active_nodes
    mean_scalar = payload.mean_scalar(exchange.total.value, len(active))
    for client in clients:
        client.apply(mean_scalar, seed)
    stepped_s = time.perf_counter()
    result = RoundResult(
        round=index,
        seed=seed,
        loss=loss,
        active_nodes=active,
        mean_scalar=mean_scalar,
        decoded_sum=exchange.total.value,
        decoded_std=exchange.total.std,
        true_sum=float(symbols[list(active)].sum()),
        theory_error=exchange.theory_error,
        noise_power=exchange.noise_power,
        cfo_hz=exchange.cfo * experiment.bench.sample_rate_hz,
        phase_rad=exchange.phase_rad,
        metric=exchange.metric,
        exchange_s=exchanged_s - computed_s,
        detail="; ".join(plan.left_out),
        compute_s=computed_s - began_s + stepped_s - exchanged_s,
    )
    experiment.observe(reception, result)
    return result


def receive_sum(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Reception:
    """Let all nodes send at once, in the way that their radios can, and capture it.

    Raises:
        Erasure: If nothing was captured.
    """
    receive = receive_symbols if bench.has_hardware_time else receive_cyclic
    return receive(symbols, plan, bench, link, seed)


def decode_sum(reception: Reception, link: Link) -> Exchange:
    """Decode what was captured, now or long ago.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    return (decode_cyclic if reception.is_cyclic else decode_symbols)(reception, link)


def _erased(index: int, seed: int, lost: Erasure, loss: float | None = None) -> RoundResult:
    return RoundResult(round=index, seed=seed, loss=loss, erasure=lost.reason, detail=lost.detail)
