import math

import numpy as np
import pytest
from ota_calibration.privacy.adjacency import (
    Adjacency,
    Relation,
    Unit,
    clipped_mean,
    cyclic_mu,
    largest_contribution,
    sensitivity,
)
from ota_calibration.privacy.gaussian_accountant import composed_mu, largest_mu

CASES = [Adjacency(unit, relation) for unit in Unit for relation in Relation]


def neighbour(scalars: np.ndarray, adjacency: Adjacency, rng: np.random.Generator) -> np.ndarray:
    """Change one unit of a client's data, as badly as an adversary would."""
    wild = rng.choice([-1e9, 1e9, math.inf, -math.inf, math.nan, 0.3], size=len(scalars))
    if adjacency.unit is Unit.CLIENT:
        return wild if adjacency.relation is Relation.REPLACE else wild[:0]
    if adjacency.relation is Relation.ADD_REMOVE:
        return np.append(scalars, wild[0])
    return np.append(scalars[1:], wild[0])


@pytest.mark.parametrize("adjacency", CASES, ids=str)
def test_no_neighbour_moves_the_scalar_further_than_the_sensitivity(adjacency: Adjacency) -> None:
    rng = np.random.default_rng(1)
    scalar_limit, divisor = 3.0, 8
    bound = sensitivity(adjacency, scalar_limit, divisor)
    largest = 0.0
    for _ in range(2000):
        scalars = rng.standard_normal(int(rng.integers(1, 30))) * rng.choice([1.0, 100.0])
        other = neighbour(scalars, adjacency, rng)
        one, two = (clipped_mean(batch, scalar_limit, divisor) for batch in (scalars, other))
        largest = max(largest, abs(one - two))
    assert largest <= bound * (1 + 1e-12)
    assert largest >= 0.9 * bound  # the bound is reached, not merely kept


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
    assert clipped_mean([2.0, -1.0], 5.0, batch_divisor=4) == 0.25
    assert clipped_mean([], 5.0, batch_divisor=4) == 0.0
    assert clipped_mean([math.nan, math.inf, 1.0], 5.0, batch_divisor=2) == 3.0
    assert clipped_mean([5.0] * 9, 5.0, batch_divisor=4) == 5.0


@pytest.mark.parametrize("seed", range(10))
def test_cyclic_batches_cost_what_the_dearest_record_pays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rounds, n_batches = int(rng.integers(1, 100)), int(rng.integers(1, 20))
    round_mu = rng.exponential(size=n_rounds)
    by_record = [composed_mu(round_mu[batch::n_batches]) for batch in range(n_batches)]
    assert cyclic_mu(round_mu, n_batches) == pytest.approx(max(by_record))
    assert cyclic_mu(round_mu, 1) == pytest.approx(composed_mu(round_mu))


@pytest.mark.parametrize(
    ("epsilon", "delta", "n_rounds", "client", "record", "cyclic"),
    [
        (5.0, 1e-2, 1000, 7.2, 0.11, 0.028),
        (5.0, 1e-2, 8000, 20.4, 0.32, 0.081),
        (5.0, 1e-5, 1000, 11.3, 0.18, 0.045),
        (5.0, 1e-5, 8000, 31.9, 0.50, 0.126),
        (8.0, 1e-5, 1000, 7.6, 0.12, 0.030),
        (8.0, 1e-5, 8000, 21.5, 0.34, 0.085),
    ],
)
def test_noise_of_the_mean_in_units_of_the_clip(
    epsilon: float, delta: float, n_rounds: int, client: float, record: float, cyclic: float
) -> None:
    """Five clients, batches of 64 out of 1000: what each notion of privacy asks for."""
    n_clients, divisor, n_batches = 5, 64, 1000 / 64
    mu = largest_mu(epsilon, delta)

    def std(unit: Unit, participations: float) -> float:
        shift = sensitivity(Adjacency(unit, Relation.REPLACE), 1.0, divisor)
        return shift * math.sqrt(participations) / mu / n_clients

    assert std(Unit.CLIENT, n_rounds) == pytest.approx(client, rel=0.01)
    assert std(Unit.RECORD, n_rounds) == pytest.approx(record, rel=0.03)
    assert std(Unit.RECORD, n_rounds / n_batches) == pytest.approx(cyclic, rel=0.02)
    # The same through the accountant: at that noise, 16 whole batches spend no more than mu.
    round_mu = sensitivity(Adjacency(), 1.0, divisor) / n_clients / std(Unit.RECORD, n_rounds / 15)
    spent = cyclic_mu(np.full(n_rounds, round_mu), n_batches=16)
    assert spent == pytest.approx(mu * math.sqrt(15 * math.ceil(n_rounds / 16) / n_rounds))


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_divisor = 0"):
        sensitivity(Adjacency(), 1.0, 0)
    with pytest.raises(ValueError, match="scalar_limit = 0"):
        sensitivity(Adjacency(), 0.0, 1)
    with pytest.raises(ValueError, match="n_batches = 0"):
        cyclic_mu(np.ones(3), 0)
