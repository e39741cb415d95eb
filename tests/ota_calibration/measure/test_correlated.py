"""Intervals hold 95 % where observations are not independent; the series come from elsewhere."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from ota_calibration.measure.correlated import CorrelatedFit, correlated_mean, walking_slope
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.repeats import RepeatRule, series_mean
from scipy.signal import lfilter
from scipy.stats import binom

N_TRIALS = 200

LEAST_HELD = binom.ppf(1e-4, N_TRIALS, 0.95)
"""Of intervals that hold 95 %, fewer than these in 1 of 10,000 tests."""


def fading(n: int, coherence: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a stationary series whose correlation falls to 1/e, a fifth of it new each time."""
    pole = np.exp(-1 / coherence) if coherence else 0.0
    warm_up = int(20 * coherence) + 1
    driven = np.sqrt(1 - pole**2) * rng.standard_normal(n + warm_up)
    return np.asarray(lfilter([1], [1, -pole], driven)[warm_up:]) + 0.2 * rng.standard_normal(n)


def walking(n: int, step: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random walk with a deviation of 1 on each observation."""
    return np.asarray(step * np.cumsum(rng.standard_normal(n)) + rng.standard_normal(n))


def holds(fit: CorrelatedFit, truth: float) -> bool:
    measured = Measurement("x", fit.value, fit.std, "", "", 1, fit.freedom)
    return abs(fit.value - truth) <= measured.half_width()


def n_held(
    fit: Callable[[list[float], list[float]], CorrelatedFit],
    make: Callable[[np.random.Generator], NDArray[np.float64]],
    slope: float,
    level: float,
) -> int:
    rng, held = np.random.default_rng(3), 0
    truth = slope if fit is walking_slope else level
    for _ in range(N_TRIALS):
        noise = make(rng)
        times = 5.0 + 0.07 * (np.arange(len(noise)) + rng.uniform(-0.2, 0.2, len(noise)))
        values = level + slope * times + noise
        held += holds(fit(times.tolist(), values.tolist()), truth)
    return held


@pytest.mark.parametrize(("n", "coherence"), [(8, 0), (8, 3), (8, 8), (24, 0), (24, 8), (24, 48)])
def test_the_level_of_a_fading_path_is_held(n: int, coherence: float) -> None:
    held = n_held(correlated_mean, lambda rng: fading(n, coherence, rng), 0.0, -42.0)
    assert held >= LEAST_HELD


def faded_db(n: int, span: float, k_db: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the level of a Rician path of unit mean power: waves of Gaussian Doppler.

    Args:
        n: Observations.
        span: That they last, in times in which the waves' correlation falls to exp(-1/2).
        k_db: Of the direct wave over the scattered ones.
        rng: Draws 100 waves.
    """
    direct, time = 10 ** (k_db / 10), np.linspace(0, span, n)
    turn = rng.standard_normal(100) * time[:, None] + rng.uniform(0, 2 * np.pi, 100)
    scattered = np.exp(1j * turn).sum(axis=1) / 10
    path = np.sqrt(direct / (direct + 1)) + scattered / np.sqrt(direct + 1)
    return np.asarray(20 * np.log10(np.abs(path)) + 0.02 * rng.standard_normal(n))


@pytest.mark.parametrize(("n", "span"), [(14, 0.7), (24, 1.5), (24, 8.0)])
def test_the_level_of_a_path_that_fades_smoothly_is_held(n: int, span: float) -> None:
    """As on simulated airs: a coherence time of 1 s, and 24 sequences in less than two seconds.

    A level in decibels is not Gaussian, and its mean is half a decibel off the mean power's.
    """
    held = n_held(correlated_mean, lambda rng: faded_db(n, span, 7.0, rng), 0.0, -42.0)
    assert held >= binom.ppf(1e-4, N_TRIALS, 0.92)


@pytest.mark.parametrize("n", [8, 24])
@pytest.mark.parametrize("step", [0.0, 0.3, 1.0, 10.0])
def test_the_drift_of_an_offset_that_walks_is_held(n: int, step: float) -> None:
    assert n_held(walking_slope, lambda rng: walking(n, step, rng), 130.0, 4e3) >= LEAST_HELD


def test_the_interval_of_independent_observations_misses_the_path_but_not_its_level_now() -> None:
    rng, rule = np.random.default_rng(4), RepeatRule(n_first=8, n_most=24)
    now = path = 0
    for _ in range(N_TRIALS):
        fade = fading(24, 24, rng)
        seen = fade + 0.1 * rng.standard_normal(24)
        n = rule.n_needed(seen[:8].tolist(), 0.5)
        mean = series_mean(seen[:n].tolist(), 8)
        half = Measurement("x", mean.value, mean.std, "", "", n, mean.freedom).half_width()
        now += abs(mean.value - fade[:n].mean()) <= half
        path += abs(mean.value) <= half
    assert now >= LEAST_HELD
    assert path < N_TRIALS / 2


def test_a_series_that_does_not_move_is_known_and_units_do_not_matter() -> None:
    still = correlated_mean([0.0, 1.0, 2.0, 3.0], [7.0] * 4)
    assert (still.value, still.std) == (pytest.approx(7.0), 0.0)
    rng = np.random.default_rng(5)
    times, values = np.arange(9.0), fading(9, 3, rng)
    one = walking_slope(times.tolist(), values.tolist())
    other = walking_slope((1e-3 * times + 99).tolist(), (1e6 * values - 1e7).tolist())
    assert other.value == pytest.approx(1e9 * one.value)
    assert other.std == pytest.approx(1e9 * one.std)
