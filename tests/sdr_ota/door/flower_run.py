"""A run in Flower's own simulation engine: a clean round, a lost sum, a silent client, a clean one.

`test_flower.py` runs this with the Python of Flower's environment and judges what it prints.
"""

import json
import sys
from dataclasses import replace

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.simulation import run_simulation

import sdr_ota
from sdr_ota.door.flower import OverTheAir

N_NODES, LOST_ROUND, SILENT_ROUND, N_ROUNDS = 3, 2, 3, 4
LOST_MEAN = 1
"""Index of the second round on the air."""

client, server = ClientApp(), ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    """Answer with a number that says who and when; one client fails in one round."""
    who, when = context.node_config["partition-id"], message.content["config"]["server-round"]
    if who == 1 and when == SILENT_ROUND:
        raise RuntimeError("this client is gone")
    metrics = MetricRecord({"scalar": 0.5 * float(who) + float(when)})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


class LosingBench:
    """A bench whose second round is lost at the receiver."""

    def __init__(self, bench: sdr_ota.MeanBench) -> None:
        self.n_nodes, self._bench = bench.n_nodes, bench

    def mean(self, scalars: list[float]) -> sdr_ota.Mean:
        got = self._bench.mean(scalars)
        lost = {"value": None, "std": None, "erasure": "not-found", "detail": "no frame"}
        return replace(got, **lost) if got.round == LOST_MEAN else got


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Keep the model after every round, and what the air brought."""
    weights = []

    def keep(server_round: int, arrays: ArrayRecord) -> None:
        weights.append(arrays.to_numpy_ndarrays()[0].tolist())

    settings = {"clients.count": N_NODES, "air.preset": "ideal"}
    with sdr_ota.open_bench(set=settings) as bench:
        strategy = OverTheAir(LosingBench(bench), lambda x, seed, mean: [x[0] - mean], seed=1)
        start = ArrayRecord([np.zeros(2)])
        result = strategy.start(grid, start, num_rounds=N_ROUNDS, evaluate_fn=keep)
    metrics = [dict(result.train_metrics_clientapp[n + 1]) for n in range(N_ROUNDS)]
    true = [mean.true_value for mean in strategy.means]
    told = {"weights": weights, "metrics": metrics, "true": true}
    sys.stderr.write(f"told: {json.dumps(told)}\n")


run_simulation(server, client, num_supernodes=N_NODES)
