"""Receiver noise and bursts of interference.

``noise_power`` is everywhere the total power of the complex sample, E|n|^2.
"""

import math
from dataclasses import dataclass

import numpy as np

from sdr_ota.air.impairments.oscillator import apply_cfo
from sdr_ota.types import Samples


@dataclass(frozen=True, slots=True)
class NoiseBurst:
    """White Gaussian interference over the whole band for a while.

    Attributes:
        start_sample: First sample of the capture that it hits; may be negative.
        n_samples: Its length.
        power: Mean power of a sample, E|i|^2, linear.
    """

    start_sample: int
    n_samples: int
    power: float


@dataclass(frozen=True, slots=True)
class ToneBurst:
    """A constant-envelope tone for a while.

    Attributes:
        start_sample: First sample of the capture that it hits; may be negative.
        n_samples: Its length.
        power: Squared amplitude, linear.
        frequency_hz: Offset from the centre of the band.
        phase_rad: Phase at sample 0 of the capture.
    """

    start_sample: int
    n_samples: int
    power: float
    frequency_hz: float
    phase_rad: float = 0.0


def awgn(n_samples: int, noise_power: float, rng: np.random.Generator) -> Samples:
    """Draw circular complex white Gaussian noise.

    Args:
        n_samples: Length.
        noise_power: Total power E|n|^2; half of it in each of I and Q.
        rng: Source of randomness.

    Returns:
        Shape ``(n_samples,)``.

    Raises:
        ValueError: If ``noise_power`` is negative.
    """
    if noise_power < 0.0:
        raise ValueError(f"noise_power = {noise_power:g} must not be negative")
    noise = rng.standard_normal(2 * n_samples, np.float32)
    noise *= np.float32(math.sqrt(noise_power / 2.0))
    return noise.view(np.complex64)


def add_awgn(samples: Samples, noise_power: float, rng: np.random.Generator) -> Samples:
    """Return the samples plus ``awgn`` of total power ``noise_power``."""
    noisy = awgn(samples.size, noise_power, rng)
    noisy += samples
    return noisy


def add_noise_burst(samples: Samples, burst: NoiseBurst, rng: np.random.Generator) -> Samples:
    """Add white interference to the part of a capture that it overlaps.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        burst: When, how long and how strong.
        rng: Source of randomness.

    Returns:
        A new array of the same shape.
    """
    hit = _overlap(samples.size, burst)
    disturbed = samples.copy()
    disturbed[hit] += awgn(hit.stop - hit.start, burst.power, rng)
    return disturbed


def add_tone_burst(samples: Samples, burst: ToneBurst, sample_rate_hz: float) -> Samples:
    """Add a tone to the part of a capture that it overlaps.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        burst: When, how long, how strong, at which frequency.
        sample_rate_hz: Sample rate in samples per second.

    Returns:
        A new array of the same shape.
    """
    hit = _overlap(samples.size, burst)
    envelope = np.full(hit.stop - hit.start, math.sqrt(burst.power), np.complex64)
    disturbed = samples.copy()
    disturbed[hit] += apply_cfo(
        envelope, burst.frequency_hz, sample_rate_hz, hit.start, burst.phase_rad
    )
    return disturbed


def _overlap(n_capture: int, burst: NoiseBurst | ToneBurst) -> slice:
    start = min(max(burst.start_sample, 0), n_capture)
    stop = min(max(burst.start_sample + burst.n_samples, start), n_capture)
    return slice(start, stop)
