"""Thermal noise passes, with its power; whatever else is on the air is named."""

import numpy as np
import pytest
from ota_calibration.measure import noise_floor
from ota_calibration.measure.noise_floor import measure_noise_floor
from ota_calibration.measure.quantities import noise_measurements
from scipy.stats import binom

N = 65_536


def noise(power: float, seed: int, n: int = N) -> np.ndarray:
    parts = np.random.default_rng(seed).standard_normal((2, n)) * np.sqrt(power / 2)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


@pytest.mark.parametrize("power", [1e-6, 1e-2])
@pytest.mark.parametrize("dc_offset", [0.0, 0.03 - 0.01j])
def test_power_leakage_and_bound_of_thermal_noise(power: float, dc_offset: complex) -> None:
    floors = [measure_noise_floor(noise(power, seed) + dc_offset) for seed in range(20)]
    powers = np.array([floor.power for floor in floors])
    assert powers.mean() == pytest.approx(power, rel=5 / np.sqrt(20 * N))
    scatter = powers.std(ddof=1) / floors[0].power_std
    assert scatter == pytest.approx(1.0, abs=4 / np.sqrt(40))
    assert all(0.85 * power < floor.lower_bound < power for floor in floors)
    assert floors[0].dc_offset == pytest.approx(dc_offset, abs=5 * np.sqrt(power / N))


@pytest.mark.parametrize(("n_bits", "stds"), [(12, 8.0), (12, 1.5), (8, 1.2)])
def test_what_a_converter_rounds_is_no_part_of_the_bound(n_bits: int, stds: float) -> None:
    """It adds a sixth of a squared step: with it the bound would lie above the thermal power."""
    step = 2.0 ** (1 - n_bits)
    power = 2 * (stds * step) ** 2
    for seed in range(5):
        thermal = noise(power, seed)
        rounded = (np.rint(thermal.real / step) + 1j * np.rint(thermal.imag / step)) * step
        bound = measure_noise_floor(rounded.astype(np.complex64)).lower_bound
        assert bound == pytest.approx(measure_noise_floor(thermal).lower_bound, rel=0.03)
        assert bound < power


def test_noise_below_a_step_has_no_bound() -> None:
    step = 2.0**-11
    thermal = noise(2 * (0.6 * step) ** 2, 1)
    rounded = (np.rint(thermal.real / step) + 1j * np.rint(thermal.imag / step)) * step
    floor = measure_noise_floor(rounded.astype(np.complex64))
    assert floor.lower_bound == 0.0
    kinds = [one.quantity for one in noise_measurements(floor)]
    assert "noise_dbfs" in kinds
    assert "noise_lower_bound_dbfs" not in kinds


def test_thermal_noise_is_hardly_ever_accused() -> None:
    accused = sum(
        bool(measure_noise_floor(noise(1e-3, seed, 16_384)).findings) for seed in range(200)
    )
    assert accused <= 4  # 0.6 expected from three tests at one in a thousand


def test_many_blocks_and_bins_together_accuse_noise_as_rarely_as_stated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance, n_trials = 0.05, 200
    monkeypatch.setattr(noise_floor, "FALSE_ALARM", chance)
    findings = [measure_noise_floor(noise(1e-3, s, 16_384)).findings for s in range(n_trials)]
    for kind in ("bursts", "a tone"):
        accused = sum(any(one.startswith(kind) for one in found) for found in findings)
        assert accused <= binom.ppf(1 - 1e-4, n_trials, chance)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_filtered_band_is_no_finding(share: float) -> None:
    lines = np.fft.fft(noise(1e-3, 1))
    lines[np.abs(np.fft.fftfreq(N)) > share / 2] = 0
    floor = measure_noise_floor(np.fft.ifft(lines).astype(np.complex64), occupied_band=share)
    assert floor.findings == ()
    assert 0.8 * floor.power < floor.lower_bound < floor.power


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("burst", ["not Gaussian", "bursts", "a tone"]),
        ("tone", ["a tone"]),
        ("coarse", ["not Gaussian", "bursts"]),
    ],
)
def test_what_is_not_thermal_is_named(name: str, kinds: list[str]) -> None:
    received = noise(1e-4, 2)
    if name == "burst":
        received[30_000:31_000] += noise(1e-3, 3, 1000)
    elif name == "tone":
        received = received + (3e-3 * np.exp(2j * np.pi * 0.21 * np.arange(N))).astype(np.complex64)
    else:
        step = 0.03
        received = (
            np.rint(received.real / step) + 1j * np.rint(received.imag / step)
        ) * np.float32(step)
    findings = measure_noise_floor(received.astype(np.complex64)).findings
    assert len(findings) == len(kinds)
    for finding, kind in zip(findings, kinds, strict=True):
        assert finding.startswith(kind)
