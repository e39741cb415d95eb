"""Noise below a converter's steps: a payload holds more of it than a silent slot shows."""

import numpy as np
import pytest

from sdr_ota.receiver.quantisation import converter_step, noise_behind_steps

N = 200_000
STEP = 2.0**-7


def rounded(samples: np.ndarray) -> np.ndarray:
    return STEP * (np.round(samples.real / STEP) + 1j * np.round(samples.imag / STEP))


@pytest.mark.parametrize("std", [0.25, 0.3, 0.4, 0.6, 1.0, 3.0])
def test_what_a_payload_holds_is_known_from_what_silence_shows(std: float) -> None:
    rng = np.random.default_rng(1)
    noise = STEP * std * (rng.normal(size=N) + 1j * rng.normal(size=N))
    signal = 9.3 * STEP * np.exp(2j * np.pi * rng.random(N))
    held = np.mean(np.abs(rounded(signal + noise) - signal) ** 2)
    shown = float(np.mean(np.abs(rounded(noise)) ** 2))
    assert noise_behind_steps(shown, STEP) == pytest.approx(held, rel=0.05)


def test_steps_are_found_where_there_are_some() -> None:
    rng = np.random.default_rng(2)
    samples = 20 * STEP * (rng.normal(size=1300) + 1j * rng.normal(size=1300))
    assert converter_step(samples.astype(np.complex64)) == 0.0
    assert converter_step(rounded(samples).astype(np.complex64)) == pytest.approx(STEP)
    scaled = (0.731 * rounded(samples)).astype(np.complex64)
    assert converter_step(scaled) == pytest.approx(0.731 * STEP, rel=1e-3)


def test_exact_zeros_and_numbers_without_steps_stay_as_they_are() -> None:
    assert noise_behind_steps(0.0, STEP) == 0.0
    assert noise_behind_steps(1e-9, 0.0) == 1e-9
    assert converter_step(np.zeros(100, np.complex64)) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_have_no_steps(value: float) -> None:
    samples = np.tile(np.array([1, 2j, -3, 1j], dtype=np.complex64), 100)
    samples[7] = value
    assert converter_step(samples) == 0.0
