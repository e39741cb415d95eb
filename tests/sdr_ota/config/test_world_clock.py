"""A round of a simulated run takes `air.round_s`, whatever frames and messages leave of it."""

from itertools import pairwise

import pytest

from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import load_config
from sdr_ota.config.parts import link_of, payload_of, simulated_air
from sdr_ota.config.world_clock import world_clock
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.clock import RealClock
from sdr_ota.rounds.round import run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import SyntheticClient

CYCLIC = ("radio.has_hardware_time=false", "link.scheme=energy-difference")


@pytest.mark.parametrize("round_s", [0.2, 0.5])
@pytest.mark.parametrize("latency_s", [0.0, 2e-3])
@pytest.mark.parametrize("more", [(), CYCLIC])
def test_soundings_are_a_round_apart(
    round_s: float, latency_s: float, more: tuple[str, ...]
) -> None:
    settings = (f"air.round_s={round_s}", f"air.control_latency_s={latency_s}", *more)
    config = load_config(None, ("clients.count=2", *settings))
    air, link = simulated_air(config), link_of(config)
    ticks = []
    with open_bench(config, air) as bench:
        clients = [SyntheticClient(k, 1.0) for k in range(2)]
        admit = admit_all(lambda largest: payload_of(config, largest), 2.0)
        nodes = nodes_here(config, bench, link, clients)
        server = server_of(config, bench, link, nodes, planner_of(config, link), admit, air)
        for _ in run_rounds(server, Schedule(5, seed=1)):
            ticks.append(air.now_tick)
    rate = config.radio.sample_rate_hz
    apart_s = [(b - a) / rate for a, b in pairwise(ticks)]
    guards_s = 4 * link.frame.guard_samples / rate
    assert apart_s == pytest.approx([round_s] * 4, abs=guards_s)


def test_real_radios_need_no_clock_of_ours() -> None:
    config = load_config(None, ())
    with SimulatedRadio(simulated_air(config), None) as receiver:
        assert isinstance(world_clock(config, None, receiver), RealClock)
