"""Energies, votes and slots of several antennas: measured mean and variance against the formulas.

The trials draw paths, phases and noise themselves and share no code with the formulas.
"""

import numpy as np
import pytest

from sdr_ota.schemes import Antennas, CombinesAntennas, LinkQuality, load_scheme

N_TRIALS = 3000
STANDARD_ERRORS = 5.0
N_CHIPS = 64


def drawn_paths(n_antennas: int, n_nodes: int, rng: np.random.Generator) -> np.ndarray:
    """Return Gaussian paths, each node's of power 1 over all antennas."""
    parts = rng.standard_normal((2, n_antennas, n_nodes))
    gains = parts[0] + 1j * parts[1]
    return gains / np.sqrt(np.sum(np.abs(gains) ** 2, axis=0))


def overlaps(paths: np.ndarray) -> tuple[tuple[float, ...], ...]:
    n_nodes = paths.shape[1]
    return tuple(
        tuple(float(abs(np.vdot(paths[:, k], paths[:, other])) ** 2) for other in range(n_nodes))
        for k in range(n_nodes)
    )


@pytest.mark.parametrize("n_antennas", [2, 4])
@pytest.mark.parametrize("relative_noise", [0.02, 1.0])
@pytest.mark.parametrize("name", ["energy-difference", "fsk-vote", "tdma"])
def test_mean_and_variance_are_those_of_theory(
    name: str, relative_noise: float, n_antennas: int
) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(7)
    assert isinstance(scheme, CombinesAntennas)
    symbols = np.array([1.0, -1.0, 1.0] if scheme.sign_only else [0.9, -0.4, 0.3])
    n_chips = N_CHIPS * len(symbols)
    paths = drawn_paths(n_antennas, len(symbols), rng)
    sums = []
    for _ in range(N_TRIALS):
        sent = np.stack([scheme.encode(s, k, 3, n_chips, rng) for k, s in enumerate(symbols)])
        noise = rng.standard_normal((2, n_antennas, n_chips)) * np.sqrt(relative_noise / 2)
        received = paths @ sent + noise[0] + 1j * noise[1]
        sums.append(scheme.decode(scheme.combine(received, 3), 3, 1.0).value)
    quality = LinkQuality(
        n_chips, 1.0, relative_noise, antennas=Antennas(n_antennas, overlaps(paths))
    )
    mean, variance = np.mean(sums), np.var(sums, ddof=1)
    expected = scheme.theory_variance(symbols, quality)
    off = mean - scheme.theory_mean(symbols, quality)
    assert abs(off) < STANDARD_ERRORS * np.sqrt(expected / N_TRIALS)
    # The variance of a measured variance, from the sums' own fourth moment.
    fourth = np.mean((np.array(sums) - mean) ** 4)
    assert abs(variance - expected) < STANDARD_ERRORS * np.sqrt((fourth - variance**2) / N_TRIALS)


@pytest.mark.parametrize("name", ["energy-difference", "fsk-vote", "tdma"])
def test_antennas_that_receive_the_same_are_one_of_more_power(name: str) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(3)
    chips = rng.standard_normal(96) + 1j * rng.standard_normal(96)
    twice = scheme.combine(np.stack([chips, 1j * chips]), 3)
    one, both = scheme.decode(chips, 3, 1.0), scheme.decode(twice, 3, np.sqrt(2))
    assert both.value == pytest.approx(one.value)
    assert both.std == pytest.approx(one.std)


@pytest.mark.parametrize("name", ["energy-difference", "fsk-vote", "tdma"])
def test_a_single_antenna_in_the_formulas_for_many_is_that_for_one(name: str) -> None:
    scheme, symbols = load_scheme(name), np.array([1.0, -1.0, 1.0])
    every = ((1.0,) * 3,) * 3
    many = LinkQuality(96, 0.7, 0.2, antennas=Antennas(1, every))
    assert scheme.theory_variance(symbols, many) == pytest.approx(
        scheme.theory_variance(symbols, LinkQuality(96, 0.7, 0.2))
    )
