"""The loop: what is decoded, what is erased, and who steps."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from ota_calibration.paths.sounding import estimate_nodes, make_plan

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, RadioError, TimeError
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.absent_nodes import without_absent
from sdr_ota.rounds.clock import AirClock
from sdr_ota.rounds.decoding import decode
from sdr_ota.rounds.encoder import OpenEncoder, PowerLimitError
from sdr_ota.rounds.exchange import Bench, Link, ReceivedSounding
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.rounds.messages import Announcement
from sdr_ota.rounds.node import LocalNode, ScalarClient
from sdr_ota.rounds.opening import exchange_of, local_nodes
from sdr_ota.rounds.round import Position, RoundResult, run_round, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.sender import TimedSender
from sdr_ota.rounds.server import (
    MAX_SOUNDINGS,
    Admission,
    Planner,
    Quote,
    Server,
    admit_all,
    payload_orders,
)
from sdr_ota.rounds.synthetic import SyntheticClient
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.modulation import AnalogPayload, Payload, SignPayload
from sdr_ota.types import PathErrors, Precoder, Samples, TransmitPlan
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
ANALOG = AnalogPayload(2.0)
FRAME = FrameFormat(n_chirp=128, n_pilot_chips=128, n_payload_chips=128, n_idle_chips=128)
AIR = AirPreset(
    "test",
    path_gain_db=-10.0,
    path_gain_spread_db=3.0,
    delay_range_s=5e-6,
    shared_clock=True,
    start_phase="uniform",
    snr_db=35.0,
)


@dataclass
class RecordingClient:
    """Always has the same scalar, and notes the steps it is told to take."""

    scalar: float
    loss: float = 0.5
    example_scalars: tuple[float, ...] = ()
    steps: list[tuple[float, int]] = field(default_factory=list)

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        return (self.scalar,) * len(seeds)

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        self.steps.extend(zip(mean_scalars, seeds, strict=True))


@dataclass
class World:
    """An air, its radios, and clients with given scalars."""

    scalars: tuple[float, ...]
    preset: AirPreset = AIR
    scheme: str = "coherent"
    payload: Payload = ANALOG
    frame: FrameFormat = FRAME
    seed: int = 1

    def __post_init__(self) -> None:
        n_nodes = len(self.scalars)
        self.air = SimulatedAir(AirSettings(self.preset, n_nodes, RATE_HZ, 915e6, self.seed))
        nodes = tuple(SimulatedRadio(self.air, node) for node in range(n_nodes))
        self.bench = Bench(SimulatedRadio(self.air, None), nodes, RATE_HZ)
        self.clients = [RecordingClient(scalar) for scalar in self.scalars]
        self.link = Link(self.frame, load_scheme(self.scheme), max_cfo_hz=60e3)

    def sounded(self) -> TransmitPlan:
        """Sound the nodes now and return the plan."""
        return make_plan(sound_nodes(self.bench, self.link), 0.9, 30.0)

    def planned(self, sounding: ReceivedSounding) -> TransmitPlan:
        """Return the plan of a sounding: the planner of most tests."""
        return make_plan(estimate_nodes(sounding, self.link), 0.9, 30.0)

    def exact(self, sounding: ReceivedSounding | None = None) -> TransmitPlan:
        """Return the plan of a sounding without any error."""
        gains = [path.gain for path in self.air.paths]
        amplitude = 0.9 * min(abs(gain) for gain in gains)
        precoders = [
            Precoder(amplitude / gain, path.delay_samples / RATE_HZ)
            for gain, path in zip(gains, self.air.paths, strict=True)
        ]
        noise_power = self.air.noise_power / self.frame.pulse.energy
        return TransmitPlan(tuple(precoders), amplitude, noise_power)

    def server(
        self, planner: Planner | None = None, clients: Sequence[ScalarClient] = ()
    ) -> Server:
        encoder = OpenEncoder(lambda largest: self.payload, 0.9)
        return Server(
            nodes=local_nodes(
                self.bench, self.link, clients or self.clients, [encoder] * len(self.scalars)
            ),
            exchange=exchange_of(self.bench, self.link),
            link=self.link,
            make_plan=planner or self.planned,
            admit=admit_all(lambda largest: self.payload, 1.0),
        )

    def run(
        self,
        planner: Planner | None = None,
        n_rounds: int = 1,
        every: int = 1,
        clients: Sequence[ScalarClient] = (),
    ) -> Iterator[RoundResult]:
        schedule = Schedule(n_rounds, seed=9, sounding_every=every)
        return run_rounds(self.server(planner, clients), schedule)

    def round(self, index: int, plan: TransmitPlan, server: Server | None = None) -> RoundResult:
        """Run one round with a plan that is there already."""
        return run_round(server or self.server(), Announcement(index, (100 + index,)), plan)[0]


# ---------------------------------------------------------------- theory


@pytest.mark.parametrize(("n_nodes", "snr_db", "n_chips"), [(5, 30.0, 128), (2, 20.0, 256)])
def test_mean_scalar_is_unbiased_with_the_deviation_of_the_paper(
    n_nodes: int, snr_db: float, n_chips: int
) -> None:
    n_rounds, scalar_limit = 500, 3.0
    world = World(
        (0.0,) * n_nodes,
        dataclasses.replace(AIR, snr_db=snr_db),
        payload=AnalogPayload(scalar_limit),
        frame=dataclasses.replace(FRAME, n_payload_chips=n_chips),
    )
    clients = [SyntheticClient(k, 1.0) for k in range(n_nodes)]
    results = list(world.run(world.exact, n_rounds, n_rounds, clients))
    assert not any(result.erasure for result in results)
    errors = np.array([r.mean_scalar - r.true_sum * scalar_limit / n_nodes for r in results])  # type: ignore[operator]
    plan = world.exact()
    # pairzero section 11.2 A in units of the scalar: limit / K * sqrt(N / (2 M)) / c.
    theory = scalar_limit / n_nodes * math.sqrt(plan.noise_power / (2 * n_chips))
    theory /= plan.rx_amplitude
    assert abs(errors.mean()) < 4 * theory / math.sqrt(n_rounds)
    assert errors.std(ddof=1) == pytest.approx(theory, rel=4 / math.sqrt(2 * n_rounds))


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "tdma"])
def test_squared_error_after_real_soundings_is_what_the_round_expects(scheme: str) -> None:
    n_rounds = 150
    world = World((0.0,) * 4, dataclasses.replace(AIR, snr_db=30.0), scheme=scheme)
    clients = [SyntheticClient(k, 1.0) for k in range(4)]
    results = list(world.run(n_rounds=n_rounds, clients=clients))
    squares = np.array([(r.decoded_sum - r.true_sum) ** 2 for r in results])  # type: ignore[operator]
    theory = np.array([r.theory_error for r in results])
    ratio = squares / theory
    assert ratio.mean() == pytest.approx(1.0, abs=5 * ratio.std(ddof=1) / math.sqrt(n_rounds))
    assert ratio.mean() == pytest.approx(1.0, abs=0.6)


# ---------------------------------------------------------------- one round


def six_deviations(result: RoundResult) -> float:
    """Return six of the receiver's own standard deviations, in units of the mean scalar."""
    assert result.decoded_std is not None
    assert result.decoded_std < 0.1
    return 6 * result.decoded_std * ANALOG.scalar_limit / len(result.active_nodes)


def only_result(world: World) -> RoundResult:
    (result,) = world.run()
    return result


@pytest.mark.parametrize("scheme", ["coherent", "tdma"])
def test_everybody_steps_by_the_same_mean(scheme: str) -> None:
    world = World((1.0, -0.5, 1.9, 0.2), scheme=scheme)
    result = only_result(world)
    assert result.erasure is None
    assert result.mean_scalar == pytest.approx(np.mean(world.scalars), abs=six_deviations(result))
    assert result.true_sum == pytest.approx(sum(world.scalars) / 2.0)
    assert result.active_nodes == (0, 1, 2, 3)
    assert result.loss == 0.5
    for client in world.clients:
        assert client.steps == [(result.mean_scalar, result.seed)]


def test_scalars_are_clipped_at_the_limit() -> None:
    result = only_result(World((100.0, -0.5)))
    assert result.true_sum == pytest.approx(1.0 - 0.25)


def test_permuting_the_clients_does_not_change_the_mean() -> None:
    scalars = (1.0, -0.5, 1.9, 0.2)
    means = [
        only_result(World(tuple(scalars[i] for i in order))).mean_scalar
        for order in ((0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0))
    ]
    np.testing.assert_allclose(means, means[0], atol=0.05)


@pytest.mark.parametrize("scheme", ["coherent", "fsk-vote"])
@pytest.mark.parametrize(
    ("scalars", "majority"),
    [((0.1, 0.2, -5.0), 1.0), ((-0.1, -3.0, -0.2, 9.0, -1.0), -1.0), ((2.0,), 1.0)],
)
def test_signs_are_decided_by_the_majority(
    scheme: str, scalars: tuple[float, ...], majority: float
) -> None:
    frame = dataclasses.replace(FRAME, n_payload_chips=1024)
    result = only_result(World(scalars, scheme=scheme, payload=SignPayload(), frame=frame))
    assert result.mean_scalar == majority
    assert result.true_sum == sum(np.sign(scalars))


def test_an_absentee_does_not_vote() -> None:
    result = only_result(World((0.1, 0.2, -5.0), payload=SignPayload(abstention_limit=1.0)))
    assert (result.true_sum, result.mean_scalar) == (-1.0, -1.0)


def test_a_node_left_out_is_in_neither_sum() -> None:
    for scheme in ("coherent", "tdma"):
        world = World((1.0, -0.5, 1.5, 0.6), scheme=scheme)
        lose(world, 0)
        result = only_result(world)
        assert result.active_nodes == (1, 2, 3)
        assert result.true_sum == pytest.approx(0.8)
        assert result.mean_scalar == pytest.approx(1.6 / 3, abs=six_deviations(result))
        assert result.theory_error is not None
        assert len(world.clients[0].steps) == 1  # the broadcast reaches it all the same


# ---------------------------------------------------------------- erasures


def lose(world: World, node: int) -> None:
    path = world.air.paths[node]
    path.preset = dataclasses.replace(path.preset, burst_loss_probability=1.0)


def set_air(world: World, **changes: float) -> None:
    world.air.preset = dataclasses.replace(world.air.preset, **changes)  # type: ignore[arg-type]


def saturate(world: World) -> None:
    set_air(world, adc_bits=12)
    for path in world.air.paths:
        path.gain *= 10.0


def louder(world: World) -> None:
    world.air.paths[0].gain *= 2.0


def weaker(world: World) -> None:
    world.air.paths[0].gain *= 0.5


def one_flipped(world: World) -> None:
    world.air.paths[0].gain *= -1.0


def all_flipped(world: World) -> None:
    for path in world.air.paths:
        path.gain *= -1.0


def all_louder(world: World) -> None:
    for path in world.air.paths:
        path.gain *= 1.5


def everybody_late(world: World) -> None:
    set_air(world, late_probability=1.0)


def last_node_broken(world: World) -> None:
    world.bench.nodes[-1].close()


def interfere(world: World) -> None:
    set_air(
        world,
        interference_probability=1.0,
        interference_power_db=5.0,
        interference_duration_s=1.0,
    )
    world.air.receive(world.air.now_tick, 1)
    world.air._interference = lambda n: dataclasses.replace(  # type: ignore[method-assign]
        SimulatedAir._interference(world.air, n), start_sample=700
    )


TROUBLES: list[tuple[str, Callable[[World], None], str]] = [
    ("not-found", lambda world: lose(world, world.sounded().lead_node), "no preamble"),
    ("saturated", saturate, "touch full scale"),
    ("gain-changed", louder, "+6.0 dB"),
    ("gain-changed", weaker, "-5.9 dB"),
    ("gain-changed", one_flipped, "and -1"),
    ("late", everybody_late, "came late"),
    ("radio", last_node_broken, "is closed"),
]


@pytest.mark.parametrize(("reason", "trouble", "detail"), TROUBLES)
def test_trouble_erases_the_round_and_nobody_steps(
    reason: str, trouble: Callable[[World], None], detail: str
) -> None:
    world = World((1.9, 1.0, -0.5))
    plan = world.sounded()
    trouble(world)
    result = world.round(7, plan)
    assert result.erasure == reason
    assert detail in result.detail
    assert (result.mean_scalar, result.decoded_sum, result.loss) == (None, None, 0.5)
    assert (result.round, result.seed) == (7, 107)
    assert all(client.steps == [] for client in world.clients)


class LateRadio(SimulatedRadio):
    """Sends nothing, and says afterwards that the order came too late."""

    def transmit(self, samples: Samples, start_tick: int | None = None) -> None:
        self.asked_tick = start_tick

    def confirm_sent(self, timeout_s: float) -> None:
        raise TimeError("the burst came late")


def late_by_its_radio(world: World, node: int) -> None:
    nodes = list(world.bench.nodes)
    nodes[node] = LateRadio(world.air, node)
    world.bench = dataclasses.replace(world.bench, nodes=tuple(nodes))


@pytest.mark.parametrize(("leave", "why"), [(lose, "not arrive"), (late_by_its_radio, "late")])
@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "tdma"])
def test_a_node_whose_burst_never_left_is_in_neither_sum(
    leave: Callable[[World, int], None], why: str, scheme: str
) -> None:
    world = World((1.9, 1.0, -0.5), scheme=scheme)
    plan = world.sounded()
    away = next(node for node in range(3) if node != plan.lead_node)
    leave(world, away)
    result = world.round(7, plan)
    there = [node for node in range(3) if node != away]
    scalars = [world.scalars[node] for node in there]
    assert result.active_nodes == tuple(there)
    assert why in result.detail
    assert result.true_sum == pytest.approx(sum(scalars) / ANALOG.scalar_limit)
    assert result.decoded_std is not None
    off = 6 * result.decoded_std * ANALOG.scalar_limit / 2
    assert result.mean_scalar == pytest.approx(np.mean(scalars), abs=off)
    assert all(len(client.steps) == 1 for client in world.clients)


@pytest.mark.parametrize("change", [all_flipped, all_louder])
def test_what_all_nodes_have_in_common_is_corrected(change: Callable[[World], None]) -> None:
    world = World((1.9, 1.0, -0.5))
    plan = world.sounded()
    change(world)
    result = world.round(7, plan)
    assert result.mean_scalar == pytest.approx(0.8, abs=six_deviations(result))


@pytest.mark.parametrize("scheme", ["coherent", "energy-difference", "fsk-vote", "tdma"])
def test_a_payload_of_zeros_is_no_sum_of_zero(scheme: str) -> None:
    world = World((1.9, 1.0, -0.5), scheme=scheme)
    plan = world.sounded()
    reception = receive_symbols((0.9, 0.5, -0.2), plan, world.bench, world.link, seed=1)
    samples = reception.capture.samples.copy()
    n_pilot = FRAME.pulse.half_samples + 2 * FRAME.n_node_pilot_chips
    first = FRAME.guard_samples + FRAME.payload_start + n_pilot + 4
    samples[first : first + 2 * FRAME.n_payload_chips - 8] = 0
    hit = dataclasses.replace(
        reception, capture=dataclasses.replace(reception.capture, samples=samples)
    )
    with pytest.raises(Erasure):
        decode(hit, world.link)


def test_steady_interference_is_in_the_stated_deviation() -> None:
    errors, stds = [], []
    for seed in range(40):
        world = World((1.9, 1.0, -0.5), seed=seed)
        plan = world.sounded()
        interfere(world)
        result = world.round(seed, plan)
        if result.decoded_sum is not None and result.decoded_std is not None:
            errors.append(result.decoded_sum - 1.2)
            stds.append(result.decoded_std)
    assert len(errors) >= 36
    assert np.mean(stds) > 0.05
    # A mean square of 40 values of one variance: 1 +- 5 sqrt(2 / 40).
    assert np.mean((np.array(errors) / stds) ** 2) < 1 + 5 * math.sqrt(2 / len(errors))


def test_interference_on_the_payload_alone_is_seen_in_its_chips() -> None:
    world = World((1.9, 1.0, -0.5))
    plan = world.sounded()
    interfere(world)
    start = FRAME.guard_samples + FRAME.payload_start + 20
    length_s = (FRAME.n_payload - 40) / RATE_HZ
    set_air(world, interference_power_db=3.0, interference_duration_s=length_s)
    world.air._interference = lambda n: dataclasses.replace(  # type: ignore[method-assign]
        SimulatedAir._interference(world.air, n), start_sample=start
    )
    result = world.round(0, plan)
    assert result.erasure == "interference"
    assert "node pilots hold" in result.detail


def test_no_node_found_is_no_plan_and_nobody_steps() -> None:
    world = World((1.0, 2.0))
    for node in range(2):
        lose(world, node)
    result = only_result(world)
    assert (result.erasure, result.loss) == ("no-plan", 0.5)
    assert all(client.steps == [] for client in world.clients)


def test_a_late_reception_is_late() -> None:
    world = World((1.0, 2.0))
    plan = world.sounded()
    world.link = dataclasses.replace(world.link, lead_s=0.0)
    assert world.round(0, plan).erasure == "late"


def test_bursts_of_an_erased_round_do_not_meet_the_next_sounding() -> None:
    world = World((1.0, 2.0, -1.0))
    whole, plan = world.bench, world.sounded()
    deaf = SimulatedRadio(world.air, 2)
    deaf.close()
    world.bench = dataclasses.replace(whole, nodes=(*whole.nodes[:2], deaf))
    assert world.round(0, plan).erasure == "radio"
    world.bench = whole
    again = world.sounded()
    for before, after in zip(plan.precoders, again.precoders, strict=True):
        assert after.gain == pytest.approx(before.gain, rel=0.05)
        assert after.delay_s * RATE_HZ == pytest.approx(before.delay_s * RATE_HZ, abs=0.1)


# ---------------------------------------------------------------- the loop


def with_trouble(
    world: World, rounds: set[int], every: int, n_rounds: int = 8
) -> tuple[list[RoundResult], list[int]]:
    """Run with late bursts in some rounds; return the results and the rounds that sounded."""
    done: list[RoundResult] = []
    sounded_at: list[int] = []

    def planner(sounding: ReceivedSounding) -> TransmitPlan:
        sounded_at.append(len(done))
        return world.planned(sounding)

    server = world.server(planner)

    def admit(index: int, plan: TransmitPlan) -> Quote:
        set_air(world, late_probability=float(index in rounds))
        return server.admit(index, plan)

    schedule = Schedule(n_rounds, seed=9, sounding_every=every)
    for result in run_rounds(dataclasses.replace(server, admit=admit), schedule):
        done.append(result)
        set_air(world, late_probability=0.0)
    return done, sounded_at


def test_the_loop_goes_on_after_an_erasure_and_sounds_again() -> None:
    world = World((1.0, -0.4))
    results, sounded_at = with_trouble(world, {2, 5}, every=4)
    assert [r.erasure for r in results] == [None, None, "late", None, None, "late", None, None]
    assert sounded_at == [0, 3, 4, 6]  # every fourth, and after each erasure
    assert [r.round for r in results] == list(range(8))
    assert len({r.seed for r in results}) == 8
    for client in world.clients:
        assert [seed for _, seed in client.steps] == [r.seed for r in results if not r.erasure]


@pytest.mark.parametrize("every", [1, 3])
def test_sounding_every_so_many_rounds(every: int) -> None:
    _, sounded_at = with_trouble(World((1.0, -0.4)), set(), every, n_rounds=6)
    assert sounded_at == list(range(0, 6, every))


@pytest.mark.parametrize(("phase_error_rad", "n_soundings"), [(0.29, 1), (0.31, MAX_SOUNDINGS)])
def test_nodes_are_sounded_again_while_their_offsets_leave_the_phase_open(
    phase_error_rad: float, n_soundings: int
) -> None:
    world, soundings = World((1.0, -0.4)), []
    cfo_std_hz = phase_error_rad / (2 * np.pi * world.link.lead_s)

    def planner(sounding: ReceivedSounding) -> TransmitPlan:
        soundings.append(sounding)
        errors = (PathErrors(cfo_std_hz=cfo_std_hz),) * 2
        return dataclasses.replace(world.planned(sounding), path_errors=errors)

    world.server(planner).sound(0)
    assert len(soundings) == n_soundings


def test_the_servers_own_copy_steps_with_the_nodes_and_skips_what_is_lost() -> None:
    world, copy = World((1.0, -0.4)), RecordingClient(0.0)
    server = dataclasses.replace(world.server(), followers=[copy])
    plan = world.sounded()
    assert not world.round(0, plan, server).erasure
    lose(world, plan.lead_node)
    assert world.round(1, plan, server).erasure
    assert copy.steps == world.clients[0].steps and len(copy.steps) == 1


def test_a_frame_whose_leader_was_late_is_lost_though_others_sent() -> None:
    world = World((1.9, 1.0, -0.5))
    plan = world.sounded()
    late_by_its_radio(world, plan.lead_node)
    result = world.round(7, plan)
    assert (result.erasure, result.detail) == ("late", "the burst came late")


def test_a_planner_that_fails_costs_its_round_only() -> None:
    world = World((1.0, -0.4))
    answers: Iterator[Erasure | None] = iter([None, Erasure("no-plan", "test"), None])

    def planner(sounding: ReceivedSounding) -> TransmitPlan:
        trouble = next(answers)
        if trouble:
            raise trouble
        return world.planned(sounding)

    results = list(world.run(planner, n_rounds=3))
    assert [r.erasure for r in results] == [None, "no-plan", None]


def test_an_erased_round_says_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = iter(range(100))
    monkeypatch.setattr("sdr_ota.rounds.round.time.perf_counter", lambda: next(clock_s))

    def planner(sounding: ReceivedSounding) -> TransmitPlan:
        raise Erasure("no-plan", "test")

    def times(result: RoundResult) -> tuple[float, float, float]:
        return result.sounding_s, result.compute_s, result.exchange_s

    world = World((1.0, -0.4))
    (unsounded,) = world.run(planner)
    assert times(unsounded) == (1, 2, 0)  # computed, and told of the erasure
    everybody_late(world)
    (late,) = world.run(world.exact)
    assert late.erasure == "late"
    assert times(late) == (1, 2, 1)


def test_a_resumed_run_has_the_seeds_of_the_whole_one() -> None:
    schedule = Schedule(6, seed=9)
    world = World((1.0, -0.4))
    results = list(run_rounds(world.server(), schedule, Position(next_round=4)))
    assert [r.round for r in results] == [4, 5]
    assert [r.seed for r in results] == [schedule.round_seed(i) for i in (4, 5)]
    assert Schedule(6, seed=10).round_seed(4) != schedule.round_seed(4)


def test_the_bench_closes_every_radio_whatever_happens() -> None:
    world = World((1.0, 2.0))
    with pytest.raises(KeyError), world.bench:
        raise KeyError("anything")
    result = world.round(0, world.exact())
    assert result.erasure == "radio"


# ---------------------------------------------------------------- the order of calls


@dataclass
class Diary:
    """Notes who did what, in order."""

    lines: list[str] = field(default_factory=list)

    def client(self, node: int, scalar: float) -> ScalarClient:
        diary = self

        class Noting(RecordingClient):
            def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
                diary.lines.append(f"compute {node}")
                return (scalar,)

            def apply(
                self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]
            ) -> None:
                diary.lines.append(f"step {node}")

        return Noting(scalar)

    def admission(self, admit: Admission) -> Admission:
        def noted(index: int, plan: TransmitPlan) -> Quote:
            self.lines.append("admit")
            return admit(index, plan)

        return noted

    def watch(self, air: SimulatedAir) -> None:
        send = air.send

        def noted(node: int, samples: object, start_tick: int) -> None:
            self.lines.append(f"send {node}")
            send(node, samples, start_tick)  # type: ignore[arg-type]

        air.send = noted  # type: ignore[method-assign,assignment]


def test_nodes_compute_then_are_sounded_then_send_then_step() -> None:
    world, diary = World((1.0, -0.4)), Diary()
    diary.watch(world.air)
    clients = [diary.client(node, scalar) for node, scalar in enumerate(world.scalars)]
    server = world.server(clients=clients)
    noting = dataclasses.replace(server, admit=diary.admission(server.admit))
    assert all(not r.erasure for r in run_rounds(noting, Schedule(2, seed=9)))
    one_round = [
        *("compute 0", "compute 1"),
        *("send 0", "send 1"),  # soundings
        "admit",  # before, a lost sounding would be paid for; after, a burst would not
        *("send 0", "send 1"),  # payload
        *("step 0", "step 1"),
    ]
    assert diary.lines == 2 * one_round


@pytest.mark.parametrize("compute_s", [0.0, 2.0])
def test_what_lies_between_sounding_and_payload_is_two_messages_and_the_lead(
    compute_s: float,
) -> None:
    latency_s, lead_s = 0.02, 1e-3
    world = World((1.0, -0.4))
    clock = AirClock(world.air, latency_s, compute_s)
    server = dataclasses.replace(world.server(), clock=clock)
    (result,) = run_rounds(server, Schedule(1, seed=1))
    frame = FRAME
    slots_s = (frame.n_sounding_frame(2) - frame.sounding_start(0)) / RATE_HZ
    found = result.sounding_to_payload_s
    assert found is not None
    nominal = latency_s + lead_s + frame.payload_start / RATE_HZ
    assert nominal < found < nominal + slots_s + frame.guard_samples / RATE_HZ


def test_a_node_that_is_ordered_for_another_round_refuses() -> None:
    world = World((1.0, -0.4))
    server = world.server()
    server.announce(Announcement(3, (7,)))
    server.wait_until_ready()
    quote = server.admit(4, world.exact())
    with pytest.raises(ValueError, match="ordered to send in round 4, but round 3 was announced"):
        server.receive(quote, Announcement(4, (7,)))


def test_a_scalar_is_sent_once_and_never_before_it_is_computed() -> None:
    world = World((0.5,))
    (node,) = world.server().nodes
    order = payload_orders(Quote(world.exact(), world.payload, 1.0), 0)[0].at(10_000)

    def refused() -> None:
        node.send(order)
        with pytest.raises(ValueError, match="has no scalar to send in round 0"):
            node.sent(1.0)

    node.announce(Announcement(0, (1,)))
    refused()
    node.ready()
    node.send(order)
    node.sent(1.0)
    refused()
    node.announce(Announcement(0, (1,)))
    refused()


class PrivateEncoder(OpenEncoder):
    is_private = True


@pytest.mark.parametrize(("kind", "told"), [(OpenEncoder, (0.5,)), (PrivateEncoder, None)])
def test_only_a_node_without_a_promise_tells_its_scalars(
    kind: type[OpenEncoder], told: tuple[float, ...] | None
) -> None:
    world = World((0.5,))
    sender = TimedSender(world.link, RATE_HZ)
    encoder = kind(lambda _: world.payload, 0.9)
    node = LocalNode(0, world.clients[0], world.bench.nodes[0], sender, encoder)
    node.announce(Announcement(0, (1,)))
    node.ready()
    truth = node.truth(0)
    assert (truth and truth.scalars) == told


def test_a_refusal_ends_the_run_and_the_receiver_sits_the_frame_out() -> None:
    world = World((1.0, -0.4))
    server = world.server()
    louder = dataclasses.replace(
        server, admit=lambda i, plan: Quote(_doubled(plan), world.payload, 1.0)
    )
    with pytest.raises(PowerLimitError, match=r"its limit is 0\.9"):
        list(run_rounds(louder, Schedule(1, seed=1)))
    assert all(client.steps == [] for client in world.clients)


def test_what_nodes_answer_is_not_lost_with_the_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World((1.0, -0.4))
    server = world.server()
    plan = world.sounded()
    confirmed: list[float] = []
    for radio in world.bench.nodes:
        monkeypatch.setattr(radio, "confirm_sent", confirmed.append)
    monkeypatch.setattr(world.bench.receiver, "begin_receive", lambda *_: NoCapture())
    assert world.round(0, plan, server).erasure == "radio"
    assert len(confirmed) == 2
    with pytest.raises(Erasure, match="sounding failed: nothing came"):
        server.sound(0)
    assert len(confirmed) == 4
    refusing = dataclasses.replace(
        server, admit=lambda i, plan: Quote(_doubled(plan), world.payload, 1.0)
    )
    with pytest.raises(PowerLimitError, match=r"its limit is 0\.9"):
        world.round(1, plan, refusing)


class NoCapture:
    def result(self, timeout_s: float) -> Capture:
        raise RadioError("nothing came")


def _doubled(plan: TransmitPlan) -> TransmitPlan:
    precoders = [dataclasses.replace(p, gain=20 * p.gain) for p in plan.precoders]
    return dataclasses.replace(plan, precoders=tuple(precoders))


def test_an_absent_client_is_silent_and_the_others_go_on() -> None:
    world = World((1.0, -0.4, 0.6))
    server = world.server()
    absent = LocalNode(
        1, world.clients[1], world.bench.nodes[1],
        TimedSender(world.link, RATE_HZ), OpenEncoder(lambda _: world.payload, 0.9),
        lambda: "its machine is starting",
    )  # fmt: skip
    nodes = (server.nodes[0], absent, server.nodes[2])
    (result,) = run_rounds(dataclasses.replace(server, nodes=nodes), Schedule(1, seed=1))
    assert result.active_nodes == (0, 2)
    assert result.detail == "node 1: its machine is starting"
    assert result.mean_scalar == pytest.approx(0.8, abs=six_deviations(result))


def test_nobody_left_is_an_erasure() -> None:
    world = World((1.0,))
    with pytest.raises(Erasure, match="host: node 0: away"):
        without_absent(world.exact(), {0: "away"})


def test_a_round_takes_its_time_in_a_simulated_world() -> None:
    air = SimulatedAir(AirSettings(AIR, 2, RATE_HZ, 915e6, 1))
    clock = AirClock(air, control_latency_s=0.01, compute_s=0.5)
    clock.message()
    assert air.now_tick == 10_000
    clock.compute()
    assert air.now_tick == 510_000
