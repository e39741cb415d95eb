"""Share examples among clients: evenly, or with label proportions that differ by client."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zo_core.data.examples import DataError, Example


def split_evenly(examples: Sequence[Example], n_clients: int, seed: int) -> list[list[Example]]:
    """Share examples at random (IID); sizes differ by at most one.

    Args:
        examples: What there is to share.
        n_clients: Number of clients, at least 1.
        seed: Seed of the shuffle; not negative.

    Returns:
        The examples of each client.

    Raises:
        DataError: There are more clients than examples.
    """
    _check_enough(examples, n_clients)
    order = np.random.default_rng(seed).permutation(len(examples))
    return [[examples[int(i)] for i in part] for part in np.array_split(order, n_clients)]


def split_by_dirichlet(
    examples: Sequence[Example], n_clients: int, alpha: float, seed: int
) -> list[list[Example]]:
    """Share each label's examples in proportions drawn from Dirichlet(alpha, ..., alpha).

    A small alpha gives most of a label to few clients; a large one approaches an even split.
    A client left with nothing is given one example of the client with most.

    Args:
        examples: What there is to share.
        n_clients: Number of clients, at least 1.
        alpha: Concentration, positive.
        seed: Seed of the draws; not negative.

    Returns:
        The examples of each client, at least one each.

    Raises:
        DataError: There are more clients than examples.
        ValueError: alpha is not positive.

    References:
        Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for
        federated visual classification", arXiv 1909.06335.
    """
    _check_enough(examples, n_clients)
    if not alpha > 0:
        raise ValueError(f"alpha = {alpha} must be positive; 0.1 is very uneven, 100 nearly even")
    rng = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in range(n_clients)]
    labels = np.array([example.label for example in examples])
    for label in dict.fromkeys(labels.tolist()):
        members = rng.permutation(np.flatnonzero(labels == label))
        for part, share in zip(parts, _shares(members, n_clients, alpha, rng), strict=True):
            part.extend(share.tolist())
    for part in parts:
        if not part:
            part.append(max(parts, key=len).pop())
    return [[examples[i] for i in part] for part in parts]


def _shares(
    members: NDArray[np.int64], n_clients: int, alpha: float, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    proportions = rng.dirichlet(np.full(n_clients, alpha))
    ends = np.round(np.cumsum(proportions)[:-1] * len(members)).astype(int)
    return np.split(members, ends)


def _check_enough(examples: Sequence[Example], n_clients: int) -> None:
    if n_clients < 1:
        raise DataError(f"n_clients = {n_clients}: at least one client must hold the data")
    if n_clients > len(examples):
        raise DataError(
            f"{n_clients} clients cannot share {len(examples)} examples: each needs at least one; "
            "use fewer clients or more data"
        )
