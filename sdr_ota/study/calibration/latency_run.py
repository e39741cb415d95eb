"""How long orders and rounds take on an open bench: many of them are tried."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ota_calibration.measure.latency import (
    LeadTrial,
    Spread,
    begins_at,
    ladder_of_leads,
    needed_leads,
    spread_of,
)
from ota_calibration.measure.sounding_sequence import (
    SoundingSequence,
    fit_sequence,
    sound_sequence,
)

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config
from sdr_ota.config.parts import payload_of
from sdr_ota.radio.base import TimeError
from sdr_ota.receiver.synchronisation import BurstNotFound
from sdr_ota.rounds.cyclic_exchange import repeating
from sdr_ota.rounds.exchange import Bench, Link, ReceivedPayloads, ReceivedSounding
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.rounds.node import Node
from sdr_ota.rounds.round import run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import Exchanger, admit_all
from sdr_ota.rounds.synthetic import UniformClient

N_ORDERS = 20
"""Of every lead, and of every node that repeats: one in twenty is the share of a 95 % quantile."""

N_ROUNDS = 20

_SETTLINGS = 4
"""Longest settling times for which the beginning of a repetition is looked for."""

Check = Callable[[], None]
"""Raises after a signal."""


def command_spread(bench: Bench, link: Link, node: int, check: Check) -> Spread | None:
    """Return how long it takes from an order until a node's burst leaves its antenna.

    With hardware time: how long before its tick a burst must be ordered, up to ``link.lead_s``.
    Without: how long after an order a repetition is on the air, counted from the first sample that
    the receiver captures after it.

    Raises:
        RadioError: If a radio fails otherwise than by being late.

    Returns:
        None if nothing was received.
    """
    if bench.has_hardware_time:
        return needed_leads(_trials(bench, link, node, check))
    begun = [_begun_after_s(bench, link, node, check) for _ in range(N_ORDERS)]
    seen = [after_s for after_s in begun if after_s is not None]
    return spread_of(seen) if seen else None


def _trials(bench: Bench, link: Link, node: int, check: Check) -> list[LeadTrial]:
    """Order bursts with shorter and shorter leads, until two leads in a row are all too short."""
    trials: list[LeadTrial] = []
    for lead_s in ladder_of_leads(link.lead_s):
        with_lead = replace(link, lead_s=lead_s)
        n_in_time = 0
        for _ in range(N_ORDERS):
            check()
            n_in_time += _is_in_time(bench, with_lead, node)
        trials.append(LeadTrial(lead_s, N_ORDERS, n_in_time))
        if not any(trial.n_in_time for trial in trials[-2:]):
            break
    return trials


def _is_in_time(bench: Bench, link: Link, node: int) -> bool:
    """Order one burst; return whether it is in the capture that was ordered with it."""
    sequence = SoundingSequence.even(link.frame, 1)
    try:
        capture = sound_sequence(bench, link, node, sequence)
        fit_sequence(capture, sequence, link.max_cfo_hz / bench.sample_rate_hz)
    except (TimeError, BurstNotFound):
        return False
    return True


def _begun_after_s(bench: Bench, link: Link, node: int, check: Check) -> float | None:
    check()
    sequence = SoundingSequence.even(link.frame, 1)
    rate_hz = bench.sample_rate_hz
    n_samples = round(_SETTLINGS * link.settle_s * rate_hz) + 4 * sequence.period
    with repeating(bench, {node: sequence.samples()}):
        capture = bench.receiver.begin_receive(n_samples).result(link.timeout_s)
    first = begins_at(capture.samples)
    return None if first is None else first / rate_hz


def gap_spread(
    config: Config, bench: Bench, link: Link, air: SimulatedAir, check: Check
) -> Spread | None:
    """Return how long it takes from a node's sounding to the payload, in rounds as runs have them.

    With hardware time it is the radios' own; without, that of the clock on the wall.

    Returns:
        None if every round was erased.
    """
    clients = [UniformClient(node) for node in range(config.clients.count)]
    nodes = nodes_here(config, bench, link, clients)
    admit = admit_all(partial(payload_of, config), largest_scalar=1.0)
    server = server_of(config, bench, link, nodes, planner_of(config, link), admit, air)
    watched = _WatchedExchange(server.exchange)
    server = replace(server, exchange=watched, tuning=None)  # a measurement leaves radios as set
    gaps_s: list[float] = []
    for result in run_rounds(server, Schedule(N_ROUNDS, seed=1)):
        check()
        if result.erasure is None and result.sounding_to_payload_s is not None:
            timed = bench.has_hardware_time
            gaps_s.append(result.sounding_to_payload_s if timed else watched.gaps_s[-1])
    return spread_of(gaps_s) if gaps_s else None


@dataclass
class _WatchedExchange:
    """Notes when nodes were sounded and when the payload came, by the clock on the wall.

    A sounding is dated at its middle, as it is for the mean of its nodes.
    """

    exchange: Exchanger
    gaps_s: list[float] = field(default_factory=list)
    _sounded_s: float = 0.0

    @property
    def is_cyclic(self) -> bool:
        """Whether nodes repeat their frames."""
        return self.exchange.is_cyclic

    @property
    def sample_rate_hz(self) -> float:
        """Samples a second."""
        return self.exchange.sample_rate_hz

    def now_tick(self) -> int:
        """Return the receiver's time in samples."""
        return self.exchange.now_tick()

    def sound(self, nodes: Sequence[Node], round_index: int = 0) -> ReceivedSounding:
        began_s = time.monotonic()
        received = self.exchange.sound(nodes, round_index)
        self._sounded_s = (began_s + time.monotonic()) / 2
        return received

    def receive(
        self, nodes: Sequence[Node], orders: Mapping[int, PayloadOrder]
    ) -> ReceivedPayloads:
        received = self.exchange.receive(nodes, orders)
        payload_s = len(received.capture.samples) / self.exchange.sample_rate_hz
        self.gaps_s.append(time.monotonic() - payload_s - self._sounded_s)
        return received
