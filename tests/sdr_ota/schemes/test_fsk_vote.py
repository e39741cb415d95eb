"""Probability that the minority wins a vote: formulas against each other and against draws."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.impairments import awgn
from sdr_ota.schemes import load_scheme
from sdr_ota.schemes.fsk_vote import error_probability_aligned

N_TRIALS = 60_000
VOTES = [
    (0, 1, 0.5, 1),
    (1, 2, 0.2, 1),
    (2, 3, 0.5, 4),
    (1, 4, 0.1, 2),
    (0, 5, 2.0, 2),
    (4, 5, 0.02, 1),
    (6, 7, 0.1, 2),
    (8, 12, 0.5, 8),
    (9, 11, 0.1, 16),
]


def noise(rng: np.random.Generator, n_looks: int, power: float) -> NDArray[np.complex128]:
    draws = awgn(N_TRIALS * n_looks, power, rng)
    return draws.reshape(N_TRIALS, n_looks).astype(np.complex128)


def measured_tolerance(probability: float) -> float:
    return 5 * math.sqrt(probability * (1 - probability) / N_TRIALS)


@pytest.mark.parametrize(("minority", "majority", "relative_noise", "n_looks"), VOTES)
def test_aligned_votes(minority: int, majority: int, relative_noise: float, n_looks: int) -> None:
    rng = np.random.default_rng([minority, majority, n_looks])
    energies = []
    for n_voters in (minority, majority):
        tone = noise(rng, n_looks, relative_noise)
        for _ in range(n_voters):
            tone += np.exp(2j * np.pi * rng.random(tone.shape))
        energies.append(np.sum(np.abs(tone) ** 2, axis=1))
    theory = error_probability_aligned(minority, majority, relative_noise, n_looks)
    series = 0.01 * theory if majority > 4 else 0.0
    measured = np.mean(energies[0] > energies[1])
    assert measured == pytest.approx(theory, abs=measured_tolerance(theory) + series)


@pytest.mark.parametrize("n_looks", [1, 2, 5, 16])
@pytest.mark.parametrize("relative_noise", [0.15, 0.5, 2.0, 20.0])
def test_one_voter_is_non_coherent_binary_fsk(n_looks: int, relative_noise: float) -> None:
    # Proakis, Digital Communications: square-law combined binary orthogonal signals.
    half_snr = n_looks / relative_noise / 2
    series = sum(
        half_snr**n
        / math.factorial(n)
        * sum(math.comb(2 * n_looks - 1, k) for k in range(n_looks - n))
        for n in range(n_looks)
    )
    exact = math.exp(-half_snr) * series / 2 ** (2 * n_looks - 1)
    if n_looks == 1:
        assert exact == pytest.approx(0.5 * math.exp(-1 / (2 * relative_noise)), rel=1e-12)
    computed = error_probability_aligned(0, 1, relative_noise, n_looks)
    assert computed == pytest.approx(exact, rel=1e-6, abs=1e-9)


def test_a_tie_is_decided_by_a_fair_coin() -> None:
    for n_voters in (1, 3, 6):
        assert error_probability_aligned(n_voters, n_voters, 0.3, 4) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("minority", "majority"), [(0, 1), (2, 3), (1, 4)])
def test_the_scheme_itself_errs_as_often_as_predicted(minority: int, majority: int) -> None:
    n_trials, n_looks, look_chips, chip_noise = 3000, 4, 16, 8.0
    scheme = load_scheme("fsk-vote", {"look_chips": look_chips})
    rng = np.random.default_rng([minority, majority])
    n_chips, n_nodes, wrong = n_looks * look_chips, minority + majority, 0
    for _ in range(n_trials):
        chips = awgn(n_chips, chip_noise, rng).astype(np.complex128)
        for node in range(n_nodes):
            symbol = 0.6 if node < majority else -0.6
            chips += scheme.encode(symbol, node, n_nodes, n_chips, rng)
        wrong += scheme.decode(chips, n_nodes, 1.0).value < 0
    theory = error_probability_aligned(minority, majority, chip_noise / look_chips, n_looks)
    tolerance = 5 * math.sqrt(theory * (1 - theory) / n_trials)
    assert wrong / n_trials == pytest.approx(theory, abs=tolerance)
