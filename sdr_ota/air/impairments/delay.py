"""Delay by any real number of samples, and sampling by another clock.

Both evaluate the band-limited signal between its samples with a windowed sinc of
32 taps. For tones with ``|f| <= 0.4`` of the sample rate a delayed
sample is wrong by less than ``DELAY_ERROR`` of the tone's amplitude; nearer to
the band edge the error grows and reaches the signal itself at half the rate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from sdr_ota.types import Samples

DELAY_ERROR = 5e-5
"""Largest error of ``fractional_delay`` over a tone's amplitude, for |f| <= 0.4."""

RESAMPLING_ERROR = 2e-4
"""Largest error of ``resample_by_ppm`` over a tone's amplitude, for |f| <= 0.4."""

MAX_CLOCK_ERROR_PPM = 100.0
"""Largest clock error for which ``RESAMPLING_ERROR`` is kept."""

_HALF_TAPS = 16
_MOVING_BLOCK = 8192  # samples whose gains are held in memory at a time
_WINDOW_SHAPE = 9.75
_MAX_FRAME_SAMPLES = 1024
# Over one frame the kernel is interpolated linearly between two shifts s apart;
# the error is (2 pi f s)^2 / 8, so s bounds it: 1.33e-4 at f = 0.4.
_MAX_SHIFT_IN_FRAME = 0.013


@dataclass(frozen=True, slots=True)
class PlacedSamples:
    """Samples that know where they lie on the receiver's time axis.

    Attributes:
        samples: Complex baseband, shape ``(n_samples,)``.
        first_tick: Tick of ``samples[0]``, counted from the tick at which the
            input's first sample would have arrived without delay; negative
            where the interpolation rings ahead of the burst.
    """

    samples: Samples
    first_tick: int

    def window(self, start_tick: int, n_samples: int) -> Samples:
        """Return what lies in a window of time; silence where there are no samples."""
        received = np.zeros(n_samples, np.complex64)
        first = start_tick - self.first_tick
        part = self.samples[max(first, 0) : max(first + n_samples, 0)]
        received[max(-first, 0) : max(-first, 0) + len(part)] = part
        return received


def fractional_delay(samples: Samples, delay_samples: float) -> PlacedSamples:
    """Delay by any real number of samples: ``y[m] = x(m - delay_samples)``.

    A whole number only moves the origin: the samples are returned unchanged.
    Otherwise the output is 31 samples longer (the tails of the kernel).

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        delay_samples: Delay in sample intervals; may be negative.

    Returns:
        The delayed samples with the tick of their first one.
    """
    whole = round(delay_samples)
    if whole == delay_samples:
        return PlacedSamples(samples.copy(), whole)
    return convolve_paths(samples, np.array([delay_samples]), np.ones(1))


def convolve_paths(
    samples: Samples,
    delays_samples: NDArray[np.float64],
    gains: NDArray[np.complex128] | NDArray[np.float64],
) -> PlacedSamples:
    """Add up delayed copies: ``y[m] = sum_l gains[l] * x(m - delays_samples[l])``.

    All copies become one impulse response, so many paths cost hardly more than
    one.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        delays_samples: Path delays in sample intervals, shape ``(n_paths,)``.
        gains: Complex path amplitudes, shape ``(n_paths,)``.

    Returns:
        The sum with the tick of its first sample.
    """
    upper = np.ceil(delays_samples)
    first_tick = int(upper.min()) - _HALF_TAPS
    ticks = np.arange(first_tick, int(upper.max()) + _HALF_TAPS)
    response = gains @ _kernel(ticks[None, :] - delays_samples[:, None])
    return PlacedSamples(np.convolve(samples, response.astype(np.complex64)), first_tick)


def convolve_moving_paths(
    samples: Samples,
    delays_samples: NDArray[np.float64],
    gains_at: Callable[[NDArray[np.int64]], NDArray[np.complex128]],
) -> PlacedSamples:
    """Add up delayed copies whose gains change: ``y[m] = sum_l gains[m, l] x(m - delays[l])``.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        delays_samples: Path delays in sample intervals, shape ``(n_paths,)``.
        gains_at: From ticks, counted as those of the result, to complex path amplitudes at them,
            shape ``(n_ticks, n_paths)``.

    Returns:
        The sum with the tick of its first sample.
    """
    upper = np.ceil(delays_samples)
    first_tick = int(upper.min()) - _HALF_TAPS
    ticks = np.arange(first_tick, int(upper.max()) + _HALF_TAPS)
    kernels = _kernel(ticks[None, :] - delays_samples[:, None]).astype(np.float32)
    padded = np.pad(samples, len(ticks) - 1)
    windows = sliding_window_view(padded, len(ticks))
    received = np.empty(len(windows), np.complex64)
    for first in range(0, len(windows), _MOVING_BLOCK):
        block = slice(first, min(first + _MOVING_BLOCK, len(windows)))
        delayed = windows[block] @ kernels[:, ::-1].T
        gains = gains_at(first_tick + np.arange(block.start, block.stop))
        received[block] = np.sum(delayed * gains, axis=1)
    return PlacedSamples(received, first_tick)


def resample_by_ppm(
    samples: Samples, clock_error_ppm: float, delay_samples: float = 0.0
) -> PlacedSamples:
    """Return what an exact clock sees of a burst that another clock has sent.

    The sender's clock runs fast by ``e = clock_error_ppm * 1e-6``, so its
    samples come closer together and the burst is shorter:
    ``y[m] = x((m - delay_samples) * (1 + e))``. The carrier offset of the same
    oscillator is ``cfo_of_clock_error``. Delay and clock error are done in one
    interpolation.

    Args:
        samples: Complex baseband as sent, shape ``(n_samples,)``.
        clock_error_ppm: Sender's clock over receiver's clock minus one, in
            parts per million, within +-``MAX_CLOCK_ERROR_PPM``.
        delay_samples: Arrival of ``samples[0]``, in receiver sample intervals.

    Returns:
        The received samples with the tick of their first one.

    Raises:
        ValueError: If the clock error is too large for the stated precision.
    """
    if abs(clock_error_ppm) > MAX_CLOCK_ERROR_PPM:
        raise ValueError(
            f"clock_error_ppm = {clock_error_ppm:g} is outside +-{MAX_CLOCK_ERROR_PPM:g} ppm; "
            "crystal oscillators lie within +-50 ppm of each other"
        )
    if clock_error_ppm == 0.0:
        return fractional_delay(samples, delay_samples)
    rate = 1.0 + clock_error_ppm * 1e-6
    first_tick = math.ceil(delay_samples - _HALF_TAPS / rate)
    end_tick = math.floor(delay_samples + (samples.size - 1 + _HALF_TAPS) / rate) + 1
    n_fft = _frame_samples(clock_error_ppm)
    step = n_fft - 2 * _HALF_TAPS + 1
    frame_ticks = np.arange(first_tick, end_tick + step, step, dtype=np.float64)
    positions = (frame_ticks - delay_samples) * rate
    received = _interpolate_frames(samples, positions, n_fft)
    return PlacedSamples(received[: end_tick - first_tick], first_tick)


def _frame_samples(clock_error_ppm: float) -> int:
    """Return the longest power of two over which the shift stays small enough."""
    longest = _MAX_SHIFT_IN_FRAME / (abs(clock_error_ppm) * 1e-6)
    return 1 << int(math.log2(min(longest, _MAX_FRAME_SAMPLES)))


def _interpolate_frames(samples: Samples, positions: NDArray[np.float64], n_fft: int) -> Samples:
    """Read ``samples`` along straight lines between successive ``positions``."""
    step = n_fft - 2 * _HALF_TAPS + 1
    whole = np.floor(positions[:-1]).astype(np.int64)
    starts = whole + _HALF_TAPS + 1
    padded = np.zeros(max(int(starts[-1]) + n_fft, samples.size + 2 * _HALF_TAPS), np.complex64)
    padded[2 * _HALF_TAPS : 2 * _HALF_TAPS + samples.size] = samples
    spectra = _complex64(fft.fft(sliding_window_view(padded, n_fft)[starts], axis=1))
    at_start = _correlate(spectra, positions[:-1] - whole, step)
    at_end = _correlate(spectra, positions[1:] - whole - step, step)
    at_end -= at_start
    at_end *= np.arange(step, dtype=np.float32) / np.float32(step)
    at_end += at_start
    return at_end.reshape(-1)


def _correlate(
    spectra: NDArray[np.complex64], advances: NDArray[np.float64], step: int
) -> NDArray[np.complex64]:
    """Filter each frame with the kernel of its own advance; keep the valid part."""
    taps = np.arange(1 - _HALF_TAPS, _HALF_TAPS + 1)
    kernels = _kernel(taps[None, :] - advances[:, None]).astype(np.float32)
    response = np.conj(fft.fft(kernels, spectra.shape[1], axis=1))
    response *= spectra
    return _complex64(fft.ifft(response, axis=1, overwrite_x=True)[:, :step])


def _complex64(values: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
    """Return a contiguous complex64 array, without a copy where it is one already."""
    return np.ascontiguousarray(values, dtype=np.complex64)


def _kernel(distance_samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Windowed sinc at a distance from its centre; zero from 16 samples on.

    The window ``exp(b (sqrt(1 - u^2) - 1))`` has nearly the spectrum of a Kaiser
    window and needs no Bessel function.
    """
    inside = np.maximum(1.0 - (distance_samples / _HALF_TAPS) ** 2, 0.0)
    window = np.exp(_WINDOW_SHAPE * (np.sqrt(inside) - 1.0)) * (inside > 0.0)
    kernel: NDArray[np.float64] = np.sinc(distance_samples) * window
    return kernel
