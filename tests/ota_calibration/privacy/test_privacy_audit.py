"""Neighbouring data cannot be told apart better than promised, unless the noise is too small."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ota_calibration.privacy.adjacency import clipped_mean
from ota_calibration.privacy.audit import (
    ToldApart,
    epsilon_lower_bound,
    rate_lower_bound,
    told_apart,
)
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.noisy_payload import NoisyPayload
from ota_calibration.privacy.private_rounds import PrivateRounds, ReceiverNoise
from ota_calibration.privacy.trust import TrustModel
from scipy.stats import norm

from sdr_ota.schemes import load_scheme, scheme_names
from sdr_ota.signal.modulation import AnalogPayload, SignPayload
from tests.ota_calibration.private import (
    RECORD,
    SeededNoise,
    admitted,
    plan,
    private_rounds,
    promise,
)

N_ROUNDS, N_RUNS, N_CLIENTS, N_CHIPS = 4, 800, 3, 64
CONFIDENCE = 1 - 1e-4
DELTA = 1e-3


def audited(
    rounds: PrivateRounds, scheme_name: str, scalars: tuple[float, float], shrink: float, seed: int
) -> ToldApart:
    """Return what is told in many runs in which node 0 has one of two scalars, the others 0.

    The adversary sees what the trust model lets it see of every round: node 0 alone, or the
    decoded sum of all, without or with the receiver's noise.
    """
    rng, noise = np.random.default_rng(seed), SeededNoise(seed + 1, shrink)
    quotes = [admitted(rounds, index, plan(n_nodes=N_CLIENTS)) for index in range(N_ROUNDS)]
    scheme = load_scheme(scheme_name)
    alone = rounds.promise.trust is TrustModel.LOCAL
    noise_power = rounds.receiver.noise_power_bound if rounds.receiver else 0.0

    def score(scalar: float) -> float:
        total = 0.0
        for sent, payload in quotes:
            noisy = replace(payload, source=noise)
            if scheme.sign_only:
                noisy = replace(noisy, inner=SignPayload())
            chips = np.zeros(N_CHIPS, np.complex128)
            n_seen = 1 if alone else N_CLIENTS
            for node in range(n_seen):
                symbol = noisy.symbols([scalar if node == 0 else 0.0])[0]
                chips += sent.rx_amplitude * scheme.encode(symbol, node, n_seen, N_CHIPS, rng)
            spread = np.sqrt(noise_power / 2)
            chips += spread * (rng.standard_normal(N_CHIPS) + 1j * rng.standard_normal(N_CHIPS))
            # Scaled back to the scalar: rounds of equal noise weigh the same.
            total += scheme.decode(chips, n_seen, sent.rx_amplitude).value
        return total

    with_, without = (np.array([score(s) for _ in range(N_RUNS)]) for s in scalars)
    return told_apart(with_, without, confidence=CONFIDENCE)


CASES = [
    *((name, TrustModel.LOCAL) for name in scheme_names()),
    ("coherent", TrustModel.SERVER_SEES_SUM),
    ("coherent", TrustModel.CHANNEL_NOISE_TRUSTED),
]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme_name", "trust"), CASES)
@pytest.mark.parametrize("shrink", [1.0, 2.0])
def test_every_scheme_keeps_its_promise_and_the_audit_would_have_seen_if_not(
    tmp_path: Path, scheme_name: str, trust: TrustModel, shrink: float
) -> None:
    receiver = ReceiverNoise(1e-3, N_CHIPS) if trust is TrustModel.CHANNEL_NOISE_TRUSTED else None
    promised = promise(trust, N_ROUNDS)
    rounds = private_rounds(promised, tmp_path, receiver=receiver, n_nodes=N_CLIENTS)
    limit = promised.scalar_limit
    found = audited(rounds, scheme_name, (limit, -limit), shrink, seed=7)
    if shrink > 1:
        assert found.mu > promised.mu_budget()
    else:
        assert found.mu <= promised.mu_budget()
        # It is no empty claim either: something can be told.
        assert found.mu > 0.4 * promised.mu_budget()


@pytest.mark.slow
@pytest.mark.parametrize("shrink", [1.0, 8.0])
def test_poisson_batches_of_records(tmp_path: Path, shrink: float) -> None:
    """Record level: one example of slope far beyond the clip is in the data or not.

    Of an adversary that does not know which batches it is in; a weak one, hence the eighth.
    """
    rate, n_others, n_runs = 0.2, 3, 3000
    promised = promise(TrustModel.LOCAL, N_ROUNDS, RECORD, rate, epsilon=2.0)
    rounds = private_rounds(promised, tmp_path, n_nodes=1)
    quotes = [admitted(rounds, index, plan(n_nodes=1))[1] for index in range(N_ROUNDS)]
    rng, noise = np.random.default_rng(3), SeededNoise(4, shrink)
    gamma, divisor = promised.scalar_limit, promised.batch_divisor
    std, step = promised.burst_noise_std(), gamma / divisor

    def seen(payload: NoisyPayload, is_there: bool) -> float:
        slopes = np.array([*np.zeros(n_others), *([1e9] if is_there else [])])
        drawn = slopes[rng.random(len(slopes)) < rate]
        noisy = replace(payload, source=noise)
        (symbol,) = noisy.symbols(clipped_mean(np.array([drawn]), gamma, divisor).tolist())
        return payload.inner.mean_scalar(symbol, 1)

    def score(is_there: bool) -> float:
        values = np.array([seen(one, is_there) for one in quotes])
        # The likelihood ratio of "in with chance q" against "out".
        ratios = (2 * values * step - step**2) / (2 * (std / shrink) ** 2)
        return float(np.sum(np.log1p(rate * np.expm1(ratios))))

    with_, without = (np.array([score(there) for _ in range(n_runs)]) for there in (True, False))
    bound = epsilon_lower_bound(with_, without, DELTA, CONFIDENCE)
    assert (bound > promised.epsilon) is (shrink > 1)


def _plus_amplitude(chips: NDArray[np.complex128]) -> float:
    return float(np.sqrt(np.mean(np.abs(chips[: len(chips) // 2]) ** 2)))


def _sum_of_symbols(chips: NDArray[np.complex128]) -> float:
    return load_scheme("coherent").decode(chips, 1, 1.0).value


BEHIND_THE_OTHERS = {
    "coherent amplitudes": (AnalogPayload, "coherent", _sum_of_symbols),
    "coherent signs": (lambda largest: SignPayload(), "coherent", _sum_of_symbols),
    "energies": (AnalogPayload, "energy-difference", _plus_amplitude),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", list(BEHIND_THE_OTHERS))
def test_only_coherent_amplitudes_hide_a_client_among_the_others_noise(
    tmp_path: Path, case: str
) -> None:
    """Others far below zero vote minus for certain, and leave the "+" energy empty.

    What is left of the one client near zero is then hidden by its own noise alone. So a
    claim that counts the noise of all holds for coherent amplitudes and for nothing else.
    """
    payload_of, scheme_name, statistic = BEHIND_THE_OTHERS[case]
    n_clients, n_rounds, n_runs, n_chips = 20, 3, 300, 4
    promised = replace(
        promise(TrustModel.SERVER_SEES_SUM, n_rounds, RECORD), epsilon=1.0, batch_divisor=16
    )
    rounds = private_rounds(promised, tmp_path, n_nodes=n_clients)
    rounds = replace(rounds, payload_of=payload_of)
    quotes = [admitted(rounds, index, plan(n_nodes=n_clients))[1] for index in range(n_rounds)]
    rng, scheme = np.random.default_rng(11), load_scheme(scheme_name)
    noise = SeededNoise(12)

    def score(scalar: float) -> float:
        total = 0.0
        for payload in quotes:
            noisy = replace(payload, source=noise)
            scalars = [scalar] + [-promised.scalar_limit] * (n_clients - 1)
            total += statistic(
                np.sum(
                    [
                        scheme.encode(noisy.symbols([value])[0], node, n_clients, n_chips, rng)
                        for node, value in enumerate(scalars)
                    ],
                    axis=0,
                )
            )
        return total

    half = promised.sensitivity / 2
    pilot = np.median([score(s) for _ in range(n_runs // 5) for s in (half, -half)])
    with_, without = (np.array([score(s) for _ in range(n_runs)]) for s in (half, -half))
    found = told_apart(with_, without, float(pilot), CONFIDENCE)
    assert (found.mu > promised.mu_budget()) is (case != "coherent amplitudes")


def gaussian_scores(mu: float, n_runs: int, seed: int) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(seed)
    return mu / 2 + rng.standard_normal(n_runs), -mu / 2 + rng.standard_normal(n_runs)


def test_the_bounds_near_the_truth_from_below() -> None:
    truth = gaussian_epsilon(1.0, DELTA)
    bounds = [epsilon_lower_bound(*gaussian_scores(1.0, n, 1), DELTA) for n in (200, 20_000)]
    assert bounds[0] < bounds[1] < truth
    assert bounds[1] > 0.4 * truth
    mus = [told_apart(*gaussian_scores(1.0, n, 1)).mu for n in (200, 20_000)]
    assert mus[0] < mus[1] < 1.0
    # Each rate is taken 1.96 standard errors of 0.0033 too low or high; the density there is 0.352.
    each = 0.00327 / 0.352
    assert mus[1] == pytest.approx(1.0 - 2 * 1.96 * each, abs=5 * np.sqrt(2) * each)


@pytest.mark.slow
def test_the_bounds_are_wrong_no_more_often_than_they_may_be() -> None:
    # At a threshold that attains the truth the bound may fail; here it must in 5 % at most.
    truth, n_trials = gaussian_epsilon(0.5, 0.0001), 300
    fails = sum(
        epsilon_lower_bound(*gaussian_scores(0.5, 400, seed), 0.0001) > truth
        for seed in range(n_trials)
    )
    assert fails <= 0.05 * n_trials + 3 * np.sqrt(0.05 * 0.95 * n_trials)
    fails = sum(told_apart(*gaussian_scores(0.5, 400, seed)).mu > 0.5 for seed in range(n_trials))
    assert fails <= 0.05 * n_trials + 3 * np.sqrt(0.05 * 0.95 * n_trials)


def test_each_rate_is_on_its_safe_side_as_often_as_stated() -> None:
    """Both intervals share the risk; Clopper and Pearson's are never too narrow."""
    n_trials, confidence, n_runs = 1500, 0.8, 60
    rng = np.random.default_rng(8)
    wrong = 0
    for _ in range(n_trials):
        scores = rng.random((2, n_runs)) - np.array([[0.3], [0.8]])  # above 0: 0.7 and 0.2
        found = told_apart(scores[0], scores[1], confidence=confidence)
        wrong += found.true_positives > 0.7 or found.false_positives < 0.2
    assert wrong <= 0.2 * n_trials + 4 * np.sqrt(0.2 * 0.8 * n_trials)
    assert wrong > 0.05 * n_trials  # and are not empty


def test_what_cannot_be_told_apart_gives_zero() -> None:
    assert epsilon_lower_bound(*gaussian_scores(0.0, 1000, 5), DELTA) == 0.0
    assert told_apart(*gaussian_scores(0.0, 1000, 5)).mu == 0.0


def test_mu_is_what_gaussian_privacy_allows() -> None:
    """Dong, Roth and Su: no test of two Gaussians that lie mu apart does better."""
    for mu, middle in ((0.4, 0.1), (2.0, -0.7)):
        rates = norm.sf(middle - mu / 2), norm.sf(middle + mu / 2)
        assert ToldApart(*rates).mu == pytest.approx(mu)
    assert ToldApart(0.3, 0.4).mu == 0.0


@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_a_rate_is_above_its_bound_as_often_as_stated(rate: float) -> None:
    n_trials, n_runs, confidence = 2000, 400, 0.9
    hits = np.random.default_rng(2).binomial(n_runs, rate, n_trials)
    wrong = np.mean([rate_lower_bound(int(n), n_runs, confidence) > rate for n in hits])
    assert 0.03 < wrong < 0.1 + 4 * np.sqrt(0.1 * 0.9 / n_trials)
