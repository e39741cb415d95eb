"""All schemes over the time that a host and its radios take between sounding and payload."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import TrackingPlanner, planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.frame_table import LEAST_SAMPLES_PER_CHIP
from sdr_ota.config.load import Config, ConfigError, config_of_tables
from sdr_ota.config.parts import air_settings, link_of, payload_of, simulated_air
from sdr_ota.config.tables import RadioTable
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.rounds.exchange import ReceivedSounding, Reception
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.schemes import built_in_schemes, load_scheme
from sdr_ota.signal.metrics import nmse_db
from sdr_ota.study.genie import SentRound, genie_squared_error
from sdr_ota.types import TransmitPlan

LATENCIES_S = (0.001, 0.005, 0.02, 0.05, 0.2, 1.0, 2.0)

CONTROL_LATENCY_S = 0.5e-3
"""Of a latency this is the payload order's way to the nodes, the rest is the radios' lead."""

REST_S = 0.02
"""That a round takes besides its two leads: frames, probes, other messages."""

GENIE_SCHEME = "coherent"
"""The scheme that needs the phase, for which the bound is computed."""

Show = Callable[[], None]
"""Called whenever the rounds of one world are done."""


@dataclass(frozen=True)
class LatencySetting:
    """What is the same for all points.

    Attributes:
        preset: The simulated air.
        n_worlds: Worlds and symbols drawn anew, from `seed` on; their rounds are pooled.
        n_rounds: Rounds in each world.
        n_nodes: Nodes that send together.
        n_chips: Payload chips of two samples; longer chips are fewer in the same time.
        seed: Of the first world; the others count up from it.
        schemes: Their names.
        latencies_s: From the end of the sounding to the beginning of the payload's frame: the
            payload order's way, then the lead. Longer than `CONTROL_LATENCY_S`.
    """

    preset: str = "lab-indoor"
    n_worlds: int = 2
    n_rounds: int = 60
    n_nodes: int = 5
    n_chips: int = 512
    seed: int = 1
    schemes: Sequence[str] = field(default_factory=built_in_schemes)
    latencies_s: Sequence[float] = LATENCIES_S

    @property
    def n_runs(self) -> int:
        """How often `Show` is called."""
        return self.n_worlds * len(self.schemes) * len(self.latencies_s)


@dataclass(frozen=True)
class LatencyPoint:
    """One scheme at one latency, over all worlds.

    Attributes:
        scheme: Its name.
        latency_s: As asked for.
        gap_s: Mean time from a node's sounding to the payload, the frames' own time included;
            NaN if every round was erased, as the errors then are.
        nmse_db: Mean square error over mean square sum, of the rounds that were not erased.
        theory_nmse_db: By the scheme's formulas, with what the tracker expected of its errors.
        genie_nmse_db: What prediction with known process noise leaves, of the same rounds; NaN for
            schemes without a bound.
        erased_share: Rounds that were erased, 0 to 1.
        nmse_of_worlds_db: Measured, one a world; NaN where all its rounds were erased.
    """

    scheme: str
    latency_s: float
    gap_s: float
    nmse_db: float
    theory_nmse_db: float
    genie_nmse_db: float
    erased_share: float
    nmse_of_worlds_db: tuple[float, ...] = ()


@dataclass(frozen=True)
class JudgedRound:
    """A round that was not erased, by its squares.

    Attributes:
        squared_sum: Of the symbols.
        squared_error: Measured.
        theory: Expected by the scheme.
        genie: Expected with known process noise; NaN without a bound.
        gap_s: From sounding to payload.
    """

    squared_sum: float
    squared_error: float
    theory: float
    genie: float
    gap_s: float


@dataclass
class _SeenPlanner:
    """Notes when the soundings were, and plans."""

    planner: TrackingPlanner
    sounded_s: list[float] = field(default_factory=list)

    def __call__(self, sounding: ReceivedSounding) -> TransmitPlan:
        due = [slot.due_tick for slot in sounding.slots if slot and slot.due_tick is not None]
        middle = self.planner.link.frame.n_sounding_burst / 2
        if due:
            self.sounded_s.append((float(np.mean(due)) + middle) / sounding.sample_rate_hz)
        return self.planner(sounding)

    def again(self, before: TransmitPlan, now_tick: int) -> TransmitPlan:
        """Plan without a sounding."""
        return self.planner.again(before, now_tick)


def measure_latency(setting: LatencySetting, show: Show = lambda: None) -> list[LatencyPoint]:
    """Measure every scheme at every latency.

    Raises:
        CommandFailed: For an air, a latency or a number of nodes that cannot be.
    """
    try:
        configs = {
            (scheme, latency_s): [
                latency_config(setting, scheme, latency_s, setting.seed + world)
                for world in range(setting.n_worlds)
            ]
            for scheme in setting.schemes
            for latency_s in setting.latencies_s
        }
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return [_point(place, worlds, show) for place, worlds in configs.items()]


def latency_config(setting: LatencySetting, scheme: str, latency_s: float, seed: int) -> Config:
    """Return the experiment of one scheme, latency and world.

    Raises:
        ConfigError: If there can be none.
    """
    lead_s = latency_s - CONTROL_LATENCY_S
    changes: Mapping[str, object] = {
        "clients.source": "synthetic",
        "clients.count": setting.n_nodes,
        "frame.payload_s": setting.n_chips * LEAST_SAMPLES_PER_CHIP / RadioTable().sample_rate_hz,
        "run.rounds": setting.n_rounds,
        "run.seed": seed,
        "air.preset": setting.preset,
        "air.control_latency_s": CONTROL_LATENCY_S,
        "air.round_s": 2 * lead_s + REST_S,
        "radio.lead_s": lead_s,
        "link.scheme": scheme,
        "link.payload": "sign" if load_scheme(scheme).sign_only else "analog",
    }
    return config_of_tables({}, changes)


def judged_rounds(config: Config) -> Iterator[JudgedRound]:
    """Run an experiment and yield its rounds that were not erased, each with its errors."""
    air, link = simulated_air(config), link_of(config)
    truth = SimulatedAir(air_settings(config)) if config.link.scheme == GENIE_SCHEME else None
    planner = _SeenPlanner(planner_of(config, link))
    received: list[Reception] = []
    with open_bench(config, air) as bench:
        clients = [UniformClient(node) for node in range(config.clients.count)]
        nodes = nodes_here(config, bench, link, clients)
        admit = admit_all(partial(payload_of, config), largest_scalar=1.0)
        server = server_of(config, bench, link, nodes, planner, admit, air)
        schedule = Schedule(config.run.rounds, config.run.seed, n_symbols=config.frame.symbols)
        for result in run_rounds(server, schedule, None, lambda r, _: received.append(r)):
            if result.erasure is None:
                sent = _sent(received[-1], result, planner.sounded_s)
                genie = genie_squared_error(sent, truth, link) if truth else math.nan
                yield _judged(result, genie)
            received.clear()


def _sent(reception: Reception, result: RoundResult, sounded_s: Sequence[float]) -> SentRound:
    sent, active = reception.sent_symbols, np.array(result.active_nodes, np.intp)
    if sent is None:
        raise ValueError("synthetic clients say what they sent")
    return SentRound(
        symbols=sent[:, 0],
        active=active,
        sounded_s=np.array(sounded_s),
        payload_s=sounded_s[-1] + (result.sounding_to_payload_s or 0.0),
    )


def _judged(result: RoundResult, genie: float) -> JudgedRound:
    true, decoded = result.true_sum or 0.0, result.decoded_sum or 0.0
    gap_s = result.sounding_to_payload_s or 0.0
    return JudgedRound(true**2, (decoded - true) ** 2, result.theory_error or 0.0, genie, gap_s)


def _point(place: tuple[str, float], worlds: Sequence[Config], show: Show) -> LatencyPoint:
    """Measure one scheme at one latency in all worlds."""
    of_worlds: list[list[JudgedRound]] = []
    for config in worlds:
        of_worlds.append(list(judged_rounds(config)))
        show()
    rounds = [r for world in of_worlds for r in world]
    sums = [r.squared_sum for r in rounds]
    scheme, latency_s = place
    n_rounds, has_bound = sum(config.run.rounds for config in worlds), scheme == GENIE_SCHEME
    return LatencyPoint(
        scheme=scheme,
        latency_s=latency_s,
        gap_s=float(np.mean([r.gap_s for r in rounds])) if rounds else math.nan,
        nmse_db=nmse_db([r.squared_error for r in rounds], sums),
        theory_nmse_db=nmse_db([r.theory for r in rounds], sums),
        genie_nmse_db=nmse_db([r.genie for r in rounds], sums) if has_bound else math.nan,
        erased_share=1 - len(rounds) / n_rounds,
        nmse_of_worlds_db=tuple(
            nmse_db([r.squared_error for r in world], [r.squared_sum for r in world])
            for world in of_worlds
        ),
    )
