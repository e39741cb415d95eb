import math

import numpy as np
import pytest
from ota_calibration.privacy.adjacency import (
    Adjacency,
    Relation,
    Unit,
    clip_norm,
    clipped_mean,
    largest_contribution,
    sensitivity,
)
from ota_calibration.privacy.gaussian_accountant import largest_mu

CASES = [Adjacency(unit, relation) for unit in Unit for relation in Relation]


def neighbour(scalars: np.ndarray, adjacency: Adjacency, rng: np.random.Generator) -> np.ndarray:
    """Change one unit of a client's data, as badly as an adversary would."""
    values = [-1e9, 1e9, math.inf, -math.inf, math.nan, 0.3]
    wild = rng.choice(values, size=scalars.shape)
    if adjacency.unit is Unit.CLIENT:
        return wild if adjacency.relation is Relation.REPLACE else wild[:, :0]
    if adjacency.relation is Relation.ADD_REMOVE:
        return np.append(scalars, wild[:, :1], axis=1)
    return np.append(scalars[:, 1:], wild[:, :1], axis=1)


@pytest.mark.parametrize("n_directions", [1, 2, 16])
@pytest.mark.parametrize("adjacency", CASES, ids=str)
def test_no_neighbour_moves_the_scalars_further_than_the_sensitivity(
    adjacency: Adjacency, n_directions: int
) -> None:
    rng = np.random.default_rng(1)
    scalar_limit, divisor = 3.0, 8
    bound = sensitivity(adjacency, scalar_limit, divisor)
    largest = 0.0
    for _ in range(2000):
        shape = (n_directions, int(rng.integers(1, 30)))
        direction = rng.standard_normal((n_directions, 1)) if rng.random() < 0.5 else 1.0
        scalars = rng.standard_normal(shape) * rng.choice([1.0, 100.0]) * direction
        other = neighbour(scalars, adjacency, rng)
        if rng.random() < 0.5:  # the other one's last example as the first one's, turned round
            other[:, -1:] = -scalars[:, :1] if adjacency.unit is Unit.RECORD else other[:, -1:]
        if adjacency == Adjacency(Unit.CLIENT, Relation.REPLACE) and rng.random() < 0.5:
            other = -scalars
        one, two = (clipped_mean(batch, scalar_limit, divisor) for batch in (scalars, other))
        largest = max(largest, float(np.linalg.norm(one - two)))
    assert largest <= bound * (1 + 1e-12)
    assert largest >= 0.9 * bound  # the bound is reached, not merely kept


def test_the_norm_of_one_number_is_clipped_to_the_same_bits_as_ever() -> None:
    rng = np.random.default_rng(2)
    for _ in range(500):
        scalars = rng.standard_cauchy(int(rng.integers(0, 40))) * 10.0 ** rng.integers(-300, 300)
        wild = rng.random(scalars.size) < 0.1
        scalars[wild] = rng.choice([math.inf, -math.inf, math.nan, 0.0, -0.0], wild.sum())
        limit, divisor = float(rng.exponential()), int(rng.integers(1, 20))
        clipped = np.clip(np.nan_to_num(scalars, nan=0.0), -limit, limit)
        expected = np.clip(clipped.sum() / divisor, -limit, limit)
        assert clipped_mean(scalars[None, :], limit, divisor).tolist() == [expected]


def test_a_clipped_vector_keeps_its_direction() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((5, 200)) * 10.0 ** rng.integers(-300, 300, 200)
    clipped = clip_norm(vectors, 2.0)
    largest = np.abs(vectors).max(axis=0)
    directions = vectors / largest
    norms = np.linalg.norm(directions, axis=0)
    short = np.log10(largest) + np.log10(norms) <= np.log10(2.0)
    assert 20 < short.sum() < 180
    assert np.array_equal(clipped[:, short], vectors[:, short])
    along = np.sum(clipped * directions / norms, axis=0)[~short]
    assert along == pytest.approx(2.0, rel=1e-14)
    assert np.linalg.norm(clipped[:, ~short], axis=0) == pytest.approx(2.0, rel=1e-14)
    assert clip_norm([math.inf, 1.0, -math.inf], 1.0) == pytest.approx([0.5**0.5, 0, -(0.5**0.5)])
    assert clip_norm([0.0, 0.0], 1.0).tolist() == [0.0, 0.0]


def hockey_stick(x: np.ndarray, y: np.ndarray, rate: float, alpha: float) -> float:
    """Return the divergence of (1 - rate) N(0) + rate N(x) from the same of y, on a fine grid."""
    grid = np.linspace(-8, 8, 801)
    first, second = np.meshgrid(grid, grid, indexing="ij")

    def density(mean: np.ndarray) -> np.ndarray:
        return np.exp(-((first - mean[0]) ** 2 + (second - mean[1]) ** 2) / 2) / (2 * np.pi)

    rest = (1 - rate) * density(np.zeros(2))
    excess = rest + rate * density(x) - alpha * (rest + rate * density(y))
    return float(np.maximum(excess, 0).sum() * (grid[1] - grid[0]) ** 2)


@pytest.mark.parametrize(("rate", "alpha"), [(0.1, 1.2), (0.5, 1.5), (1.0, 3.0)])
def test_no_two_vectors_are_told_apart_better_than_opposite_ones(rate: float, alpha: float) -> None:
    """A record that is replaced, in a batch with a chance: the accountant knows one dimension."""
    ahead = np.array([1.0, 0.0])
    opposite = hockey_stick(ahead, -ahead, rate, alpha)
    found = []
    for angle in np.linspace(0, np.pi, 7):
        other = np.array([np.cos(angle), np.sin(angle)])
        found.append(hockey_stick(ahead, other, rate, alpha))
        assert hockey_stick(ahead, 0.7 * other, rate, alpha) <= opposite
    assert np.all(np.diff(found) >= 0)
    assert found[-1] == pytest.approx(opposite) and found[-1] > 1.1 * found[3]


def test_sensitivities_are_those_of_the_docstring() -> None:
    found = {(case.unit.value, case.relation.value): sensitivity(case, 100.0, 64) for case in CASES}
    assert found == {
        ("record", "add-remove"): 100 / 64,
        ("record", "replace"): 200 / 64,
        ("client", "add-remove"): 100,
        ("client", "replace"): 200,
    }
    assert largest_contribution(Unit.CLIENT, 7.0, 64) == 7.0


def test_the_mean_divides_by_the_fixed_divisor_and_clips_each_example() -> None:
    assert clipped_mean(np.array([[2.0, -1.0]]), 5.0, batch_divisor=4).tolist() == [0.25]
    assert clipped_mean(np.zeros((1, 0)), 5.0, batch_divisor=4).tolist() == [0.0]
    broken = np.array([[math.nan, math.inf, 1.0]])
    assert clipped_mean(broken, 5.0, batch_divisor=2).tolist() == [3.0]
    assert clipped_mean(np.full((1, 9), 5.0), 5.0, batch_divisor=4).tolist() == [5.0]


@pytest.mark.parametrize(
    ("epsilon", "delta", "n_rounds", "client", "record"),
    [
        (5.0, 1e-2, 1000, 7.2, 0.11),
        (5.0, 1e-2, 8000, 20.4, 0.32),
        (5.0, 1e-5, 1000, 11.3, 0.18),
        (5.0, 1e-5, 8000, 31.9, 0.50),
        (8.0, 1e-5, 1000, 7.6, 0.12),
        (8.0, 1e-5, 8000, 21.5, 0.34),
    ],
)
def test_noise_of_the_mean_in_units_of_the_clip(
    epsilon: float, delta: float, n_rounds: int, client: float, record: float
) -> None:
    """Five clients, batches of 64: what each notion of privacy asks for."""
    n_clients, divisor = 5, 64
    mu = largest_mu(epsilon, delta)

    def std(unit: Unit) -> float:
        shift = sensitivity(Adjacency(unit, Relation.REPLACE), 1.0, divisor)
        return shift * math.sqrt(n_rounds) / mu / n_clients

    assert std(Unit.CLIENT) == pytest.approx(client, rel=0.01)
    assert std(Unit.RECORD) == pytest.approx(record, rel=0.03)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_divisor = 0"):
        sensitivity(Adjacency(), 1.0, 0)
    with pytest.raises(ValueError, match="scalar_limit = 0"):
        sensitivity(Adjacency(), 0.0, 1)
