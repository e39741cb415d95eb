"""A Flower strategy whose aggregation goes over the air (extra ``flower``: Flower 1.40 or later).

Flower's clients probe the model along a direction that the round's seed names and answer with one
number each. The numbers go over the air together, and the server steps by their decoded mean:

    strategy = OverTheAir(bench, step)
    strategy.start(grid, ArrayRecord(weights), num_rounds=100)

Flower's messages are the control channel and bring the numbers to the bench, whose radios send
them. Nodes whose numbers must leave their machine through the air only are those of
``clients.location = "node"``. Nothing else imports this module: Flower is optional.
"""

import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg
from numpy.typing import NDArray

from sdr_ota.door.mean import Mean
from sdr_ota.door.mean_bench import MeanBench

Weights: TypeAlias = list[NDArray[np.floating]]

Step: TypeAlias = Callable[[Weights, int, float], Weights]
"""From weights, the seed of a round and the decoded mean of its scalars to the next weights."""

_log = logging.getLogger(__name__)


class OverTheAir(FedAvg):
    """Federated zeroth-order steps whose scalars are added by the air.

    In every round each client gets the model (``arrays``) and ``config`` with ``seed``, and
    answers with a metric ``scalar``. All clients count the same: ``num-examples`` plays no part.

    An erasure is a round without a mean, for whatever reason: the sum was lost on the air, or a
    client did not answer. Then nobody steps, the model stays as it was, and the round's metrics
    are ``erased = 1``; the next round has another seed. A round that is not erased has ``erased =
    0`` and ``scalar``, ``std`` (of its error; not for votes) and ``clipped`` (scalars beyond the
    limit).

    Args:
        bench: Open radios, one node a client.
        step: Makes the next weights.
        seed: From which those of the rounds follow.
        fraction_evaluate: Of the clients, to evaluate the model on, as in `FedAvg`.

    Attributes:
        means: What each round that went over the air brought.

    Raises:
        ValueError: In `start`: Flower has not as many clients as the bench has nodes, or an
            answer holds no finite ``scalar``.
    """

    def __init__(
        self, bench: MeanBench, step: Step, seed: int = 1, fraction_evaluate: float = 0.0
    ) -> None:
        n_nodes = bench.n_nodes
        super().__init__(
            fraction_evaluate=fraction_evaluate,
            min_train_nodes=n_nodes,
            min_available_nodes=n_nodes,
        )
        self.means: list[Mean] = []
        self._bench, self._step, self._seed = bench, step, seed
        self._weights: Weights = []
        self._nodes: list[int] = []

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send the model and the round's seed to all clients; the radios are theirs in order."""
        self._weights = arrays.to_numpy_ndarrays()
        config["seed"] = self._round_seed(server_round)
        messages = list(super().configure_train(server_round, arrays, config, grid))
        self._nodes = sorted(message.metadata.dst_node_id for message in messages)
        if len(self._nodes) != self._bench.n_nodes:
            raise ValueError(
                f"Flower has {len(self._nodes)} clients and the bench {self._bench.n_nodes} nodes; "
                "each client needs one node of its own: set clients.count, or num_supernodes"
            )
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Add the scalars over the air and step by their mean; no arrays after an erasure."""
        told = {one.metadata.src_node_id: _scalar(one) for one in replies if not one.has_error()}
        if silent := [place for place, node in enumerate(self._nodes) if node not in told]:
            return _erased(server_round, f"no answer from the clients of nodes {silent}")
        mean = self._bench.mean([told[node] for node in self._nodes])
        self.means.append(mean)
        if mean.value is None:
            return _erased(server_round, f"{mean.erasure}: {mean.detail}")
        scalar = float(mean.value)
        weights = self._step(self._weights, self._round_seed(server_round), scalar)
        metrics = {"erased": 0, "scalar": scalar, "clipped": mean.n_clipped}
        if mean.std is not None:
            metrics["std"] = float(mean.std)
        return ArrayRecord(weights), MetricRecord(metrics)

    def _round_seed(self, server_round: int) -> int:
        return int(np.random.SeedSequence([self._seed, server_round]).generate_state(1)[0])


def _scalar(reply: Message) -> float:
    for record in reply.content.metric_records.values():
        if isinstance(scalar := record.get("scalar"), int | float):
            return float(scalar)
    raise ValueError(
        f"the answer of Flower's node {reply.metadata.src_node_id} holds no number 'scalar' in a "
        'MetricRecord: reply with RecordDict({"metrics": MetricRecord({"scalar": slope})})'
    )


def _erased(server_round: int, why: str) -> tuple[None, MetricRecord]:
    _log.warning("round %d is an erasure, the model stays as it was: %s", server_round, why)
    return None, MetricRecord({"erased": 1})
