"""Processes of scattered gains against their formulas, over many independent paths.

A mean over N paths of a quantity with standard deviation s is within 4 s / sqrt(N) of its
expectation, but for one draw in 16,000. ``g(t) conj(g(0))`` has |.|^2 of mean at most 2,
so 4 sqrt(2 / N) bounds the error of a correlation.
"""

import itertools
import math
from typing import get_args

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from scipy.special import j0

from sdr_ota.air.impairments import Gains, doppler_of_coherence
from sdr_ota.air.presets import FadingSpectrum
from sdr_ota.air.scattering import draw_scattering

N = 20_000
RATE_HZ = 1e6
TOLERANCE = 4 * math.sqrt(2 / N)
SPECTRA: tuple[FadingSpectrum, ...] = get_args(FadingSpectrum)


def gains_at(
    spectrum: FadingSpectrum, times_s: list[float], coherence_s: float, n_paths: int = N
) -> list[Gains]:
    process = draw_scattering(spectrum, n_paths, coherence_s, np.random.default_rng(5))
    return [process.at(round(time_s * RATE_HZ), RATE_HZ) for time_s in times_s]


@pytest.mark.parametrize("coherence_s", [0.05, 1.0, 7.0])
def test_the_coherence_time_is_where_the_correlation_is_1_over_e(coherence_s: float) -> None:
    doppler_hz = doppler_of_coherence(coherence_s)
    root = brentq(lambda x: j0(x) - math.exp(-1), 0.0, 2.4, xtol=1e-14)
    assert doppler_hz == pytest.approx(root / (2 * math.pi * coherence_s), rel=1e-12)
    assert doppler_of_coherence(math.inf) == 0.0


@pytest.mark.parametrize("coherence_s", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_coherence_times_out_of_range_are_refused(
    spectrum: FadingSpectrum, coherence_s: float
) -> None:
    with pytest.raises(ValueError, match="coherence_time_s > 0"):
        gains_at(spectrum, [0.0, 0.1], coherence_s, 3)


def test_an_unknown_spectrum_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'bell' is unknown; use one of jakes, gauss-markov"):
        gains_at("bell", [0.0], 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("coherence_s", [0.05, 1.0])
def test_jakes_correlates_as_a_bessel_function(coherence_s: float) -> None:
    lags = [0.02, 0.1, 0.5, 1.0, 1.4, 2.2, 4.0, 9.0]  # in coherence times: past two zeros of J0
    origin, *later = gains_at("jakes", [0.3, *(0.3 + d * coherence_s for d in lags)], coherence_s)
    for lag, gains in zip(lags, later, strict=True):
        expected = j0(2 * math.pi * doppler_of_coherence(coherence_s) * lag * coherence_s)
        assert abs(np.mean(gains * origin.conj()) - expected) < TOLERANCE
        assert abs(np.mean(gains * origin)) < TOLERANCE


@pytest.mark.parametrize("lag_s", [0.1, 1.0, 3.0])
def test_gauss_markov_correlates_exponentially(lag_s: float) -> None:
    origin, later = gains_at("gauss-markov", [0.3, 0.3 + lag_s], 1.0)
    assert abs(np.mean(later * origin.conj()) - math.exp(-lag_s)) < TOLERANCE


def test_jakes_moves_away_with_the_square_of_a_short_time() -> None:
    origin, *later = gains_at("jakes", [2.0, 2.005, 2.01, 2.02], 1.0)
    moved = [np.abs(gains - origin) ** 2 for gains in later]
    for elapsed_s, squares in zip((0.005, 0.01, 0.02), moved, strict=True):
        expected = 2 * (1 - j0(2 * math.pi * doppler_of_coherence(1.0) * elapsed_s))
        spread = np.std(squares) / math.sqrt(N)
        assert np.mean(squares) == pytest.approx(expected, abs=4 * spread)
    for one, twice in itertools.pairwise(moved):
        assert np.mean(twice) / np.mean(one) == pytest.approx(4.0, rel=1e-3)


def test_gauss_markov_moves_away_with_a_short_time_itself() -> None:
    origin, near = gains_at("gauss-markov", [2.0, 2.01], 1.0)
    expected = 2 * (1 - math.exp(-0.01))
    assert np.mean(np.abs(near - origin) ** 2) == pytest.approx(expected, rel=4 / math.sqrt(N))


@pytest.mark.parametrize("time_s", [0.0, 0.7, 1e6])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_powers_are_exponential_of_mean_1(spectrum: FadingSpectrum, time_s: float) -> None:
    (gains,) = gains_at(spectrum, [time_s], 1.0)
    powers = np.abs(gains) ** 2
    assert np.mean(powers) == pytest.approx(1.0, abs=4 / math.sqrt(N))
    # 32 waves make a fourth moment of 2 - 1/32 (powers squared: standard deviation sqrt(20)).
    assert np.mean(powers**2) == pytest.approx(2.0, abs=1 / 32 + 4 * math.sqrt(20 / N))
    # That moment puts the distribution off by c max|x (x - 2) exp(-x)| with c = 1/128.
    assert stats.kstest(powers, "expon").statistic < 0.0036 + stats.kstwobign.isf(1e-4) / math.sqrt(
        N
    )
    assert abs(np.mean(gains**2)) < 4 * math.sqrt(2 / N)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_an_infinite_coherence_time_keeps_the_gains(spectrum: FadingSpectrum) -> None:
    before, after = gains_at(spectrum, [0.0, 1e5], math.inf, 30)
    np.testing.assert_array_equal(after, before)


def test_jakes_is_a_function_of_time() -> None:
    process = draw_scattering("jakes", 20, 1.0, np.random.default_rng(1))
    late, early = process.at(5_000_000, RATE_HZ), process.at(10, RATE_HZ)
    for tick in range(0, 5_000_000, 700_000):
        process.at(tick, RATE_HZ)
    np.testing.assert_array_equal(process.at(5_000_000, RATE_HZ), late)
    np.testing.assert_array_equal(process.at(10, RATE_HZ), early)


def test_no_frequency_of_jakes_lies_beyond_the_doppler_shift() -> None:
    step_s, n_steps = 0.05, 4096
    process = draw_scattering("jakes", 8, 1.0, np.random.default_rng(2))
    gains = np.array([process.at(round(n * step_s * RATE_HZ), RATE_HZ) for n in range(n_steps)])
    spectrum = np.abs(np.fft.fft(gains * np.blackman(n_steps)[:, None], axis=0)) ** 2
    beyond = np.abs(np.fft.fftfreq(n_steps, step_s)) > doppler_of_coherence(1.0) + 3 / (
        n_steps * step_s
    )
    assert spectrum[beyond].sum() < 1e-5 * spectrum.sum()  # side lobes of the window: -58 dB


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_a_process_goes_on_from_a_snapshot(spectrum: FadingSpectrum) -> None:
    rng, other_rng = np.random.default_rng(1), np.random.default_rng(2)
    process, other = (draw_scattering(spectrum, 5, 1.0, r) for r in (rng, other_rng))
    process.at(300_000, RATE_HZ)
    other.restore(process.snapshot())
    other_rng.bit_generator.state = rng.bit_generator.state
    for tick in (400_000, 900_000):
        np.testing.assert_array_equal(other.at(tick, RATE_HZ), process.at(tick, RATE_HZ))


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(
    "state",
    [None, "x", 3, [1], np.zeros(5), {}, {"seed": -1}, {"seed": 0.5}, {"seed": math.inf},
     {"seed": True}, {"seed": 2**64}, {"seed": "7"}, {"seed": np.zeros(2)}, {"gains": "x"},
     {"gains": np.zeros(4, complex), "last_tick": 0}, {"gains": np.zeros(5), "last_tick": {}},
     {"gains": np.zeros(5), "last_tick": math.inf}],
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(spectrum: FadingSpectrum, state: object) -> None:
    process = draw_scattering(spectrum, 5, 1.0, np.random.default_rng(1))
    with pytest.raises((KeyError, TypeError, ValueError)):
        process.restore(state)  # type: ignore[arg-type]
