import math

import numpy as np
import pytest

from sdr_ota.air.impairments import (
    apply_dc_offset,
    apply_iq_imbalance,
    apply_pa_compression,
    awgn,
    compression_point_dbfs,
    image_rejection_db,
    quantise,
    saturated_fraction,
)

N = 1000


@pytest.mark.parametrize("gain_db", [-1.0, 0.0, 0.1, 0.5])
@pytest.mark.parametrize("phase_deg", [-3.0, 0.2, 1.0, 10.0])
def test_image_of_a_tone_is_as_weak_as_the_formula(gain_db: float, phase_deg: float) -> None:
    bin_of_tone = 37
    tone = np.exp(2j * np.pi * bin_of_tone * np.arange(N) / N).astype(np.complex64)
    spectrum = np.abs(np.fft.fft(apply_iq_imbalance(tone, gain_db, phase_deg))) ** 2 / N**2
    measured_db = 10 * math.log10(spectrum[bin_of_tone] / spectrum[-bin_of_tone])
    assert measured_db == pytest.approx(image_rejection_db(gain_db, phase_deg), abs=0.01)
    assert spectrum.sum() == pytest.approx(1.0, rel=1e-5)


def test_imbalance_of_the_branches_is_as_named() -> None:
    unbalanced = apply_iq_imbalance(np.array([1, 1j], np.complex64), 2.0, 0.0)
    assert unbalanced[1].imag / unbalanced[0].real == pytest.approx(10 ** (2 / 20), rel=1e-6)
    skewed = apply_iq_imbalance(np.array([1], np.complex64), 0.0, 5.0)
    assert math.degrees(math.atan2(skewed[0].imag, skewed[0].real)) == pytest.approx(
        math.degrees(math.atan(math.sin(math.radians(5.0)))), rel=1e-5
    )


def test_balanced_branches_change_nothing() -> None:
    samples = awgn(N, 1.0, np.random.default_rng(1))
    np.testing.assert_allclose(apply_iq_imbalance(samples, 0.0, 0.0), samples, rtol=1e-6)
    assert image_rejection_db(0.0, 0.0) == math.inf


@pytest.mark.parametrize(("dc_dbfs", "phase_rad"), [(-20.0, 0.0), (-50.0, 2.0), (-math.inf, 0.0)])
def test_dc_offset_is_a_constant_of_its_amplitude(dc_dbfs: float, phase_rad: float) -> None:
    samples = awgn(N, 0.01, np.random.default_rng(2))
    added = apply_dc_offset(samples, dc_dbfs, phase_rad) - samples
    expected = 10 ** (dc_dbfs / 20) * np.exp(1j * phase_rad)
    np.testing.assert_allclose(added, np.full(N, expected), atol=1e-7)


@pytest.mark.parametrize("saturation_dbfs", [-6.0, 0.0, 3.0])
@pytest.mark.parametrize("smoothness", [0.8, 2.0, 5.0])
def test_compression_by_one_db_at_the_stated_point(
    saturation_dbfs: float, smoothness: float
) -> None:
    amplitude = 10 ** (compression_point_dbfs(saturation_dbfs, smoothness) / 20)
    sent = (amplitude * np.exp(1j * np.arange(12))).astype(np.complex64)
    received = apply_pa_compression(sent, saturation_dbfs, smoothness)
    np.testing.assert_allclose(20 * np.log10(np.abs(received / sent)), -1.0, atol=1e-4)
    np.testing.assert_allclose(np.angle(received / sent), 0.0, atol=1e-6)


@pytest.mark.parametrize("saturation_dbfs", [-6.0, 0.0, 3.0])
def test_amplifier_is_linear_when_small_and_saturates_when_large(saturation_dbfs: float) -> None:
    limit = 10 ** (saturation_dbfs / 20)
    small, large = 0.01 * limit, 1000 * limit
    received = np.abs(apply_pa_compression(np.array([small, large], np.complex64), saturation_dbfs))
    # Rapp with p = 2: the gain departs from 1 by r^4 / 4 and from saturation by 1 / (4 r^4).
    np.testing.assert_allclose(received, [small, limit], rtol=1e-6)


def test_amplifier_curve_is_monotonic_and_sharpens_with_smoothness() -> None:
    ramp = np.linspace(0, 4, 200).astype(np.complex64)
    soft = np.abs(apply_pa_compression(ramp, 0.0, 1.0))
    hard = np.abs(apply_pa_compression(ramp, 0.0, 10.0))
    assert np.all(np.diff(soft) > 0)
    assert np.all(hard >= soft - 1e-6)
    np.testing.assert_allclose(hard, np.minimum(np.abs(ramp), 1.0), atol=0.07)


def test_smoothness_must_be_positive() -> None:
    with pytest.raises(ValueError, match="smoothness = 0"):
        apply_pa_compression(np.ones(1, np.complex64), 0.0, 0.0)


@pytest.mark.parametrize("n_bits", [6, 8, 12, 16])
def test_quantisation_noise_is_a_sixth_of_a_squared_step(n_bits: int) -> None:
    n = 100_000
    rng = np.random.default_rng(3)
    branches = rng.uniform(-0.9, 0.9, 2 * n).astype(np.float32)
    samples = branches.view(np.complex64)
    error = quantise(samples, n_bits).astype(complex) - samples
    step = 2.0 ** (1 - n_bits)
    # For a uniform error the standard deviation of e^2 is step^2 / sqrt(180).
    tolerance = 4 * step**2 / math.sqrt(180) * math.sqrt(2 / n)
    assert np.mean(np.abs(error) ** 2) == pytest.approx(step**2 / 6, abs=tolerance)
    assert np.abs(error.real).max() <= step / 2 * (1 + 1e-3)


@pytest.mark.parametrize("n_bits", [1, 2, 8, 12, 24])
def test_codes_are_multiples_of_the_step_within_twos_complement(n_bits: int) -> None:
    samples = awgn(5000, 1.0, np.random.default_rng(4))
    step = 2.0 ** (1 - n_bits)
    codes = quantise(samples, n_bits).view(np.float32).astype(float) / step
    np.testing.assert_array_equal(codes, np.rint(codes))
    assert codes.min() == -(2 ** (n_bits - 1))
    assert codes.max() == 2 ** (n_bits - 1) - 1


@pytest.mark.parametrize("n_bits", [4, 12])
def test_saturated_fraction_counts_samples_at_a_rail(n_bits: int) -> None:
    highest = 1 - 2.0 ** (1 - n_bits)
    samples = np.array(
        [0, 0.5 + 0.5j, 2, -2, 0.1 + 3j, 0.1 - 3j, 3 + 3j, highest, -1j, -0.5], np.complex64
    )
    assert saturated_fraction(quantise(samples, n_bits), n_bits) == pytest.approx(0.7)
    assert saturated_fraction(quantise(samples * 0.2, n_bits), n_bits) == 0.0
    assert saturated_fraction(samples[:0], n_bits) == 0.0


@pytest.mark.parametrize("noise_power", [0.1, 0.5])
def test_saturated_fraction_of_gaussian_noise(noise_power: float) -> None:
    n, n_bits = 200_000, 12
    noise = awgn(n, noise_power, np.random.default_rng(5))
    std = math.sqrt(noise_power / 2)
    # A branch is at a rail from half a step below the outermost code on.
    step = 2.0 ** (1 - n_bits)
    upper = 0.5 * math.erfc((1 - 1.5 * step) / (std * math.sqrt(2)))
    lower = 0.5 * math.erfc((1 - 0.5 * step) / (std * math.sqrt(2)))
    expected = 1 - (1 - upper - lower) ** 2
    tolerance = 4 * math.sqrt(expected * (1 - expected) / n)
    assert saturated_fraction(quantise(noise, n_bits), n_bits) == pytest.approx(
        expected, abs=tolerance
    )


@pytest.mark.parametrize("n_bits", [0, 25])
def test_impossible_converters_are_refused(n_bits: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to 24"):
        quantise(np.ones(1, np.complex64), n_bits)
