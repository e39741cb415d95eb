"""Between codes and samples in a virtual PlutoSDR: converters, filter, tone generator, loop."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples

Codes: TypeAlias = NDArray[np.int16]
"""I and Q as integers, shape ``(n_samples, 2)``."""

DAC_FULL_SCALE = 2**15
ADC_FULL_SCALE = 2**11
_LOST_BITS = 4
"""The loop gives the receiver the upper 12 of the transmitter's 16 bits."""

_TONE_SAMPLES = 4096


def samples_of(codes: Codes) -> Samples:
    """Return what the transmit converter makes of codes."""
    iq = codes.astype(np.float32) / DAC_FULL_SCALE
    return np.asarray(iq[:, 0] + 1j * iq[:, 1], np.complex64)


def codes_of(samples: Samples) -> Codes:
    """Return codes from which the transmit converter makes samples."""
    iq = np.rint(samples.view(np.float32) * DAC_FULL_SCALE)
    return np.asarray(np.clip(iq, -DAC_FULL_SCALE, DAC_FULL_SCALE - 1), np.int16).reshape(-1, 2)


def converted(samples: Samples) -> Codes:
    """Return what the receive converter makes of samples: 12 bits."""
    iq = np.rint(samples.view(np.float32) * ADC_FULL_SCALE)
    return np.asarray(np.clip(iq, -ADC_FULL_SCALE, ADC_FULL_SCALE - 1), np.int16).reshape(-1, 2)


def band_limited(samples: Samples, share: float) -> Samples:
    """Return what an ideal analog filter leaves of the band."""
    if share >= 1.0:
        return samples
    lines = np.fft.fft(samples)
    lines[np.abs(np.fft.fftfreq(len(samples))) > share / 2] = 0
    return np.asarray(np.fft.ifft(lines), np.complex64)


def tone(tones: Sequence[Sequence[float]], rate_hz: float) -> Samples | None:
    """Return one period of a tone generator; None where all its tones are off.

    Args:
        tones: Frequency in hertz, phase in thousandths of a degree, scale, and whether it is on,
            of two tones of I and two of Q.
        rate_hz: The converter's rate.
    """
    n, made = np.arange(_TONE_SAMPLES), np.zeros(_TONE_SAMPLES, np.complex64)
    for k, (frequency_hz, phase, scale, is_on) in enumerate(tones):
        if is_on:
            turns = round(frequency_hz / rate_hz * _TONE_SAMPLES) / _TONE_SAMPLES
            branch = 1.0 if k < 2 else 1j
            made += branch * scale * np.cos(2 * np.pi * turns * n + np.radians(phase / 1000))
    return made if np.any(made) else None


def looped(
    first_tick: int,
    n_samples: int,
    repeated: Codes | None,
    played: Iterable[tuple[int, Codes]],
) -> Codes:
    """Return what comes back when the transmitter's core feeds the receiver's inside the chip.

    Args:
        first_tick: Of the first sample.
        n_samples: How many.
        repeated: Codes that are sent over and over, from tick 0 on; None for none.
        played: Start ticks and codes of bursts; nothing but zeros is between them.
    """
    if repeated is not None:
        return repeated[np.arange(first_tick, first_tick + n_samples) % len(repeated)] >> _LOST_BITS
    codes = np.zeros((n_samples, 2), np.int16)
    for start, burst in played:
        here = slice(max(start - first_tick, 0), max(start - first_tick + len(burst), 0))
        skipped = max(first_tick - start, 0)
        codes[here] = burst[skipped : skipped + len(codes[here])] >> _LOST_BITS
    return codes
