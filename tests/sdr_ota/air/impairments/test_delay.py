import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.air.impairments import (
    DELAY_ERROR,
    MAX_CLOCK_ERROR_PPM,
    RESAMPLING_ERROR,
    PlacedSamples,
    apply_cfo,
    awgn,
    cfo_of_clock_error,
    convolve_paths,
    fractional_delay,
    resample_by_ppm,
)
from sdr_ota.types import Samples

# Rounding of inputs, kernel and 32 products to single precision.
SINGLE = 2e-6


def tone(cycles_per_sample: float, n_samples: int) -> Samples:
    return np.exp(2j * np.pi * cycles_per_sample * np.arange(n_samples)).astype(np.complex64)


def tone_error(
    placed: PlacedSamples, cycles: float, positions: NDArray[np.float64], n: int
) -> float:
    """Largest deviation from the tone at ``positions``, away from the burst's edges."""
    inside = (positions > 16) & (positions < n - 17)
    assert inside.sum() > n // 2
    expected = np.exp(2j * np.pi * cycles * positions)
    return float(np.abs(placed.samples - expected)[inside].max())


def ticks_of(placed: PlacedSamples) -> NDArray[np.int64]:
    return placed.first_tick + np.arange(placed.samples.size)


def on_axis(placed: PlacedSamples, first: int, last: int) -> Samples:
    axis = np.zeros(last - first, np.complex64)
    start = placed.first_tick - first
    axis[start : start + placed.samples.size] += placed.samples
    return axis


@pytest.mark.parametrize("delay", [-3.999, -0.5, 0.001, 0.25, 0.5, 7.75, 12345.678])
@pytest.mark.parametrize("cycles", [-0.4, -0.2, 0.0, 0.01, 0.33, 0.4])
def test_delayed_tone_is_within_the_stated_error(delay: float, cycles: float) -> None:
    n = 200
    placed = fractional_delay(tone(cycles, n), delay)
    positions = ticks_of(placed) - delay
    assert tone_error(placed, cycles, positions, n) < DELAY_ERROR + SINGLE


def test_stated_delay_error_is_reached_within_a_factor_of_two() -> None:
    worst = max(
        tone_error(placed, cycles, ticks_of(placed) - delay, 100)
        for delay in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
        # The error ripples over frequency and is largest towards the band edge.
        for cycles in np.concatenate([np.linspace(-0.4, 0.38, 40), np.linspace(0.38, 0.4, 40)])
        for placed in [fractional_delay(tone(cycles, 100), delay)]
    )
    assert DELAY_ERROR / 2 < worst < DELAY_ERROR + SINGLE


@pytest.mark.parametrize("delay", [-4, 0, 3, 10**9])
def test_whole_delay_moves_only_the_origin(delay: int) -> None:
    samples = awgn(50, 1.0, np.random.default_rng(3))
    placed = fractional_delay(samples, float(delay))
    assert placed.first_tick == delay
    np.testing.assert_array_equal(placed.samples, samples)


@pytest.mark.parametrize("delay", [0.3, 5.5, -2.2])
def test_whole_part_of_a_delay_moves_only_the_origin(delay: float) -> None:
    samples = awgn(50, 1.0, np.random.default_rng(3))
    near, far = fractional_delay(samples, delay), fractional_delay(samples, delay + 1000.0)
    assert far.first_tick == near.first_tick + 1000
    np.testing.assert_allclose(far.samples, near.samples, atol=1e-5)
    assert near.samples.size == samples.size + 31


def test_delays_add() -> None:
    # A smooth burst, since edges fill the band beyond 0.4 where no error is promised.
    n = 400
    samples = tone(0.1, n) * np.hanning(n).astype(np.complex64)
    first = fractional_delay(samples, 2.3)
    twice = fractional_delay(first.samples, 4.4)
    twice = PlacedSamples(twice.samples, twice.first_tick + first.first_tick)
    once = fractional_delay(samples, 6.7)
    difference = on_axis(twice, -50, 600) - on_axis(once, -50, 600)
    assert np.abs(difference).max() < 3 * DELAY_ERROR


def test_paths_are_a_sum_of_delayed_copies() -> None:
    samples = awgn(300, 1.0, np.random.default_rng(4))
    delays = np.array([0.2, 3.7, 11.0, -5.4])
    gains = np.array([0.5, -0.2j, 0.1 + 0.3j, 1.0])
    expected = sum(
        gain * on_axis(fractional_delay(samples, delay), -40, 380)
        for delay, gain in zip(delays, gains, strict=True)
    )
    together = on_axis(convolve_paths(samples, delays, gains), -40, 380)
    np.testing.assert_allclose(together, expected, atol=2e-5)


@pytest.mark.parametrize("error_ppm", [-100.0, -25.0, -0.7, 0.1, 3.0, 25.0, 26.0, 100.0])
@pytest.mark.parametrize("cycles", [-0.4, 0.15, 0.4])
@pytest.mark.parametrize("delay", [0.0, -3.3, 20.61])
def test_resampled_tone_is_within_the_stated_error(
    error_ppm: float, cycles: float, delay: float
) -> None:
    n = 12_000
    placed = resample_by_ppm(tone(cycles, n), error_ppm, delay)
    positions = (ticks_of(placed) - delay) * (1 + error_ppm * 1e-6)
    assert tone_error(placed, cycles, positions, n) < RESAMPLING_ERROR + SINGLE


@pytest.mark.parametrize("error_ppm", [-80.0, 80.0])
def test_fast_clock_shortens_the_burst(error_ppm: float) -> None:
    n = 100_000
    placed = resample_by_ppm(np.ones(n, np.complex64), error_ppm)
    expected = (n - 1) / (1 + error_ppm * 1e-6)
    level = np.abs(placed.samples) > 0.5
    # An edge at half height stands half a sample outside the last sample.
    assert np.count_nonzero(level) == pytest.approx(expected + 1, abs=1.0)


def test_zero_clock_error_is_a_fractional_delay() -> None:
    samples = awgn(100, 1.0, np.random.default_rng(6))
    plain, resampled = fractional_delay(samples, 1.7), resample_by_ppm(samples, 0.0, 1.7)
    assert plain.first_tick == resampled.first_tick
    np.testing.assert_array_equal(plain.samples, resampled.samples)


def test_tiny_clock_error_approaches_a_fractional_delay() -> None:
    samples = awgn(5000, 1.0, np.random.default_rng(6))
    plain, resampled = fractional_delay(samples, 1.7), resample_by_ppm(samples, 1e-6, 1.7)
    np.testing.assert_allclose(on_axis(resampled, -40, 5100), on_axis(plain, -40, 5100), atol=2e-5)


@pytest.mark.parametrize("n_samples", [1, 30, 97, 98, 481, 1000])
def test_impulse_of_any_length_comes_through_whole(n_samples: int) -> None:
    impulse = np.zeros(n_samples, np.complex64)
    impulse[n_samples // 2] = 1.0
    placed = resample_by_ppm(impulse, 25.0, 0.5)
    # The kernel's gain at zero frequency is one within the stated error.
    assert abs(placed.samples.sum() - 1.0) < RESAMPLING_ERROR


@pytest.mark.parametrize("error_ppm", [-20.0, 7.5])
@pytest.mark.parametrize("center_freq_hz", [915e6, 2.4e9])
def test_one_oscillator_gives_offset_and_clock_error_together(
    error_ppm: float, center_freq_hz: float
) -> None:
    # A baseband tone f0 leaves the antenna at (center + f0) (1 + e).
    rate_hz, baseband_hz, n = 1e6, 50e3, 100_000
    sent = tone(baseband_hz / rate_hz, n)
    placed = resample_by_ppm(sent, error_ppm)
    cfo_hz = cfo_of_clock_error(error_ppm, center_freq_hz)
    received = apply_cfo(placed.samples, cfo_hz, rate_hz, placed.first_tick)[50:-50]
    scale = 1 + error_ppm * 1e-6
    expected_hz = (center_freq_hz + baseband_hz) * scale - center_freq_hz
    reference = tone(expected_hz / rate_hz, received.size)
    turned = received * reference.conj()
    half = received.size // 2
    advance = np.angle(turned[half:].sum() / turned[:half].sum())
    # The e f0 part alone (0.375 to 1 Hz) would turn half the burst by 0.1 rad.
    assert abs(advance) < 0.01


@pytest.mark.parametrize("error_ppm", [-150.0, MAX_CLOCK_ERROR_PPM * 1.01])
def test_too_large_clock_error_is_refused(error_ppm: float) -> None:
    with pytest.raises(ValueError, match="outside \\+-100 ppm"):
        resample_by_ppm(np.ones(10, np.complex64), error_ppm)
