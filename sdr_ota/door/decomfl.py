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
from numpy.typing import NDArray

from sdr_ota.door.mean_bench import MeanBench

Tensor: TypeAlias = Any
"""A tensor of PyTorch, shape () or (n_perturbations,)."""

Aggregation: TypeAlias = Callable[[Sequence[Sequence[Tensor]]], list[Tensor]]
"""From scalars by client, local update and perturbation to those of all clients together."""


def over_the_air(bench: MeanBench) -> Aggregation:
    """Return DeComFL's ``AggregationFunc`` over a bench.

    The numbers of a client travel in order, ``frame.symbols`` of them in a frame; the last frame is
    filled up with zeros. So where that is the number of local updates times perturbations, a round
    of DeComFL is one round on the air.

    An erasure is a 0 for every number of its frame: nobody moves along those perturbations, and the
    others of the same update count as before. (Estimators that learn curvature from the scalars
    take the 0 for a measured one.)

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
        updates = list(zip(*local_grad_scalars, strict=True))
        numbers = [np.array([np.ravel(own.tolist()) for own in update]) for update in updates]
        means = _means(bench, np.concatenate(numbers, axis=1))
        ends = np.cumsum([own.shape[1] for own in numbers])[:-1]
        return [
            update[0].new_tensor(own.tolist()).reshape(update[0].shape)
            for update, own in zip(updates, np.split(means, ends), strict=True)
        ]

    return aggregate


def _means(bench: MeanBench, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of the clients' numbers, shape (n_clients, n_numbers), frame by frame."""
    n_numbers, n_symbols = numbers.shape[1], bench.n_symbols
    padded = np.pad(numbers, ((0, 0), (0, -n_numbers % n_symbols)))
    means = []
    for first in range(0, n_numbers, n_symbols):
        value = bench.mean(padded[:, first : first + n_symbols]).value
        means.append(np.zeros(n_symbols) if value is None else np.asarray(value, np.float64))
    return np.concatenate(means)[:n_numbers]
