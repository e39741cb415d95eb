"""Rounds over simulated or virtual radios, and by how much their errors differ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air.settings import AirSettings
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config, config_of_tables
from sdr_ota.config.parts import air_settings, link_of, payload_of, simulated_air
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient

N_NODES = 4
BAND = {"name": "cables only", "low_hz": 914e6, "high_hz": 916e6}


class Clock(Protocol):
    """The time of a world."""

    now_tick: int


@dataclass
class Rounds:
    """The rounds of an experiment.

    Attributes:
        results: As they came.
        began_tick: Of the virtual world, once its radios were open.
        ended_tick: After the last round.
    """

    results: list[RoundResult] = field(default_factory=list)
    began_tick: int = 0
    ended_tick: int = 0


def experiment(
    preset: str,
    scheme: str,
    seed: int,
    n_rounds: int,
    addresses: Sequence[str] = (),
    **more: object,
) -> Config:
    """Return an experiment; the first address is the receiver's, none is a simulated air."""
    changes: dict[str, object] = {
        "clients.source": "synthetic",
        "clients.count": N_NODES,
        "run.rounds": n_rounds,
        "run.seed": seed,
        "air.preset": preset,
        "link.scheme": scheme,
        "frame.bench": 0,  # the same pilots on all benches
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    if addresses:
        changes["radio.receiver"], *nodes = addresses
        changes |= {"radio.nodes": nodes, "radio.transmit_allowed": True}
    return config_of_tables({"band": [BAND]} if addresses else {}, changes)


def world_of(preset: str, seed: int) -> AirSettings:
    """Return what the world of a simulated experiment is made from."""
    return air_settings(experiment(preset, "energy-difference", seed, 1))


def rounds_over(config: Config, clock: Clock | None = None, began_tick: int = 0) -> Rounds:
    """Run an experiment.

    Args:
        config: With or without addresses.
        clock: The virtual world's, to be noted.
        began_tick: Time of the simulated air when it begins: it fades as the virtual one then.
    """
    air, link, rounds = simulated_air(config), link_of(config), Rounds()
    air.pass_time(began_tick)
    with open_bench(config, air) as bench:
        rounds.began_tick = clock.now_tick if clock else began_tick
        clients = [UniformClient(node) for node in range(config.clients.count)]
        nodes = nodes_here(config, bench, link, clients)
        admit = admit_all(partial(payload_of, config), largest_scalar=1.0)
        server = server_of(config, bench, link, nodes, planner_of(config, link), admit, air)
        rounds.results += run_rounds(server, Schedule(config.run.rounds, config.run.seed))
        rounds.ended_tick = clock.now_tick if clock else air.now_tick
    return rounds


@dataclass(frozen=True)
class Difference:
    """How much larger the errors of virtual radios are, in rounds of the same nodes.

    Attributes:
        db: Of the mean square errors.
        std_db: Of that, from the spread over rounds.
        n_rounds: That were compared.
    """

    db: float
    std_db: float
    n_rounds: int


def difference(virtual: Sequence[RoundResult], simulated: Sequence[RoundResult]) -> Difference:
    """Compare the errors of the same symbols, round by round.

    Each error is taken over the mean of what theory expects of both in that round, so the errors of
    large sums do not decide alone. (What is expected of a round rests on the gains that its own
    pilots show. Over one side's alone, that side has no bad round, and the other has all.) To first
    order the logarithm of a ratio
    of two means is the difference of the values over their means: its variance is that of the
    differences over the number of rounds.
    """
    both = zip(virtual, simulated, strict=True)
    pairs = [(v, s) for v, s in both if v.active_nodes == s.active_nodes != ()]
    assert all(v.true_sum == s.true_sum for v, s in pairs)
    expected = np.mean([[one.theory_error for one in pair] for pair in pairs], axis=1)
    ours, theirs = (_squared_errors([pair[k] for pair in pairs]) / expected for k in (0, 1))
    apart = ours / ours.mean() - theirs / theirs.mean()
    to_db = 10 / np.log(10)
    std_db = to_db * float(np.std(apart, ddof=1)) / np.sqrt(len(pairs))
    return Difference(10 * np.log10(ours.mean() / theirs.mean()), std_db, len(pairs))


def _squared_errors(results: Sequence[RoundResult]) -> NDArray[np.float64]:
    return np.array([((r.decoded_sum or 0.0) - (r.true_sum or 0.0)) ** 2 for r in results])


def nmse_db(results: Sequence[RoundResult]) -> float:
    """Return the error of the rounds that were not erased."""
    there = [r for r in results if not r.erasure]
    sums = np.array([r.true_sum or 0.0 for r in there])
    return float(10 * np.log10(_squared_errors(there).sum() / np.sum(sums**2)))
