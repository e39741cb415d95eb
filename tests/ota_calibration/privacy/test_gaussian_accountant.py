"""The exact composition, against its definition, the literature's numbers and the paper's lemma."""

import math

import numpy as np
import pytest
from ota_calibration.privacy.gaussian_accountant import (
    composed_mu,
    gaussian_delta,
    gaussian_epsilon,
    largest_mu,
)
from ota_calibration.privacy.paper_lemma import inverse_mills, lemma_budget, lemma_epsilon
from ota_calibration.privacy.peak_snr import snr_budget
from ota_calibration.privacy.schedules import solution
from scipy.integrate import quad
from scipy.stats import norm


@pytest.mark.parametrize("mu", [0.05, 0.5, 1.756, 6.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 5.0])
def test_delta_is_the_hockey_stick_divergence_of_two_gaussians(mu: float, epsilon: float) -> None:
    # max(p - e^eps q, 0) is positive where the log ratio mu x - mu^2 / 2 passes epsilon.
    start = epsilon / mu + mu / 2
    by_definition, _ = quad(
        lambda x: norm.pdf(x, mu) - math.exp(epsilon) * norm.pdf(x),
        start,
        max(start, mu) + 12,
        epsabs=1e-15,
        epsrel=1e-10,
        points=[max(start, mu)],
    )
    assert gaussian_delta(mu, epsilon) == pytest.approx(by_definition, rel=1e-7, abs=1e-14)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 2.0, 8.0, 100.0])
@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.01, 0.5])
def test_the_three_functions_invert_each_other(epsilon: float, delta: float) -> None:
    mu = largest_mu(epsilon, delta)
    assert gaussian_delta(mu, epsilon) == pytest.approx(delta, rel=1e-9)
    assert gaussian_epsilon(mu, delta) == pytest.approx(epsilon, rel=1e-9, abs=1e-7)


def test_limits_of_no_noise_and_no_signal() -> None:
    assert gaussian_delta(0.0, 1.0) == 0
    assert gaussian_epsilon(0.0, 1e-5) == 0
    assert gaussian_epsilon(1e-6, 1e-5) == 0
    assert gaussian_epsilon(math.inf, 1e-5) == math.inf
    assert gaussian_delta(math.inf, 3.0) == 1
    assert gaussian_delta(1.0, math.inf) == 0
    assert gaussian_epsilon(1e3, 1e-5) == pytest.approx(504_264, rel=1e-5)


def test_epsilon_grows_with_mu_and_falls_with_delta() -> None:
    by_mu = [gaussian_epsilon(mu, 1e-5) for mu in (0.1, 0.5, 1.0, 4.0, 50.0)]
    by_delta = [gaussian_epsilon(1.0, delta) for delta in (1e-9, 1e-5, 1e-2)]
    assert by_mu == sorted(by_mu)
    assert by_delta == sorted(by_delta, reverse=True)


def test_the_papers_constants() -> None:
    assert inverse_mills(100.0) == pytest.approx(1.849, abs=5e-4)
    for epsilon, delta, budget in (
        (5.0, 1e-2, 1.108),
        (8.0, 1e-5, 1.185),
        (5.0, 1e-5, 0.514),
        (2.0, 1e-5, 0.093),
    ):
        assert lemma_budget(epsilon, delta) == pytest.approx(budget, abs=6e-4)


@pytest.mark.parametrize("x", [1e-3, 0.1, 1.0, 1.849, 5.0])
def test_the_inverse_of_mills_bound(x: float) -> None:
    assert inverse_mills(math.sqrt(math.pi) * x * math.exp(x**2)) == pytest.approx(x, rel=1e-10)


@pytest.mark.parametrize(
    ("epsilon", "delta", "gain"),
    [(5.0, 1e-2, 1.39), (5.0, 1e-5, 1.22), (8.0, 1e-5, 1.17), (2.0, 1e-5, 1.36)],
)
def test_the_lemma_holds_and_is_loose_as_measured(
    epsilon: float, delta: float, gain: float
) -> None:
    allowed = lemma_budget(epsilon, delta)
    mu = math.sqrt(2 * allowed)
    assert lemma_epsilon(mu, delta) == pytest.approx(epsilon, rel=1e-12)
    assert gaussian_epsilon(mu, delta) < epsilon
    assert largest_mu(epsilon, delta) ** 2 / 2 / allowed == pytest.approx(gain, abs=6e-3)


def test_exact_numbers_at_the_papers_setting() -> None:
    assert gaussian_epsilon(math.sqrt(2 * 1.108), 0.01) == pytest.approx(3.98, abs=5e-3)
    assert largest_mu(5.0, 0.01) == pytest.approx(1.756, abs=5e-4)
    assert largest_mu(5.0, 0.01) ** 2 / 2 == pytest.approx(1.542, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_composition_is_the_likelihood_ratio_of_the_whole_sequence(seed: int) -> None:
    """The privacy loss of all rounds together is N(mu^2 / 2, mu^2)."""
    rng = np.random.default_rng(seed)
    n_rounds, n_trials = int(rng.integers(1, 60)), 20_000
    shift = rng.uniform(0.0, 2.0, n_rounds)
    noise_std = rng.uniform(0.5, 20.0, n_rounds)
    mu = composed_mu(shift / noise_std)
    seen = shift + noise_std * rng.standard_normal((n_trials, n_rounds))
    loss = ((seen**2 - (seen - shift) ** 2) / (2 * noise_std**2)).sum(axis=1)
    assert loss.mean() == pytest.approx(mu**2 / 2, abs=4 * mu / math.sqrt(n_trials))
    assert loss.std() == pytest.approx(mu, rel=4 / math.sqrt(2 * n_trials))


@pytest.mark.parametrize("sensitivity", [2.0, 2.0 / 64])
def test_a_schedule_filled_to_the_budget_spends_epsilon_whatever_the_channel(
    sensitivity: float,
) -> None:
    epsilon, delta = 5.0, 1e-5
    budget = snr_budget(largest_mu(epsilon, delta), sensitivity)
    for seed, snr_db in enumerate(range(-20, 41, 10)):
        rng = np.random.default_rng(seed)
        caps = 10 ** (snr_db / 10) * rng.exponential(size=(500, 5)).min(axis=1)
        levels = solution(caps, budget, 0.995)
        spent = gaussian_epsilon(composed_mu(sensitivity * np.sqrt(levels)), delta)
        if caps.sum() > budget:
            assert spent == pytest.approx(epsilon, rel=1e-9)
        else:
            assert spent < epsilon


@pytest.mark.parametrize("delta", [0.0, 1.0, math.nan])
def test_a_delta_that_is_no_probability_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        gaussian_epsilon(1.0, delta)
    with pytest.raises(ValueError, match="delta"):
        largest_mu(1.0, delta)


def test_a_negative_epsilon_or_mu_is_refused() -> None:
    with pytest.raises(ValueError, match="epsilon = -1"):
        largest_mu(-1.0, 1e-5)
    with pytest.raises(ValueError, match="mu = -1"):
        gaussian_delta(-1.0, 1.0)
