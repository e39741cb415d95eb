import math

import numpy as np
import pytest
from ota_calibration.privacy.gaussian_accountant import composed_mu, gaussian_epsilon, largest_mu
from ota_calibration.privacy.peak_snr import peak_snr
from ota_calibration.privacy.trust import (
    Protection,
    TrustModel,
    receiver_noise_std,
    round_mu,
)

from tests.ota_calibration.private import needed_client_noise_std


@pytest.mark.parametrize("seed", range(6))
def test_the_claimed_noise_is_what_the_sum_really_carries(seed: int) -> None:
    """Simulate the coherent sum and compare its spread with what each model claims."""
    rng = np.random.default_rng(seed)
    n_trials, n_clients, n_chips = 20_000, int(rng.integers(1, 7)), int(rng.integers(1, 9))
    scalar_limit, rx_amplitude = rng.uniform(0.5, 100), rng.uniform(0.05, 1.0)
    noise_power = rng.uniform(0.001, 1.0)
    stds = tuple((rng.uniform(0.1, 2.0, n_clients) * scalar_limit).tolist())
    receiver = receiver_noise_std(noise_power, rx_amplitude, scalar_limit, n_chips)

    own = rng.standard_normal((n_trials, n_clients)) * np.array(stds)
    shape = (n_trials, n_chips)
    thermal = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    thermal *= math.sqrt(noise_power / 2)
    chips = rx_amplitude * own.sum(axis=1, keepdims=True) / scalar_limit + thermal
    decoded = chips.real.mean(axis=1) * scalar_limit / rx_amplitude

    tolerance = 4 / math.sqrt(2 * n_trials)
    protection, shift = Protection(stds, receiver), 1.7
    seen = {
        TrustModel.CHANNEL_NOISE_TRUSTED: decoded,
        TrustModel.SERVER_SEES_SUM: own.sum(axis=1),
        TrustModel.LOCAL: own[:, int(np.argmin(stds))],
    }
    for trust, values in seen.items():
        claimed = shift / round_mu(trust, shift, protection)
        assert values.std() == pytest.approx(claimed, rel=tolerance)


def test_less_trust_never_costs_less() -> None:
    protection = Protection((3.0, 4.0), receiver_noise_std=2.0)
    costs = [round_mu(trust, 1.0, protection) for trust in TrustModel]
    assert [trust.value for trust in TrustModel] == [
        "channel-noise-trusted",
        "server-sees-sum",
        "local",
    ]
    assert costs == pytest.approx([1 / math.sqrt(29), 1 / 5, 1 / 3])


def test_without_noise_there_is_no_privacy_and_silence_is_free() -> None:
    bare = Protection((0.0, 1.0))
    assert round_mu(TrustModel.LOCAL, 1.0, bare) == math.inf
    assert round_mu(TrustModel.SERVER_SEES_SUM, 1.0, Protection((0.0,), 5.0)) == math.inf
    for trust in TrustModel:
        assert round_mu(trust, 1.0, Protection(())) == 0


def test_receiver_noise_alone_is_the_papers_rule() -> None:
    """mu^2 / 2 = 2 (c gamma / m)^2 with the noise of one real dimension."""
    scalar_limit, rx_amplitude, noise_power, n_chips = 100.0, 0.2, 0.03, 4
    receiver = receiver_noise_std(noise_power, rx_amplitude, scalar_limit, n_chips)
    protection = Protection((0.0,) * 5, receiver)
    mu = round_mu(TrustModel.CHANNEL_NOISE_TRUSTED, 2 * scalar_limit, protection)
    level = peak_snr(rx_amplitude, noise_power, n_chips)
    assert mu**2 / 2 == pytest.approx(2 * level)
    assert level == pytest.approx(n_chips * rx_amplitude**2 / (noise_power / 2))


def test_a_louder_node_than_planned_is_less_protected() -> None:
    plain, louder = (receiver_noise_std(0.1, 0.5, 10.0, 3, error) for error in (0.0, 0.25))
    assert plain / louder == pytest.approx(1.25)


@pytest.mark.parametrize("trust", list(TrustModel))
@pytest.mark.parametrize("n_clients", [1, 5, 20])
def test_the_noise_asked_for_ends_the_run_at_its_epsilon(trust: TrustModel, n_clients: int) -> None:
    epsilon, delta, n_rounds, shift = 8.0, 1e-5, 300, 2.0 / 64
    mu = largest_mu(epsilon, delta)
    std = needed_client_noise_std(trust, shift, mu, n_rounds, n_clients)
    per_round = round_mu(trust, shift, Protection((std,) * n_clients))
    spent = gaussian_epsilon(composed_mu(np.full(n_rounds, per_round)), delta)
    assert spent == pytest.approx(epsilon, rel=1e-9)
