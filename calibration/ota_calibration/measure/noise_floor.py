r"""What the receiver receives when nobody sends: power, its lower bound, and whether it is noise.

Only thermal noise may be counted on in a privacy claim, so the bound comes with tests of what
it is made of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ota_calibration.privacy.noise_bound import noise_power_lower_bound
from sdr_ota.receiver.quantisation import converter_step
from sdr_ota.types import Samples
from sdr_ota.units import real_noise_variance

FALSE_ALARM = 1e-3
"""Probability with which thermal noise fails one of the tests."""

_N_BINS = 1024


@dataclass(frozen=True)
class NoiseFloor:
    """The receiver alone.

    Attributes:
        power: Mean power of a sample without its DC offset, full scale 1.0.
        power_std: Its standard deviation, as of white noise in the captured band.
        lower_bound: The power exceeds this with a confidence of 99.9 %, if one block of 16 held
            nothing but noise; 0 if the converter's steps hide it.
        dc_offset: Complex amplitude at zero frequency.
        spectrum: Power density over the mean, shape ``(1024,)``, from minus to plus half the rate.
        findings: One sentence for everything that is not thermal noise; empty if nothing is.
        n_samples: Samples behind it.
    """

    power: float
    power_std: float
    lower_bound: float
    dc_offset: complex
    spectrum: NDArray[np.float64]
    findings: tuple[str, ...]
    n_samples: int


def measure_noise_floor(idle: Samples, occupied_band: float = 1.0) -> NoiseFloor:
    """Measure idle samples; what a converter rounds is no part of the lower bound.

    Args:
        idle: All transmitters silent, shape ``(n_samples,)``, several thousand at least.
        occupied_band: Share of the sample rate that the analog filter lets through: only so
            many samples are independent.
    """
    dc_offset = complex(np.mean(idle, dtype=np.complex128))
    noise = idle.astype(np.complex128) - dc_offset
    power = float(np.mean(np.abs(noise) ** 2))
    n_independent = max(int(len(idle) * occupied_band), 2)
    spectrum = _spectrum(noise)
    findings = (
        *_shape_findings(noise, n_independent),
        *_burst_findings(noise, occupied_band),
        *_tone_findings(spectrum, len(noise) // _N_BINS, occupied_band),
    )
    bound, power_std = _sure_power(idle, occupied_band), power / np.sqrt(n_independent)
    return NoiseFloor(power, power_std, bound, dc_offset, spectrum, findings, len(idle))


def _sure_power(idle: Samples, occupied_band: float) -> float:
    """Return the lower bound of thermal noise; 0 below a step, where rounding hides it."""
    step = converter_step(idle)
    bound = noise_power_lower_bound(idle, quantisation_step=step, occupied_band=occupied_band)
    return bound if np.sqrt(real_noise_variance(bound)) >= step else 0.0


def _spectrum(noise: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the mean periodogram of consecutive blocks (Bartlett's), over its mean."""
    blocks = noise[: len(noise) // _N_BINS * _N_BINS].reshape(-1, _N_BINS)
    density = np.mean(np.abs(np.fft.fft(blocks, axis=1)) ** 2, axis=0)
    return np.asarray(np.fft.fftshift(density / density.mean()))


def _shape_findings(noise: NDArray[np.complex128], n_independent: int) -> tuple[str, ...]:
    """Test skewness and kurtosis of both branches (D'Agostino and Pearson, Biometrika 60, 1973)."""
    thinned = noise[:: max(round(len(noise) / n_independent), 1)]
    worst = min(
        (float(stats.normaltest(part).pvalue) if np.ptp(part) > 0 else 0.0)
        for part in (thinned.real, thinned.imag)
    )
    if worst > FALSE_ALARM / 2:
        return ()
    kurtosis = float(stats.kurtosis(np.concatenate([thinned.real, thinned.imag])))
    return (
        f"not Gaussian (excess kurtosis {kurtosis:+.2f}, p = {worst:.1g}): interference, or a "
        "level so low that the converter's steps show",
    )


def _burst_findings(noise: NDArray[np.complex128], occupied_band: float) -> tuple[str, ...]:
    """Compare the loudest of many blocks with what chance allows."""
    n_block = 256
    powers = np.mean(np.abs(noise[: len(noise) // n_block * n_block].reshape(-1, n_block)) ** 2, 1)
    freedom = 2 * n_block * occupied_band
    quantile = 1 - FALSE_ALARM / len(powers)
    limit = float(stats.chi2.ppf(quantile, freedom)) / freedom
    loudest = float(powers.max() / np.median(powers))
    if loudest < limit * 1.02:  # the median of blocks is known to 2 %
        return ()
    return (
        f"bursts: the loudest 256 samples hold {10 * np.log10(loudest):.1f} dB more than the "
        "median; find the interferer or change the band",
    )


def _tone_findings(
    spectrum: NDArray[np.float64], n_blocks: int, occupied_band: float
) -> tuple[str, ...]:
    """Find the strongest bin, if chance does not explain its power."""
    n_used = int(_N_BINS * occupied_band * 0.95)
    edge = (_N_BINS - n_used) // 2
    used = spectrum[edge : edge + n_used]
    quantile = 1 - FALSE_ALARM / n_used
    limit = float(stats.gamma.ppf(quantile, n_blocks, scale=1 / n_blocks))
    strongest = float(used.max() / np.median(used))
    if strongest < limit * 1.02:
        return ()
    place = (int(np.argmax(used)) + edge - _N_BINS / 2) / _N_BINS
    return (
        f"a tone at {place:+.3f} of the sample rate stands {10 * np.log10(strongest):.1f} dB out "
        "of the noise",
    )
