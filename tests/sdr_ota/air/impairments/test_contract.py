"""What every model promises: new complex64 samples, and an input left as it was."""

from collections.abc import Callable

import numpy as np
import pytest

from sdr_ota.air import impairments as imp
from sdr_ota.types import Samples

RATE_HZ = 1e6
PROFILE = imp.delay_profile("EPA")


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


MODELS: dict[str, Callable[[Samples], Samples]] = {
    "gain": lambda x: imp.apply_gain(x, 0.3 - 0.2j),
    "gain step": lambda x: imp.apply_gain_step(x, 100),
    "whole delay": lambda x: imp.fractional_delay(x, 7).samples,
    "fractional delay": lambda x: imp.fractional_delay(x, 7.3).samples,
    "clock error": lambda x: imp.resample_by_ppm(x, 20.0, 1.5).samples,
    "cfo": lambda x: imp.apply_cfo(x, 1234.5, RATE_HZ, 77, 0.1),
    "drift": lambda x: imp.apply_frequency_drift(x, 40.0, RATE_HZ, 10**9),
    "phase noise": lambda x: imp.apply_phase_noise(x, 10.0, RATE_HZ, 0.0, rng())[0],
    "multipath": lambda x: (
        imp.apply_multipath(x, PROFILE, imp.draw_scatter(7, rng()), RATE_HZ).samples
    ),
    "iq": lambda x: imp.apply_iq_imbalance(x, 0.5, 2.0),
    "dc": lambda x: imp.apply_dc_offset(x, -40.0),
    "pa": lambda x: imp.apply_pa_compression(x, 0.0),
    "quantise": lambda x: imp.quantise(x, 8),
    "awgn": lambda x: imp.add_awgn(x, 0.1, rng()),
    "noise burst": lambda x: imp.add_noise_burst(x, imp.NoiseBurst(10, 50, 1.0), rng()),
    "tone burst": lambda x: imp.add_tone_burst(x, imp.ToneBurst(10, 50, 1.0, 1e5), RATE_HZ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_samples", [1, 255, 256, 2049])
def test_model_returns_new_complex64_and_leaves_input(name: str, n_samples: int) -> None:
    samples = imp.awgn(n_samples, 0.1, rng())
    before = samples.copy()
    samples.flags.writeable = False
    result = MODELS[name](samples)
    assert result.dtype == np.complex64
    assert not np.shares_memory(result, samples)
    np.testing.assert_array_equal(samples, before)
    assert np.all(np.isfinite(result))


@pytest.mark.parametrize("name", MODELS)
def test_model_accepts_a_strided_view(name: str) -> None:
    samples = imp.awgn(600, 0.1, rng())
    np.testing.assert_allclose(
        MODELS[name](samples[::2]), MODELS[name](samples[::2].copy()), atol=1e-7
    )
