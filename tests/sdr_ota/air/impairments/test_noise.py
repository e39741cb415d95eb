import math

import numpy as np
import pytest
from scipy import stats

from sdr_ota.air.impairments import (
    NoiseBurst,
    ToneBurst,
    add_awgn,
    add_noise_burst,
    add_tone_burst,
    awgn,
)

RATE_HZ = 1e6


@pytest.mark.parametrize("noise_power", [1e-6, 0.3, 4.0])
def test_noise_power_is_the_total_of_both_branches(noise_power: float) -> None:
    n = 100_000
    noise = awgn(n, noise_power, np.random.default_rng(1)).astype(complex)
    # |n|^2 is exponential, a squared branch chi-square with one degree of freedom.
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(noise_power, rel=4 / math.sqrt(n))
    for branch in (noise.real, noise.imag):
        assert np.mean(branch**2) == pytest.approx(noise_power / 2, rel=4 * math.sqrt(2 / n))
        assert stats.kstest(branch / math.sqrt(noise_power / 2), "norm").pvalue > 1e-4


def test_noise_is_white_and_circular() -> None:
    n = 100_000
    noise = awgn(n, 1.0, np.random.default_rng(2)).astype(complex)
    assert abs(np.mean(noise**2)) < 4 * math.sqrt(2 / n)
    for lag in (1, 2, 17):
        assert abs(np.mean(noise[lag:] * noise[:-lag].conj())) < 4 / math.sqrt(n - lag)


def test_added_noise_is_the_drawn_noise() -> None:
    samples = awgn(1000, 1.0, np.random.default_rng(3))
    noisy = add_awgn(samples, 0.5, np.random.default_rng(4))
    np.testing.assert_allclose(
        noisy, samples + awgn(1000, 0.5, np.random.default_rng(4)), atol=1e-6
    )


def test_zero_noise_is_none_and_negative_is_refused() -> None:
    rng = np.random.default_rng(5)
    assert not awgn(10, 0.0, rng).any()
    with pytest.raises(ValueError, match="noise_power = -1"):
        awgn(10, -1.0, rng)


@pytest.mark.parametrize(
    ("start", "length", "first", "last"),
    [(100, 200, 100, 300), (-50, 80, 0, 30), (950, 500, 950, 1000), (-10, 2000, 0, 1000)],
)
@pytest.mark.parametrize("kind", ["noise", "tone"])
def test_burst_hits_only_where_it_overlaps(
    start: int, length: int, first: int, last: int, kind: str
) -> None:
    silence = np.zeros(1000, np.complex64)
    if kind == "noise":
        burst = NoiseBurst(start, length, 0.2)
        disturbed = add_noise_burst(silence, burst, np.random.default_rng(6))
    else:
        disturbed = add_tone_burst(silence, ToneBurst(start, length, 0.2, 1e4), RATE_HZ)
    hit = np.flatnonzero(disturbed)
    assert (hit[0], hit[-1] + 1, hit.size) == (first, last, last - first)


@pytest.mark.parametrize(("start", "length"), [(1000, 10), (-10, 10), (2000, 5), (5, 0)])
def test_burst_beside_the_capture_changes_nothing(start: int, length: int) -> None:
    samples = awgn(1000, 1.0, np.random.default_rng(7))
    rng = np.random.default_rng(8)
    np.testing.assert_array_equal(
        add_noise_burst(samples, NoiseBurst(start, length, 1.0), rng), samples
    )
    np.testing.assert_array_equal(
        add_tone_burst(samples, ToneBurst(start, length, 1.0, 1e3), RATE_HZ), samples
    )


@pytest.mark.parametrize("power", [0.01, 2.0])
def test_noise_burst_has_its_power(power: float) -> None:
    n = 50_000
    burst = NoiseBurst(0, n, power)
    disturbed = add_noise_burst(np.zeros(n, np.complex64), burst, np.random.default_rng(9))
    assert np.mean(np.abs(disturbed) ** 2) == pytest.approx(power, rel=4 / math.sqrt(n))


@pytest.mark.parametrize("power", [0.01, 2.0])
@pytest.mark.parametrize(("frequency_hz", "phase_rad"), [(-2e5, 0.0), (12_345.0, 1.2)])
def test_tone_burst_is_the_stated_tone(power: float, frequency_hz: float, phase_rad: float) -> None:
    burst = ToneBurst(300, 400, power, frequency_hz, phase_rad)
    disturbed = add_tone_burst(np.zeros(1000, np.complex64), burst, RATE_HZ)
    n = np.arange(300, 700)
    expected = math.sqrt(power) * np.exp(1j * (2 * np.pi * frequency_hz * n / RATE_HZ + phase_rad))
    np.testing.assert_allclose(disturbed[300:700], expected, atol=2e-6 * math.sqrt(power))
