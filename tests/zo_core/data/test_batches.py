"""Draws: fixed ones are a function of their name, Poisson ones of nothing."""

import math

import numpy as np
import pytest

from zo_core.data.batches import fixed_batch, poisson_batch


def test_fixed_draws_depend_on_their_name_alone() -> None:
    draw = fixed_batch(10)
    names = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2**64 - 1)]
    draws = {name: tuple(draw(50, name)) for name in names}
    assert len(set(draws.values())) == 5
    for name, drawn in draws.items():
        assert len(set(drawn)) == 10
        assert tuple(draw(50, name)) == drawn
    assert list(fixed_batch(50)(50, (0,))) == list(fixed_batch(99)(50, (0,))) == list(range(50))


def test_fixed_draws_are_uniform() -> None:
    counts = np.zeros(20)
    for seed in range(4000):
        counts[list(fixed_batch(5)(20, (0, 0, seed)))] += 1
    spread = math.sqrt(4000 * 0.25 * 0.75)
    assert np.all(np.abs(counts - 1000) < 4.5 * spread)


@pytest.mark.parametrize("rate", [0.02, 0.3, 1.0])
def test_poisson_draws_take_every_example_on_its_own(rate: float) -> None:
    n_draws, n_examples = 4000, 10
    taken = np.zeros((n_draws, n_examples))
    draw = poisson_batch(rate)
    for row in taken:
        row[list(draw(n_examples, (1, 2, 3)))] = 1
    deviation = math.sqrt(rate * (1 - rate) / n_draws)
    # The entropy is not seeded: six standard deviations on ten means fail once in 10^8.
    assert np.all(np.abs(taken.mean(axis=0) - rate) <= 6 * deviation)
    sizes = taken.sum(axis=1)
    variance = n_examples * rate * (1 - rate)
    spread = variance * math.sqrt(2 / n_draws) * 3
    assert sizes.var() == pytest.approx(variance, abs=3 * spread + 1e-12)


def test_poisson_draws_cannot_be_repeated() -> None:
    draw = poisson_batch(0.5)
    assert len({tuple(draw(64, (7,))) for _ in range(20)}) == 20


def test_impossible_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fixed_batch(0)
    for rate in (0.0, 1.5):
        with pytest.raises(ValueError, match="rate"):
            poisson_batch(rate)
