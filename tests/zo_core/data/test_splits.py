"""Whatever the split, every example goes to exactly one client."""

from collections import Counter

import numpy as np
import pytest

from zo_core.data.examples import DataError, Example
from zo_core.data.splits import split_by_dirichlet, split_evenly


def examples(n: int) -> list[Example]:
    return [Example({"sentence": str(i)}, str(i % 3)) for i in range(n)]


def texts(part: list[Example]) -> list[str]:
    return [example.fields["sentence"] for example in part]


@pytest.mark.parametrize(("n", "n_clients"), [(10, 1), (10, 3), (10, 10), (100, 7)])
def test_even_split_shares_all_and_sizes_differ_by_one(n: int, n_clients: int) -> None:
    parts = split_evenly(examples(n), n_clients, seed=1)
    assert sorted(text for part in parts for text in texts(part)) == sorted(texts(examples(n)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts) == n_clients


@pytest.mark.parametrize("alpha", [0.01, 0.5, 100.0])
@pytest.mark.parametrize(("n", "n_clients"), [(12, 12), (100, 7), (99, 1)])
def test_dirichlet_split_shares_all_and_leaves_nobody_empty(
    alpha: float, n: int, n_clients: int
) -> None:
    for seed in range(10):
        parts = split_by_dirichlet(examples(n), n_clients, alpha, seed)
        assert sorted(text for part in parts for text in texts(part)) == sorted(texts(examples(n)))
        assert len(parts) == n_clients
        assert min(map(len, parts)) >= 1


@pytest.mark.parametrize("alpha", [0.3, 2.0, 50.0])
def test_share_of_a_label_spreads_as_dirichlet_says(alpha: float) -> None:
    n_clients, n_seeds, data = 5, 200, examples(900)
    shares = []
    for seed in range(n_seeds):
        part = split_by_dirichlet(data, n_clients, alpha, seed)[2]
        counts = Counter(example.label for example in part)
        shares.append([counts[label] / 300 for label in "012"])
    measured = np.array(shares)
    mean = 1 / n_clients
    variance = mean * (1 - mean) / (n_clients * alpha + 1)
    n_draws = measured.size
    # The shares of the three labels are independent; each is Beta(alpha, 4 alpha).
    fourth = ((measured - mean) ** 4).mean()
    assert abs(measured.mean() - mean) < 4 * np.sqrt(variance / n_draws)
    assert abs(((measured - mean) ** 2).mean() - variance) < 4 * np.sqrt(
        (fourth - variance**2) / n_draws
    )


@pytest.mark.parametrize("split", [split_evenly, lambda e, k, s: split_by_dirichlet(e, k, 1.0, s)])
def test_seed_decides_the_split(split: object) -> None:
    def run(seed: int) -> list[list[Example]]:
        return split(examples(60), 4, seed)  # type: ignore[no-any-return,operator]

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize("n_clients", [0, 5])
def test_too_many_or_no_clients_are_refused(n_clients: int) -> None:
    with pytest.raises(DataError):
        split_evenly(examples(4), n_clients, 0)
    with pytest.raises(DataError):
        split_by_dirichlet(examples(4), n_clients, 1.0, 0)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_alpha_must_be_positive(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        split_by_dirichlet(examples(4), 2, alpha, 0)
