"""How fast a level changes is measured, and its interval holds where the series holds a fade."""

import math

import numpy as np
import pytest
from ota_calibration.measure.gain import RateOfChange, rate_of_change
from ota_calibration.measure.measurement import Measurement
from scipy.special import j0
from scipy.stats import binom

N_TRIALS, STEP_S, N_WAVES, SCATTERED, NOISE = 200, 0.08, 40, 0.2, 3e-4


def faded(n: int, doppler_hz: float, rng: np.random.Generator) -> RateOfChange:
    """Measure a path of one fixed and many scattered waves."""
    times_s = STEP_S * np.arange(n)
    angles, phases = rng.uniform(0, 2 * np.pi, (2, N_WAVES))
    turns = 2 * np.pi * doppler_hz * np.outer(times_s, np.cos(angles)) + phases
    waves = np.exp(1j * turns).sum(axis=1) * math.sqrt(SCATTERED / N_WAVES)
    levels = np.abs(1 + waves) + NOISE * rng.standard_normal(n)
    return rate_of_change(times_s.tolist(), levels.tolist(), [NOISE**2] * n)


@pytest.mark.parametrize("doppler_hz", [0.28, 2.8])  # coherent for 1 s and for 0.1 s
@pytest.mark.parametrize("n", [8, 24])
def test_the_rate_of_a_fade_is_held(n: int, doppler_hz: float) -> None:
    rng = np.random.default_rng(1)
    found = [faded(n, doppler_hz, rng) for _ in range(N_TRIALS)]
    # Half of the waves' power moves along the fixed one; its correlation is Clarke's.
    true = math.sqrt(SCATTERED * (1 - j0(2 * np.pi * doppler_hz * STEP_S))) / STEP_S
    # The median of a chi-square of 2 is 0.7 of its mean: few fades are in a short series.
    assert np.median([f.value for f in found]) == pytest.approx(true, rel=0.4)
    measured = [Measurement("x", f.value, f.std, "", "", n, f.freedom) for f in found]
    held = sum(abs(m.value - true) <= m.half_width() for m in measured)
    # Levels are no Gaussian process: 85 % instead of 95 %.
    assert held >= binom.ppf(1e-4, N_TRIALS, 0.85)


def test_noise_alone_is_no_change() -> None:
    rng = np.random.default_rng(2)
    found = [faded(8, 0.0, rng) for _ in range(N_TRIALS)]
    assert np.median([f.value for f in found]) < NOISE / STEP_S
    assert np.median([f.std for f in found]) < 2 * NOISE / STEP_S
