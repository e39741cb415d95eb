"""Analog front end and converters: I/Q imbalance, DC, compression, quantisation."""

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples
from sdr_ota.units import amplitude_to_db, db_to_amplitude, power_to_db


def apply_iq_imbalance(
    samples: Samples, gain_imbalance_db: float, phase_imbalance_deg: float
) -> Samples:
    """Mix in the image that unequal I and Q branches make.

    With branch ratio ``g`` and phase error ``p`` the branches become
    ``I' = a I`` and ``Q' = a g (Q cos p + I sin p)``; ``a = sqrt(2 / (1 + g^2))``
    keeps the mean power of circular signals. The same in complex form:
    ``y = a (x (1 + g exp(jp)) / 2 + conj(x) (1 - g exp(-jp)) / 2)``, so a tone at
    +f leaks to -f, weaker by ``image_rejection_db``.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        gain_imbalance_db: Gain of Q over gain of I, in dB.
        phase_imbalance_deg: Deviation from 90 degrees between the branches.

    Returns:
        A new array of the same shape.
    """
    ratio = db_to_amplitude(gain_imbalance_db)
    phase_rad = math.radians(phase_imbalance_deg)
    in_phase_gain = math.sqrt(2.0 / (1.0 + ratio**2))
    unbalanced = np.empty(samples.shape, np.complex64)
    np.multiply(samples.real, np.float32(in_phase_gain), out=unbalanced.real)
    quadrature = samples.imag * np.float32(in_phase_gain * ratio * math.cos(phase_rad))
    quadrature += samples.real * np.float32(in_phase_gain * ratio * math.sin(phase_rad))
    unbalanced.imag = quadrature
    return unbalanced


def image_rejection_db(gain_imbalance_db: float, phase_imbalance_deg: float) -> float:
    """Return the power of a tone over the power of its image, in dB.

    ``(1 + 2 g cos p + g^2) / (1 - 2 g cos p + g^2)`` for branch ratio ``g`` and
    phase error ``p``; ``inf`` for perfect balance.

    >>> round(image_rejection_db(0.1, 1.0), 1)
    39.6
    """
    ratio = db_to_amplitude(gain_imbalance_db)
    cross = 2.0 * ratio * math.cos(math.radians(phase_imbalance_deg))
    image = 1.0 - cross + ratio**2
    return power_to_db((1.0 + cross + ratio**2) / image) if image > 0.0 else math.inf


def apply_dc_offset(samples: Samples, dc_offset_dbfs: float, phase_rad: float = 0.0) -> Samples:
    """Add a constant, as a leaking oscillator does at zero frequency.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        dc_offset_dbfs: Its amplitude over full scale (1.0), in dB; ``-math.inf``
            adds nothing.
        phase_rad: Its phase.

    Returns:
        A new array of the same shape.
    """
    return samples + np.complex64(cmath.rect(db_to_amplitude(dc_offset_dbfs), phase_rad))


def apply_pa_compression(
    samples: Samples, saturation_dbfs: float, smoothness: float = 2.0
) -> Samples:
    """Compress large amplitudes by Rapp's model of a solid-state amplifier.

    ``y = x / (1 + (|x| / A)^(2 p))^(1 / (2 p))``: gain 1 for small signals,
    amplitude ``A`` for large ones, no change of phase. The 1 dB compression
    point is ``compression_point_dbfs``.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        saturation_dbfs: Saturated amplitude ``A`` over full scale (1.0), in dB.
        smoothness: ``p > 0``; the larger, the sharper the knee (large values
            approach a limiter).

    Returns:
        A new array of the same shape.

    Raises:
        ValueError: If ``smoothness`` is not positive.
    """
    if not smoothness > 0.0:
        raise ValueError(f"smoothness = {smoothness:g} must be positive")
    over_saturation = np.square(samples.real)
    over_saturation += np.square(samples.imag)
    over_saturation *= np.float32(db_to_amplitude(-saturation_dbfs) ** 2)
    np.power(over_saturation, np.float32(smoothness), out=over_saturation)
    over_saturation += np.float32(1.0)
    gain = np.power(over_saturation, np.float32(-0.5 / smoothness), out=over_saturation)
    return samples * gain


def compression_point_dbfs(saturation_dbfs: float, smoothness: float = 2.0) -> float:
    """Return the input amplitude at which Rapp's gain has fallen by 1 dB.

    ``A (10^(p / 10) - 1)^(1 / (2 p))`` over full scale, in dB.

    >>> round(compression_point_dbfs(0.0, smoothness=2.0), 2)
    -1.16
    """
    knee = (10.0 ** (smoothness / 10.0) - 1.0) ** (0.5 / smoothness)
    return saturation_dbfs + amplitude_to_db(knee)


def quantise(samples: Samples, n_bits: int) -> Samples:
    """Round to the codes of an n-bit converter, on I and on Q, and clip.

    Two's complement over full scale 1.0: step ``q = 2^(1 - n_bits)``, codes from
    ``-1`` to ``1 - q``. Unclipped signals that cross many steps get an error of
    power ``q^2 / 12`` a branch, ``q^2 / 6`` in all.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        n_bits: Bits of one branch, 1 to 24 (beyond, single precision is coarser).

    Returns:
        A new array of the same shape, every branch a multiple of ``q``.

    Raises:
        ValueError: If ``n_bits`` is out of range.
    """
    lowest_code = _lowest_code(n_bits)
    codes = _branches(samples) * np.float32(-lowest_code)
    np.rint(codes, out=codes)
    np.clip(codes, np.float32(lowest_code), np.float32(-lowest_code - 1), out=codes)
    codes *= np.float32(-1.0 / lowest_code)
    return codes.view(np.complex64)


def saturated_fraction(samples: Samples, n_bits: int) -> float:
    """Return the share of samples with I or Q at the converter's last code.

    Args:
        samples: Output of ``quantise`` (or of a real converter), shape ``(n_samples,)``.
        n_bits: Bits of one branch.

    Returns:
        0 to 1; 0 for no samples.

    Raises:
        ValueError: If ``n_bits`` is out of range.
    """
    if samples.size == 0:
        return 0.0
    highest = 1.0 + 1.0 / _lowest_code(n_bits)
    branches = _branches(samples)
    at_rail = (branches >= np.float32(highest)) | (branches <= np.float32(-1.0))
    return float(np.count_nonzero(at_rail[0::2] | at_rail[1::2]) / samples.size)


def _branches(samples: Samples) -> NDArray[np.float32]:
    """Return I and Q interleaved, shape ``(2 * n_samples,)``."""
    return np.ascontiguousarray(samples).view(np.float32)


def _lowest_code(n_bits: int) -> int:
    if not 1 <= n_bits <= 24:
        raise ValueError(f"n_bits = {n_bits} is outside 1 to 24")
    return -(1 << (n_bits - 1))
