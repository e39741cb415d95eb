"""How large symbols are, learned from sums."""

import numpy as np
import pytest

from sdr_ota.rounds.symbol_power import LEAST_ROUNDS, MEMORY_ROUNDS, SymbolPower


def learned(squares: np.ndarray, largest_scalar: float = 1.0) -> SymbolPower:
    power = SymbolPower()
    for square in squares:
        power.observe(float(square), largest_scalar)
    return power


def test_nothing_is_said_of_few_rounds() -> None:
    power = learned(np.full(LEAST_ROUNDS - 1, 0.2))
    assert power.symbol_mean_square(1.0) is None
    power.observe(0.2, 1.0)
    assert power.symbol_mean_square(1.0) == pytest.approx(0.2)


def test_sums_of_independent_symbols_tell_their_mean_square() -> None:
    rng, n_nodes, n_rounds = np.random.default_rng(1), 5, MEMORY_ROUNDS
    sums = 0.3 * rng.standard_normal((n_rounds, n_nodes)).sum(axis=1)
    noisy = sums + 0.5 * rng.standard_normal(n_rounds)
    found = learned((noisy**2 - 0.5**2) / n_nodes).symbol_mean_square(1.0)
    assert found is not None
    spread = (0.09 + 0.5**2 / n_nodes) * np.sqrt(2 / n_rounds)
    assert found == pytest.approx(0.09, abs=5 * spread)


def test_old_rounds_are_forgotten() -> None:
    power = learned(np.concatenate([np.full(1000, 0.5), np.full(5 * MEMORY_ROUNDS, 0.01)]))
    assert power.symbol_mean_square(1.0) == pytest.approx(0.01, abs=0.5 * np.exp(-5))


def test_a_limit_that_changes_changes_symbols_but_not_scalars() -> None:
    power = learned(np.full(20, 0.04), largest_scalar=2.0)
    assert power.symbol_mean_square(4.0) == pytest.approx(0.01)
    assert power.symbol_mean_square(0.1) == 1.0  # all that is clipped is 1


def test_sums_smaller_than_their_noise_say_zero() -> None:
    assert learned(np.full(20, -0.1)).symbol_mean_square(1.0) == 0.0
