"""Whole rounds of nodes that receive nothing but control frames, at -5 dB, in simulated worlds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from ota_calibration.paths.sounding import estimate_nodes, make_plan

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.air_server import AirServer
from sdr_ota.downlink.beacon import with_beacon_times
from sdr_ota.downlink.frames import message_cost
from sdr_ota.downlink.messages import AirAnnouncement, AirOutcome, AirPayload, AirSounding, AirStep
from sdr_ota.downlink.progress import Progress, StepLog, first_hash
from sdr_ota.downlink.sealing import RunKey
from sdr_ota.downlink.setup import AirSetup, AirTimes
from sdr_ota.radio.base import TimeError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.receiver.burst_fit import cramer_rao_bound
from sdr_ota.rounds.encoder import OpenEncoder
from sdr_ota.rounds.exchange import Bench, Link, ReceivedSounding
from sdr_ota.rounds.opening import local_nodes
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import Server, admit_all
from sdr_ota.rounds.timed_exchange import TimedExchange
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.modulation import AnalogPayload
from sdr_ota.types import RadioSettings, Samples, TransmitPlan
from tests.sdr_ota.downlink.air_world import IsLost, ServerRadio

RATE_HZ, CARRIER_HZ, BENCH = 1e6, 915e6, 5
CHIP_SNR_DB, MAX_CFO, TIMES = -5.0, 0.07, AirTimes(lead=2000, node_lead=5000)
PAYLOAD = AnalogPayload(2.0)
WIRED = AirPreset(
    "test", path_gain_db=-10.0, path_gain_spread_db=3.0, delay_range_s=5e-6, shared_clock=True,
    start_phase="uniform", snr_db=35.0,
)  # fmt: skip
FREE = replace(WIRED, shared_clock=False, clock_error_range_ppm=10.0)
SCALARS = (1.0, -0.5, 1.9, 0.2)


@dataclass
class NotingClient:
    """Always has the same scalar, and notes the steps that it takes."""

    scalar: float
    loss: float = math.nan
    example_scalars: tuple[float, ...] = ()
    steps: list[tuple[int, tuple[float, ...], tuple[int, ...]]] = field(default_factory=list)

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        return (self.scalar,) * len(seeds)

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        self.steps.append((round_index, tuple(mean_scalars), tuple(seeds)))


class World:
    """Nodes, and a server that they know by the air alone."""

    def __init__(
        self,
        preset: AirPreset = WIRED,
        scheme: str = "coherent",
        is_lost: IsLost = lambda node, message: False,
        lead_s: float = 60e-3,
    ) -> None:
        self.clients = [NotingClient(scalar) for scalar in SCALARS]
        n_nodes, frame = len(SCALARS), FrameFormat(bench=BENCH)
        key, control = RunKey(bytes(range(32)), BENCH), ControlFormat(bench=BENCH)
        air = SimulatedAir(AirSettings(preset, n_nodes, RATE_HZ, CARRIER_HZ, 1))
        self.radio = ServerRadio(air, key, control, CHIP_SNR_DB, is_lost)
        max_cfo_hz = 0.0 if preset.shared_clock else 60e3
        self.link = Link(frame, load_scheme(scheme), max_cfo_hz, lead_s)
        bench = Bench(self.radio, tuple(SimulatedRadio(air, k) for k in range(n_nodes)), RATE_HZ)
        encoders = [OpenEncoder(lambda largest: PAYLOAD, 0.9)] * n_nodes
        local = local_nodes(bench, self.link, self.clients, encoders)
        settings, start = RadioSettings(CARRIER_HZ, RATE_HZ, RATE_HZ), first_hash(b"this run")
        # The simulated world keeps all ticks by one clock, whatever the carriers do.
        setup = AirSetup(n_nodes, key, control, frame, settings, MAX_CFO, TIMES, False)
        self.nodes = [AirNode(k, node, setup, Progress(start)) for k, node in enumerate(local)]
        self.radio.nodes = self.nodes
        self.air_server = AirServer(self.radio, setup, StepLog(start))
        exchange = TimedExchange(self.radio, self.link, RATE_HZ, ordered=self.air_server.say_orders)
        self.server = Server(
            nodes=self.air_server.nodes(),
            exchange=exchange,
            link=self.link,
            make_plan=self.planned,
            admit=admit_all(lambda largest: PAYLOAD, 1.0),
        )
        sample_snr = 10 ** (CHIP_SNR_DB / 10) / control.pulse.energy
        self.start_std_s = cramer_rao_bound(control.preamble(), sample_snr).start_std / RATE_HZ

    def planned(self, sounding: ReceivedSounding) -> TransmitPlan:
        plan = make_plan(estimate_nodes(sounding, self.link), 0.9, 30.0)
        return with_beacon_times(plan, self.start_std_s)

    def run(self, n_rounds: int) -> list[RoundResult]:
        return list(run_rounds(self.server, Schedule(n_rounds, seed=9)))


def assert_mean(result: RoundResult) -> None:
    """The mean of the nodes that took part, within six of the receiver's own deviations."""
    assert result.erasure is None, result.detail
    assert result.decoded_std is not None
    sent = [SCALARS[k] for k in result.active_nodes]
    allowed = 6 * result.decoded_std * PAYLOAD.scalar_limit / len(sent)
    assert result.mean_scalar == pytest.approx(np.mean(sent), abs=allowed)


@pytest.mark.parametrize(
    ("preset", "scheme"),
    [(WIRED, "coherent"), (FREE, "energy-difference")],
    ids=["one-clock", "free"],
)
def test_nodes_learn_the_mean_and_nothing_but_the_air_told_them(
    preset: AirPreset, scheme: str
) -> None:
    world = World(preset, scheme)
    results = world.run(3)
    for result in results:
        assert result.active_nodes == (0, 1, 2, 3)
        assert_mean(result)
    for client in world.clients:
        assert [step[:2] for step in client.steps] == [(r.round, r.mean_scalars) for r in results]
    assert {node.progress.journal for node in world.nodes} == {world.air_server.log.journal}


def test_a_node_that_missed_an_outcome_stays_out_asks_and_takes_part_again() -> None:
    """Node 0 loses that of round 0; its turn to ask is round 4."""
    world = World(
        is_lost=lambda node, message: (
            node == 0 and isinstance(message, AirOutcome) and message.round == 0
        )
    )
    results = world.run(5)
    everybody, others = (0, 1, 2, 3), (1, 2, 3)
    assert [r.active_nodes for r in results] == [everybody, others, others, others, everybody]
    for result in results:
        assert_mean(result)
    repeated = [said for said in world.radio.said if isinstance(said, AirStep)]
    assert [step.round for step in repeated] == [0, 1, 2, 3]
    announced = [said.round for said in world.radio.said if isinstance(said, AirAnnouncement)]
    assert announced == [0, 1, 2, 3, 4, 4]
    assert all(client.steps == world.clients[1].steps for client in world.clients)
    assert len(world.clients[0].steps) == 5


def test_a_node_with_steps_that_the_server_does_not_know_stays_out_and_the_server_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As one that took a step which a killed server had said and not yet written down."""
    world = World()
    world.nodes[0].progress = Progress(first_hash(b"another step"))
    results = world.run(2)
    assert [r.active_nodes for r in results] == [(1, 2, 3)] * 2
    assert not any(isinstance(said, AirStep) for said in world.radio.said)
    assert "node 0 has a model that none of this server's steps lead to" in caplog.text
    assert "start it again" in caplog.text


def test_each_thing_is_said_once_to_all_and_orders_come_together() -> None:
    world = World()
    world.run(2)
    kinds = [type(said) for said in world.radio.said]
    assert kinds == [AirAnnouncement, AirSounding, AirPayload, AirOutcome] * 2
    assert world.radio.said[2].nodes == (0, 1, 2, 3)  # type: ignore[union-attr]
    assert world.air_server.sequence == 8


def test_a_lead_that_does_not_hold_the_control_frame_is_refused_with_what_is_missing() -> None:
    """To the frame, of the frame and of the node; 15 ms are given."""
    world = World(lead_s=15e-3)
    n_frame = message_cost(AirSounding(0, 13_000), ControlFormat()).n_samples
    missing_s = (TIMES.lead + n_frame + TIMES.node_lead) / RATE_HZ - 15e-3
    with pytest.raises(ValueError, match=rf"send {missing_s:.3f} s later than .*radio.lead_s"):
        world.run(1)
    assert [type(said) for said in world.radio.said] == [AirAnnouncement]


def test_a_control_frame_that_the_radio_does_not_send_is_lost_as_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    def late(samples: Samples, start_tick: int | None = None) -> None:
        raise TimeError("it came late")

    monkeypatch.setattr(world.radio, "transmit", late)
    (result,) = world.run(1)
    assert result.erasure is not None
    assert result.active_nodes == ()
    assert not any(client.steps for client in world.clients)
