import math

import numpy as np
import pytest

from sdr_ota.air.impairments import advance_scatter, draw_scatter, rician_gains

N = 40_000


def test_scatter_is_circular_gaussian_of_unit_power() -> None:
    scatter = draw_scatter(N, np.random.default_rng(1))
    # |g|^2 is exponential: standard deviation 1.
    assert np.mean(np.abs(scatter) ** 2) == pytest.approx(1.0, abs=4 / math.sqrt(N))
    assert abs(np.mean(scatter**2)) < 4 * math.sqrt(2 / N)
    assert np.mean(np.abs(scatter) ** 4) == pytest.approx(2.0, abs=4 * math.sqrt(20 / N))


@pytest.mark.parametrize(("elapsed_s", "coherence_s"), [(0.1, 1.0), (1.0, 1.0), (0.02, 0.05)])
def test_correlation_falls_exponentially_and_power_stays(
    elapsed_s: float, coherence_s: float
) -> None:
    rng = np.random.default_rng(2)
    before = draw_scatter(N, rng)
    after = advance_scatter(before, elapsed_s, coherence_s, rng)
    correlation = np.mean(after * before.conj())
    assert abs(correlation - math.exp(-elapsed_s / coherence_s)) < 4 * math.sqrt(2 / N)
    assert np.mean(np.abs(after) ** 2) == pytest.approx(1.0, abs=4 / math.sqrt(N))


def test_many_small_steps_are_one_large_step() -> None:
    rng = np.random.default_rng(3)
    before = draw_scatter(N, rng)
    after = before
    for _ in range(20):
        after = advance_scatter(after, 0.05, 2.0, rng)
    assert abs(np.mean(after * before.conj()) - math.exp(-0.5)) < 4 * math.sqrt(2 / N)


def test_infinite_coherence_time_keeps_the_gains() -> None:
    rng = np.random.default_rng(4)
    scatter = draw_scatter(10, rng)
    np.testing.assert_array_equal(advance_scatter(scatter, 5.0, math.inf, rng), scatter)


@pytest.mark.parametrize(("elapsed_s", "coherence_s"), [(-1.0, 1.0), (1.0, 0.0), (1.0, -1.0)])
def test_times_out_of_range_are_refused(elapsed_s: float, coherence_s: float) -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match="coherence_time_s > 0"):
        advance_scatter(draw_scatter(1, rng), elapsed_s, coherence_s, rng)


@pytest.mark.parametrize("rician_k_db", [-math.inf, -10.0, 0.0, 7.0, 20.0])
def test_rician_moments(rician_k_db: float) -> None:
    gains = rician_gains(draw_scatter(N, np.random.default_rng(6)), rician_k_db)
    k = 10 ** (rician_k_db / 10)
    powers = np.abs(gains) ** 2
    fourth = (k**2 + 4 * k + 2) / (k + 1) ** 2
    spread = math.sqrt(fourth - 1)
    assert np.mean(powers) == pytest.approx(1.0, abs=4 * spread / math.sqrt(N))
    assert np.std(powers) == pytest.approx(spread, rel=12 / math.sqrt(N))
    fixed = math.sqrt(k / (k + 1))
    assert abs(np.mean(gains) - fixed) < 4 / math.sqrt((k + 1) * N)


def test_infinite_k_is_no_fading() -> None:
    scatter = draw_scatter(5, np.random.default_rng(7))
    np.testing.assert_array_equal(rician_gains(scatter, math.inf), np.ones(5))
