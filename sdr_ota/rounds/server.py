"""The server of a round: it announces, listens and broadcasts.

No scalar is needed here. What was sent may be asked for after the round, for experiments; private
nodes refuse.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from sdr_ota.rounds.absent_nodes import without_absent
from sdr_ota.rounds.clock import RealClock, WorldClock
from sdr_ota.rounds.exchange import Link, ReceivedPayloads, ReceivedSounding, Reception
from sdr_ota.rounds.messages import Announcement, Outcome, PayloadOrder
from sdr_ota.rounds.node import Node, ScalarClient
from sdr_ota.rounds.truth import RoundTruth, asked_truth
from sdr_ota.rounds.tuning import Sounder, Tuning, tune_nodes
from sdr_ota.signal.modulation import Payload
from sdr_ota.types import TransmitPlan


class Exchanger(Sounder, Protocol):
    """How nodes are sounded and their sum is received; chosen once, when the bench opens."""

    @property
    def is_cyclic(self) -> bool:
        """Whether nodes repeat their frames."""
        ...

    @property
    def sample_rate_hz(self) -> float:
        """Samples a second."""
        ...

    def now_tick(self) -> int:
        """Return the receiver's time in samples."""
        ...

    def receive(
        self, nodes: Sequence[Node], orders: Mapping[int, PayloadOrder]
    ) -> ReceivedPayloads:
        """Let nodes send at once, each by its order, and capture the sum.

        Raises:
            Erasure: If nothing was captured, or no sum can be in it.
            Exception: What a node raised when it refused its order.
        """
        ...


MAX_SOUNDINGS = 3
"""In a round: two give a carrier offset, the third its drift."""

MAX_PHASE_ERROR_RAD = 0.3
"""That the offsets' errors may make at the payload; above it the nodes are sounded again. A number
shrinks by 4 % there, exp(-0.3^2 / 2)."""

Planner = Callable[[ReceivedSounding], TransmitPlan]
"""Estimates the paths of a sounding, follows them, and plans how each node sends.

May raise `Erasure` if no node can take part.
"""

Replanner = Callable[[TransmitPlan, int], TransmitPlan]
"""Plans a round before which nobody was sounded, from the plan before it and the receiver's tick.

May raise what a `Planner` may.
"""


def keep_plan(plan: TransmitPlan, now_tick: int) -> TransmitPlan:
    """Return the plan: paths stand still as far as is known."""
    return plan


@dataclass(frozen=True)
class Quote:
    """How a round may be sent, and what it costs.

    Attributes:
        plan: How each node sends.
        payload: What a decoded sum means.
        largest_scalar: What becomes a symbol of 1.
        noise_std: Privacy noise that each node adds to its scalar.
        cost: What the burst costs each node, in the unit of its ledger.
    """

    plan: TransmitPlan
    payload: Payload
    largest_scalar: float
    noise_std: float = 0.0
    cost: float = 0.0


Admission = Callable[[int, TransmitPlan], Quote]
"""Called before a round is transmitted: returns how it is sent, and enters it in the account.

An exception ends the run, and nothing of the round is transmitted.
"""


def admit_all(payload_of: Callable[[float], Payload], largest_scalar: float) -> Admission:
    """Let every round pass as planned, at no cost."""
    payload = payload_of(largest_scalar)
    return lambda index, plan: Quote(plan, payload, largest_scalar)


@dataclass(frozen=True)
class Server:
    """Everything a round needs on the server's side.

    Attributes:
        nodes: All of them, in node order.
        exchange: How they are sounded and received.
        link: Frame and scheme.
        make_plan: What plans from a sounding.
        admit: What admits a round.
        clock: Told of what takes time.
        followers: The server's own copies of the model: they take every step and send nothing.
        plan_again: What plans where no new sounding is due.
        tuning: Where carrier offsets go into the nodes' synthesisers; None where they do not.
    """

    nodes: Sequence[Node]
    exchange: Exchanger
    link: Link
    make_plan: Planner
    admit: Admission
    clock: WorldClock = field(default_factory=RealClock)
    followers: Sequence[ScalarClient] = ()
    plan_again: Replanner = keep_plan
    tuning: Tuning | None = None

    def tune(self, detuned_hz: Sequence[float] | None = None) -> tuple[float, ...] | None:
        """Tune the nodes so that their carriers meet the receiver's, once before the first round.

        Args:
            detuned_hz: As this method has returned before, for radios that were opened again; None
                to sound the nodes.

        Returns:
            What each node's carrier was tuned away from the configuration's center frequency;
            None where nothing is tuned.
        """
        if self.tuning is None:
            return None
        if detuned_hz is None:
            self.clock.message()
            detuned_hz = self.tuning.needed_hz(self.exchange, self.nodes)
            self.clock.message()
        return tune_nodes(self.nodes, detuned_hz)

    def announce(self, announcement: Announcement) -> None:
        """Tell all nodes of a round; they begin to compute."""
        for node in self.nodes:
            node.announce(announcement)
        self.clock.message()

    def wait_until_ready(self) -> Mapping[int, str]:
        """Wait until all nodes have computed; return those that take no part, each with why."""
        answers = [node.ready() for node in self.nodes]
        self.clock.compute()
        self.clock.message()
        return {k: a.absent_reason for k, a in enumerate(answers) if a.absent_reason}

    def sound(self, round_index: int) -> TransmitPlan:
        """Sound all nodes and plan how they send.

        One sounding knows a carrier offset only as well as its burst is long. Where that is not
        enough for the phases at the payload, as in a first round, the nodes are sounded again.

        Raises:
            Erasure: If nothing was captured or no node can take part.
        """
        for _ in range(MAX_SOUNDINGS):
            self.clock.message()
            plan = self.make_plan(self.exchange.sound(self.nodes, round_index))
            if self.exchange.is_cyclic or not self.link.scheme.needs_phase:
                break
            cfo_std_hz = math.sqrt(fmean(e.cfo_std_hz**2 for e in plan.active_errors))
            wait_s = max(self.link.lead_s, self.link.pulse_s)
            if 2 * math.pi * cfo_std_hz * wait_s < MAX_PHASE_ERROR_RAD:
                break
        return plan

    def predict(self, plan: TransmitPlan) -> TransmitPlan:
        """Plan how the nodes send now, from the plan of an earlier round.

        Raises:
            Erasure: If no node can take part.
        """
        return self.plan_again(plan, self.exchange.now_tick())

    def receive(self, quote: Quote, announcement: Announcement) -> Reception:
        """Order the payload and capture the sum, of the nodes that sent.

        Raises:
            Erasure: If nothing was captured, or no sum can be in it.
            Exception: What a node raised when it refused its order.
        """
        self.clock.message()
        orders = payload_orders(quote, announcement.round)
        received = self.exchange.receive(self.nodes, orders)
        plan = without_absent(quote.plan, received.absent)
        seed = announcement.seeds[0]
        rate_hz, is_cyclic = self.exchange.sample_rate_hz, self.exchange.is_cyclic
        return Reception(received.capture, rate_hz, plan, seed, is_cyclic)

    def broadcast(self, outcome: Outcome, announcement: Announcement) -> None:
        """Tell all nodes what came of the round; they step, or skip it."""
        for node in self.nodes:
            node.apply(outcome)
        for follower in self.followers if outcome.means else ():
            follower.apply(outcome.round, outcome.means, announcement.seeds)
        self.clock.message()

    def truth(self, round_index: int) -> RoundTruth:
        """Ask what was computed and sent."""
        return asked_truth(self.nodes, round_index)


def payload_orders(quote: Quote, round_index: int) -> Mapping[int, PayloadOrder]:
    """Return the orders of the nodes that send, by node; one of them leads."""
    plan = quote.plan
    active = plan.active_nodes
    return {
        node: PayloadOrder(
            round=round_index,
            gain=(float(plan.precoders[node].gain.real), float(plan.precoders[node].gain.imag)),
            delay_s=plan.precoders[node].delay_s,
            cfo_hz=plan.precoders[node].cfo_hz,
            reference_tick=plan.precoders[node].reference_tick,
            leads=node == plan.lead_node,
            n_nodes=len(plan.precoders),
            noise_std=quote.noise_std,
            largest_scalar=quote.largest_scalar,
            cost=quote.cost,
        )
        for node in active
    }
