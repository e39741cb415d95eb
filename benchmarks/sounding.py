"""What a sounding costs the receiver: all nodes' bursts together, beside one after the other.

Found, fitted, judged for changes inside, and turned into estimates of the paths; on one core.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported: one core, one thread

import argparse
from dataclasses import replace
from functools import partial

from ota_calibration.paths.sounding import sounded_nodes
from rows import Row, emit, in_turn_s, parsed, ratios

from sdr_ota.assembly.bench import open_bench
from sdr_ota.config.load import config_of_tables
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.rounds.exchange import Link, ReceivedSounding
from sdr_ota.rounds.given_symbols import sound_bench

N_NODES = (1, 5, 20)


def received(n_nodes: int) -> tuple[ReceivedSounding, Link]:
    """Return a sounding of the demo's air."""
    config = config_of_tables({}, {"clients.source": "synthetic", "clients.count": n_nodes})
    link = link_of(config)
    with open_bench(config, simulated_air(config)) as bench:
        return sound_bench(bench, link), link


def one_by_one(sounding: ReceivedSounding, link: Link) -> None:
    """Estimate each node's path as if it alone had been sounded."""
    for slot in sounding.slots:
        sounded_nodes(replace(sounding, slots=(slot,)), link)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=50, help="turns; the best counts")
    arguments = parsed(parser, repeats=12)
    for n_nodes in N_NODES:
        sounding, link = received(n_nodes)
        works = {
            "together": partial(sounded_nodes, sounding, link),
            "each": partial(one_by_one, sounding, link),
        }
        times = in_turn_s(works, arguments.repeats)
        together_s, each_s = min(times["together"]), min(times["each"])
        figures = f"{1e3 * together_s:6.2f} ms together, {1e3 * each_s:6.2f} one by one"
        print(f"{n_nodes:3} nodes: {figures}")
        pairs = ratios(times["together"], times["each"])
        nodes = f"{n_nodes} nodes"
        emit(Row("a sounding", together_s, "nodes one by one", each_s, "s", nodes, pairs))


if __name__ == "__main__":
    main()
