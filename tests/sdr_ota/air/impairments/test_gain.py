import cmath

import numpy as np
import pytest

from sdr_ota.air.impairments import apply_gain, apply_gain_step, awgn


def test_gain_is_a_complex_factor() -> None:
    samples = awgn(100, 1.0, np.random.default_rng(1))
    gain = cmath.rect(0.25, 1.1)
    np.testing.assert_allclose(apply_gain(samples, gain), samples * gain, rtol=1e-6)


@pytest.mark.parametrize("step_sample", [-5, 0, 1, 57, 99, 100, 1000])
@pytest.mark.parametrize(("step_db", "jump_deg"), [(1.0, 177.0), (-6.0, 30.0)])
def test_gain_step_changes_only_what_follows(
    step_sample: int, step_db: float, jump_deg: float
) -> None:
    samples = awgn(100, 1.0, np.random.default_rng(2))
    stepped = apply_gain_step(samples, step_sample, step_db, jump_deg)
    factor = 10 ** (step_db / 20) * np.exp(1j * np.deg2rad(jump_deg))
    after = np.arange(100) >= step_sample
    np.testing.assert_array_equal(stepped[~after], samples[~after])
    np.testing.assert_allclose(stepped[after], samples[after] * factor, rtol=1e-5)


def test_default_step_is_the_measured_one() -> None:
    ones = np.ones(2, np.complex64)
    before, after = apply_gain_step(ones, 1)
    assert abs(after / before) == pytest.approx(10 ** (1 / 20), rel=1e-6)
    assert np.rad2deg(np.angle(after / before)) == pytest.approx(177.0, abs=1e-4)
