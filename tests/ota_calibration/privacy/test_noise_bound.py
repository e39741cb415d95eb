import math

import numpy as np
import pytest
from ota_calibration.privacy.noise_bound import noise_power_lower_bound


def thermal(rng: np.random.Generator, n_samples: int, noise_power: float) -> np.ndarray:
    parts = rng.standard_normal((2, n_samples)) * math.sqrt(noise_power / 2)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
@pytest.mark.parametrize(("n_samples", "noise_power"), [(20, 1e-4), (300, 2.0)])
def test_it_exceeds_the_true_power_exactly_as_often_as_stated(
    confidence: float, n_samples: int, noise_power: float
) -> None:
    rng = np.random.default_rng(n_samples)
    n_trials = 2000
    bounds = [
        noise_power_lower_bound(thermal(rng, n_samples, noise_power), confidence, n_blocks=1)
        for _ in range(n_trials)
    ]
    wrong = float(np.mean(np.array(bounds) > noise_power))
    spread = math.sqrt(confidence * (1 - confidence) / n_trials)
    assert wrong == pytest.approx(1 - confidence, abs=4 * spread)


@pytest.mark.parametrize("disturbance", ["burst", "offset", "both"])
def test_bursts_and_offsets_do_not_count_as_protection(disturbance: str) -> None:
    rng = np.random.default_rng(7)
    n_trials, confidence, wrong = 500, 0.95, 0
    for _ in range(n_trials):
        idle = thermal(rng, 1600, 1e-3)
        if disturbance != "burst":
            idle += np.complex64(0.3 + 0.1j)
        if disturbance != "offset":
            idle[200:1500] += thermal(rng, 1300, 0.5)
        wrong += noise_power_lower_bound(idle, confidence) > 1e-3
    assert wrong <= (1 - confidence) * n_trials + 4 * math.sqrt(n_trials * 0.05 * 0.95)


def test_more_samples_bring_the_bound_closer() -> None:
    rng = np.random.default_rng(3)
    bounds = [noise_power_lower_bound(thermal(rng, n, 1.0)) for n in (200, 20_000, 400_000)]
    assert bounds == sorted(bounds)
    # The relative error of a power from n samples is 1/sqrt(n); 5 of them at most here.
    assert bounds[-1] == pytest.approx(1.0, abs=5 * math.sqrt(16 / 400_000))
    assert bounds[-1] < 1.0


def test_quantisation_noise_is_taken_off() -> None:
    rng = np.random.default_rng(4)
    idle, step = thermal(rng, 200_000, 4e-3), 0.1
    coarse = (np.round(idle.real / step) + 1j * np.round(idle.imag / step)) * step
    naive = noise_power_lower_bound(coarse.astype(np.complex64), n_blocks=1)
    honest = noise_power_lower_bound(coarse.astype(np.complex64), 0.999, 1, step)
    assert naive > 4e-3
    assert honest == pytest.approx(naive - step**2 / 6)
    silence = np.zeros(100, dtype=np.complex64)
    assert noise_power_lower_bound(silence, 0.999, 1, step) == 0.0


def test_captures_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="16 idle samples make 16 blocks of 1;"):
        noise_power_lower_bound(np.ones(16, dtype=np.complex64))
    with pytest.raises(ValueError, match="confidence = 1"):
        noise_power_lower_bound(np.ones(64, dtype=np.complex64), confidence=1.0)
    with pytest.raises(ValueError, match="independent"):
        noise_power_lower_bound(np.ones(64, dtype=np.complex64), occupied_band=0.4)
    with pytest.raises(ValueError, match=r"occupied_band = 1\.2"):
        noise_power_lower_bound(np.ones(64, dtype=np.complex64), occupied_band=1.2)
