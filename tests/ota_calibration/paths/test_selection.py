"""Nodes send that make the mean better, and no others: judged by trying all sets and by drawing."""

from itertools import product

import numpy as np
import pytest
from ota_calibration.paths.selection import Worth, gain_error, worthwhile

NOISE = 1e-3


def noise(n_sending: int, amplitude: float) -> float:
    """Return the variance that receiver noise gives to a sum."""
    return NOISE / amplitude**2


@pytest.mark.parametrize("needs_phase", [True, False])
def test_the_gain_error_is_that_of_drawn_gains(needs_phase: bool) -> None:
    rng, n_trials, phase, level = np.random.default_rng(1), 200_000, 0.3, 0.05
    drawn = 1 + np.sqrt(level) * rng.standard_normal(n_trials)
    cosine = np.cos(np.sqrt(phase) * rng.standard_normal(n_trials))
    off = (drawn * cosine if needs_phase else drawn**2 / np.mean(drawn**2)) - 1
    expected = gain_error(np.array([phase]), np.array([level]), needs_phase)[0]
    assert np.mean(off**2) == pytest.approx(expected, abs=4 * np.std(off**2) / np.sqrt(n_trials))


def test_the_error_of_a_mean_is_that_of_drawn_numbers() -> None:
    rng, n_trials = np.random.default_rng(2), 100_000
    reach, errors = np.array([1.0, 0.5, 0.2]), np.array([0.1, 0.2, 0.0])
    numbers = rng.uniform(-1, 1, (n_trials, 5))
    gains = 1 + np.sqrt(errors) * rng.standard_normal((n_trials, 3))
    heard = (gains * numbers[:, :3]).sum(axis=1)
    heard += np.sqrt(noise(3, 0.2)) * rng.standard_normal(n_trials)
    off = (heard / 3 - numbers.mean(axis=1)) ** 2
    expected = Worth(5, 1 / 3, noise).error(reach, errors)
    assert off.mean() == pytest.approx(expected, abs=4 * off.std() / np.sqrt(n_trials))


@pytest.mark.parametrize("seed", range(30))
def test_no_set_of_nodes_has_less_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    reach, errors = 10 ** rng.uniform(-3, 0, n), 10 ** rng.uniform(-3, 1, n)
    worth = Worth(n, 1 / 3, noise)
    sets = [np.array(s, bool) for s in product([False, True], repeat=n) if any(s)]
    least = min(worth.error(reach[s], errors[s]) for s in sets)
    chosen = worthwhile(reach, errors, worth)
    # Taking one away at a time is not trying all; it seldom misses, and never by much.
    assert worth.error(reach[chosen], errors[chosen]) <= 1.15 * least


def test_nodes_that_are_alike_all_send_however_little_is_known_of_them() -> None:
    assert worthwhile(np.ones(6), np.full(6, 2.0), Worth(6, 1 / 3, noise)).all()


@pytest.mark.parametrize(("shortfall_db", "sends"), [(20.0, True), (25.0, True), (28.0, False)])
def test_a_weak_node_sends_until_noise_costs_more_than_its_number(
    shortfall_db: float, sends: bool
) -> None:
    reach = np.array([1.0, 1.0, 1.0, 1.0, 10 ** (-shortfall_db / 20)])
    chosen = worthwhile(reach, np.zeros(5), Worth(5, 1 / 3, noise))
    assert chosen.tolist() == [True, True, True, True, sends]


@pytest.mark.parametrize(("error", "sends"), [(0.9, True), (2.0, False)])
def test_a_node_whose_gain_is_unknown_does_not_send(error: float, sends: bool) -> None:
    errors = np.array([0.0, 0.0, 0.0, 0.0, error])
    chosen = worthwhile(np.ones(5), errors, Worth(5, 1 / 3, noise))
    assert chosen.tolist() == [True, True, True, True, sends]


def test_some_node_sends_whatever_is_expected() -> None:
    assert worthwhile(np.array([1e-6]), np.array([9.0]), Worth(1, 1 / 3, noise)).all()
