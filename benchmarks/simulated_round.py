"""Cost of a simulated exchange over the number of nodes: time, memory, real-time factor."""

import argparse
import time
import tracemalloc

import numpy as np
from rows import Row, emit, parsed

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import exchange_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Precoder, TransmitPlan

SAMPLE_RATE_HZ = 1e6


def exchange(n_nodes: int, preset: str) -> tuple[float, int, float]:
    """Return wall seconds, peak bytes above the start, and air seconds of one exchange."""
    air = SimulatedAir(AirSettings(air_preset(preset), n_nodes, SAMPLE_RATE_HZ, 915e6, seed=1))
    nodes = tuple(SimulatedRadio(air, k) for k in range(n_nodes))
    bench = Bench(SimulatedRadio(air, None), nodes, SAMPLE_RATE_HZ)
    link = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=60e3)
    level = 0.5 / n_nodes  # all nodes together stay within the converter
    precoders = tuple(Precoder(level / path.gain) for path in air.paths)
    # Levels are known here, so nothing is sounded: what is timed is the joint frame.
    plan = TransmitPlan(precoders, rx_amplitude=level, noise_power=air.noise_power)
    symbols = np.random.default_rng(1).uniform(-1, 1, n_nodes)
    exchange_symbols(symbols, plan, bench, link, seed=0)
    tracemalloc.start()
    began = time.perf_counter()
    exchange_symbols(symbols, plan, bench, link, seed=1)
    wall_s = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return wall_s, peak, link.frame.n_joint_frame / SAMPLE_RATE_HZ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="ideal", help="air, see `sdr-ota presets`")
    parser.add_argument("--nodes", type=int, nargs="+", default=[5, 100, 1000, 10_000])
    arguments = parsed(parser, nodes=[5, 100])
    print(f"one joint frame on the air {arguments.preset!r}")
    print(f"{'nodes':>6} {'ms':>9} {'ms/node':>9} {'peak KiB':>9} {'air time / wall time':>21}")
    for n_nodes in arguments.nodes:
        wall_s, peak, air_s = exchange(n_nodes, arguments.preset)
        print(
            f"{n_nodes:6d} {wall_s * 1e3:9.1f} {wall_s * 1e3 / n_nodes:9.3f} "
            f"{peak / 1024:9.0f} {air_s / wall_s:21.4f}"
        )
        setting = f"{n_nodes} nodes, air {arguments.preset}"
        emit(Row("simulating a joint frame", wall_s, "its time on the air", air_s, "s", setting))


if __name__ == "__main__":
    main()
