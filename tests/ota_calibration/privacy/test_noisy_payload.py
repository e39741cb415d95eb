"""A scalar is clipped first, then hidden; what follows only ever sees the noisy one."""

import math

import numpy as np
import pytest
from ota_calibration.privacy.noisy_payload import NoisyPayload
from scipy.special import ndtr

from sdr_ota.signal.modulation import AnalogPayload, SignPayload
from tests.ota_calibration.private import SeededNoise

N_TRIALS = 4000


@pytest.mark.parametrize("scalar", [0.0, 1.0, -3.0, 50.0])
@pytest.mark.parametrize("client_noise_std", [0.5, 3.0])
def test_a_sign_is_wrong_as_often_as_the_noise_passes_the_clipped_scalar(
    scalar: float, client_noise_std: float
) -> None:
    limit = 2.0
    payload = NoisyPayload(SignPayload(), limit, client_noise_std, SeededNoise(2))
    share = np.mean([payload.symbols([scalar])[0] > 0 for _ in range(N_TRIALS)])
    expected = float(ndtr(np.clip(scalar, -limit, limit) / client_noise_std))
    spread = math.sqrt(expected * (1 - expected) / N_TRIALS)
    assert share == pytest.approx(expected, abs=5 * spread + 1e-3)


@pytest.mark.parametrize("n_active", [1, 4])
def test_the_mean_of_noisy_scalars_comes_back_through_the_wider_range(n_active: int) -> None:
    """The range of a symbol has room for the noise; the broadcast mean is unbiased."""
    rng, limit, std = np.random.default_rng(3), 2.0, 0.7
    payload = NoisyPayload(AnalogPayload(limit + 4 * std), limit, std, SeededNoise(4))
    scalars = rng.uniform(-limit, limit, n_active)
    sums = [sum(payload.symbols([s])[0] for s in scalars) for _ in range(N_TRIALS)]
    means = np.array([payload.mean_scalar(total, n_active) for total in sums])
    expected_std = std / math.sqrt(n_active)
    assert means.mean() == pytest.approx(scalars.mean(), abs=5 * expected_std / N_TRIALS**0.5)
    assert means.std() == pytest.approx(expected_std, rel=5 / math.sqrt(2 * N_TRIALS))


def test_a_scalar_that_is_no_number_counts_as_0_and_an_infinite_one_is_clipped() -> None:
    """An exception would end the run, and tell that the data hold such a scalar."""
    payload = NoisyPayload(AnalogPayload(1.0), 1.0, 0.0)
    assert payload.symbols([math.nan]) == (0.0,)
    assert payload.symbols([-math.inf]) == (-1.0,)
    assert payload.symbols([math.nan, 0.6, math.inf]) == pytest.approx((0.0, 0.0, 1.0))
    signs = NoisyPayload(SignPayload(), 1.0, 0.0)
    assert signs.symbols([math.nan, -math.inf]) == (0.0, -1.0)
    noisy = NoisyPayload(AnalogPayload(1.0), 1.0, 0.3, SeededNoise(1))
    spread = np.std([noisy.symbols([math.nan])[0] for _ in range(N_TRIALS)])
    assert spread == pytest.approx(0.3, rel=5 / math.sqrt(2 * N_TRIALS))
