"""Stein's procedure keeps its word whatever the variance; a drift is not noise."""

import numpy as np
import pytest
from ota_calibration.measure.measurement import Measurement
from ota_calibration.measure.repeats import RepeatRule, residual_mean, series_mean
from scipy.stats import binom

N_TRIALS = 2000


@pytest.mark.parametrize("std", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("half_width", [0.5, 1.5])
def test_intervals_hold_and_are_as_narrow_as_asked(std: float, half_width: float) -> None:
    rng, rule = np.random.default_rng(1), RepeatRule(n_first=8, n_most=100_000)
    missed, lengths = 0, []
    for _ in range(N_TRIALS):
        observations = list(std * rng.standard_normal(8))
        n = rule.n_needed(observations, half_width)
        observations += list(std * rng.standard_normal(n - 8))
        mean = series_mean(observations, 8)
        measured = Measurement("x", mean.value, mean.std, "", "", n, mean.freedom)
        assert measured.half_width() <= half_width * (1 + 1e-9)
        missed += abs(mean.value) > measured.half_width()
        lengths.append(n)
    low, high = binom.ppf([1e-4, 1 - 1e-4], N_TRIALS, 0.05)
    assert low <= missed <= high
    # Expected length: (t s / d)^2, with E[s^2] = std^2, where that is well above the first stage.
    wanted = (2.3646 * std / half_width) ** 2
    if wanted > 30:
        spread = 4 * wanted * np.sqrt(2 / 7 / N_TRIALS)
        assert np.mean(lengths) == pytest.approx(wanted + 0.5, abs=spread)


def test_the_bound_holds() -> None:
    rule = RepeatRule(n_first=8, n_most=20)
    assert rule.n_needed([0.0, 1.0] * 4, 1e-3) == 20
    assert rule.n_needed([1.0] * 8, 1e-3) == 8


@pytest.mark.parametrize("slope", [0.0, 50.0])
def test_a_drift_does_not_widen_the_interval_and_intervals_hold(slope: float) -> None:
    rng = np.random.default_rng(2)
    times = np.arange(12) * 0.1
    missed = 0
    for _ in range(N_TRIALS):
        observations = slope * (times - times.mean()) + rng.standard_normal(12)
        mean = residual_mean(list(times), list(observations), 8)
        measured = Measurement("x", mean.value, mean.std, "", "", 12, mean.freedom)
        missed += abs(mean.value) > measured.half_width()
    low, high = binom.ppf([1e-4, 1 - 1e-4], N_TRIALS, 0.05)
    assert low <= missed <= high


def test_the_scatter_about_a_line_has_two_degrees_less_than_observations() -> None:
    times_s, n_first = np.arange(12.0), 8
    observations = 3.0 - 0.2 * times_s + np.tile([0.1, -0.1, -0.3, 0.2], 3)
    found = residual_mean(times_s.tolist(), observations.tolist(), n_first)
    design = np.stack([np.ones(n_first), times_s[:n_first]], axis=1)
    _, (squares,), rank, _ = np.linalg.lstsq(design, observations[:n_first], rcond=None)
    assert found.freedom == n_first - rank == 6
    assert found.std**2 == pytest.approx(squares / 6 / 12)
    assert found.value == pytest.approx(observations.mean())
