"""An aggregation function for DeComFL that goes over the air.

DeComFL (Li et al., "Achieving dimension-free communication in federated learning via zeroth-order
optimization", arXiv 2405.15861) averages the gradient scalars of its clients in one function of
its server, which may be replaced:

    server.register_aggregation_func(over_the_air(bench))

Nothing of DeComFL or PyTorch is imported: the tensors that come in make those that go out.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from sdr_ota.door.mean_bench import MeanBench

Tensor: TypeAlias = Any
"""A tensor of PyTorch, shape () or (n_perturbations,)."""

Aggregation: TypeAlias = Callable[[Sequence[Sequence[Tensor]]], list[Tensor]]
"""From scalars by client, local update and perturbation to those of all clients together."""


def over_the_air(bench: MeanBench) -> Aggregation:
    """Return DeComFL's ``AggregationFunc`` over a bench: each number's mean is a round on the air.

    An erasure is a 0: nobody moves along that perturbation, and the others of the same update
    count as before. (Estimators that learn curvature from the scalars take the 0 for a measured
    one.)

    Args:
        bench: Open radios, one node a sampled client.

    Returns:
        The function; it raises ValueError where there are not as many clients as nodes, a number
        is not finite, or clients disagree about local updates or perturbations.
    """

    def aggregate(local_grad_scalars: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        if len(local_grad_scalars) != bench.n_nodes:
            raise ValueError(
                f"DeComFL sampled {len(local_grad_scalars)} clients and the bench has "
                f"{bench.n_nodes} nodes: set num_sample_clients, or clients.count, to the other"
            )
        return [_mean(bench, update) for update in zip(*local_grad_scalars, strict=True)]

    return aggregate


def _mean(bench: MeanBench, by_client: Sequence[Tensor]) -> Tensor:
    """Return the mean of one local update's tensors, element by element, shape as theirs."""
    scalars = np.array([np.ravel(tensor.tolist()) for tensor in by_client])
    means = [float(bench.mean(column).value or 0.0) for column in scalars.T]
    return by_client[0].new_tensor(means).reshape(by_client[0].shape)
