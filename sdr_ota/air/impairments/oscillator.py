"""What one real oscillator does: offset, drift, phase noise, phase at start.

All phases are functions of absolute time (a sample tick), so two bursts of one
node stay in phase with each other however long the pause between them.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Samples

_BLOCK_SAMPLES = 256


def cfo_of_clock_error(clock_error_ppm: float, center_freq_hz: float) -> float:
    """Return the carrier offset of an oscillator that also makes the sample clock.

    ``cfo_hz = center_freq_hz * clock_error_ppm * 1e-6``: carrier and sample
    clock are multiples of one reference, so ``resample_by_ppm`` takes the same
    ``clock_error_ppm``.

    >>> cfo_of_clock_error(25.0, 2.4e9)
    60000.0
    """
    return center_freq_hz * clock_error_ppm / 1e6


def apply_cfo(
    samples: Samples,
    cfo_hz: float,
    sample_rate_hz: float,
    start_tick: int = 0,
    phase_rad: float = 0.0,
) -> Samples:
    """Turn the samples by a carrier frequency offset.

    ``y[n] = x[n] exp(j (2 pi cfo_hz (start_tick + n) / sample_rate_hz + phase_rad))``.
    Positive where the sender's carrier lies above the receiver's. The phase at
    ``start_tick`` is found with exact integers, so it does not lose precision
    however large the tick; within the burst the error is single precision
    (below 1e-6 rad).

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        cfo_hz: Sender's carrier minus the receiver's, in Hz.
        sample_rate_hz: Sample rate in samples per second, positive.
        start_tick: Receiver tick of ``samples[0]``.
        phase_rad: Phase at tick 0.

    Returns:
        A new array of the same shape.
    """
    start_cycles = _turns(Fraction(cfo_hz), Fraction(sample_rate_hz), start_tick)
    start_cycles += phase_rad / (2.0 * math.pi)
    cycles_per_sample = cfo_hz / sample_rate_hz
    # exp(j(a + b)) = exp(ja) exp(jb): one exponential a block and one a place
    # in the block, instead of one a sample.
    n_blocks = -(-samples.size // _BLOCK_SAMPLES)
    coarse = _phasor(start_cycles, _BLOCK_SAMPLES * cycles_per_sample, n_blocks)
    fine = _phasor(0.0, cycles_per_sample, _BLOCK_SAMPLES)
    n_whole = samples.size - samples.size % _BLOCK_SAMPLES
    turned = np.empty(samples.shape, np.complex64)
    blocks = turned[:n_whole].reshape(-1, _BLOCK_SAMPLES)
    np.multiply(samples[:n_whole].reshape(-1, _BLOCK_SAMPLES), fine, out=blocks)
    blocks *= coarse[: blocks.shape[0], None]
    turned[n_whole:] = samples[n_whole:] * fine[: samples.size - n_whole] * coarse[-1:]
    return turned


def apply_frequency_drift(
    samples: Samples, drift_hz_per_s: float, sample_rate_hz: float, start_tick: int = 0
) -> Samples:
    """Turn the samples by a carrier that moves linearly from no offset at tick 0.

    ``y[n] = x[n] exp(j pi drift_hz_per_s t^2)`` with
    ``t = (start_tick + n) / sample_rate_hz``: the instantaneous frequency is
    ``drift_hz_per_s * t``. Exact for any tick, as ``apply_cfo``; add the offset
    at tick 0 with that function.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        drift_hz_per_s: Rate of change of the carrier offset.
        sample_rate_hz: Sample rate in samples per second, positive.
        start_tick: Tick of ``samples[0]``, counted from the drift's origin.

    Returns:
        A new array of the same shape.
    """
    half_drift = Fraction(drift_hz_per_s) / 2
    rate = Fraction(sample_rate_hz)
    # (start + n)^2 = start^2 + n (2 start + n): the first part is exact, the
    # rest is taken modulo whole turns before it meets floating point.
    start_cycles = _turns(half_drift, rate * rate, start_tick * start_tick)
    slope = _turns(2 * half_drift, rate * rate, start_tick)
    places = np.arange(samples.size, dtype=np.float64)
    bend = drift_hz_per_s / (2.0 * sample_rate_hz * sample_rate_hz)
    return _turn(samples, start_cycles + places * (slope + bend * places))


def apply_phase_noise(
    samples: Samples,
    linewidth_hz: float,
    sample_rate_hz: float,
    start_phase_rad: float,
    rng: np.random.Generator,
) -> tuple[Samples, float]:
    """Turn the samples by a random walk of phase (Wiener phase noise).

    Increments are Gaussian with variance ``2 pi linewidth_hz / sample_rate_hz``
    a sample, which gives the carrier a Lorentzian line of full width
    ``linewidth_hz`` at half power.

    Args:
        samples: Complex baseband, shape ``(n_samples,)``.
        linewidth_hz: Full width at half power, not negative.
        sample_rate_hz: Sample rate in samples per second, positive.
        start_phase_rad: Phase of the walk at ``samples[0]``.
        rng: Source of the increments.

    Returns:
        The turned samples, and the phase of the walk one sample after the last:
        give it to the next adjoining call, or to ``advance_phase_noise`` where
        there is a pause.

    Raises:
        ValueError: If ``linewidth_hz`` is negative.
    """
    step_std = math.sqrt(_phase_variance(linewidth_hz, 1.0 / sample_rate_hz))
    walk = np.empty(samples.size + 1)
    walk[0] = 0.0
    np.cumsum(rng.standard_normal(samples.size, np.float32), dtype=np.float64, out=walk[1:])
    walk *= step_std / (2.0 * math.pi)
    walk += start_phase_rad / (2.0 * math.pi)
    end_phase_rad = 2.0 * math.pi * float(walk[-1])
    return _turn(samples, walk[:-1]), end_phase_rad


def advance_phase_noise(
    phase_rad: float, pause_s: float, linewidth_hz: float, rng: np.random.Generator
) -> float:
    """Return the phase of the random walk after a pause without samples.

    Args:
        phase_rad: Phase before the pause.
        pause_s: Length of the pause, not negative.
        linewidth_hz: As in ``apply_phase_noise``.
        rng: Source of the increment.

    Returns:
        ``phase_rad`` plus a Gaussian step of variance ``2 pi linewidth_hz pause_s``.

    Raises:
        ValueError: If ``pause_s`` or ``linewidth_hz`` is negative.
    """
    return phase_rad + math.sqrt(_phase_variance(linewidth_hz, pause_s)) * rng.standard_normal()


def draw_grid_phase(
    rng: np.random.Generator, n_states: int = 8, residual_std_rad: float = 0.0
) -> float:
    """Draw the carrier phase of a radio after a start, from a grid of divider states.

    ``2 pi i / n_states`` with ``i`` uniform, plus a Gaussian residual. An
    AD9361 at 920 MHz comes back on a grid of pi/4 (8 states) with a residual of
    0.75 to 4.6 degrees (public logs of techtile-by-dramco/experiments,
    00_calibration/004_LP_only, recomputed); at 4 GHz the same group reports 2
    states.

    Args:
        rng: Source of randomness.
        n_states: Number of phase states, at least 1.
        residual_std_rad: Standard deviation around the state.

    Returns:
        Phase in radians.
    """
    state = int(rng.integers(n_states))
    return 2.0 * math.pi * state / n_states + residual_std_rad * rng.standard_normal()


def draw_uniform_phase(rng: np.random.Generator) -> float:
    """Draw a carrier phase uniformly from ``[0, 2 pi)`` radians."""
    return 2.0 * math.pi * rng.random()


def _phase_variance(linewidth_hz: float, duration_s: float) -> float:
    if linewidth_hz < 0.0 or duration_s < 0.0:
        raise ValueError(
            f"phase noise needs linewidth_hz >= 0 and a duration >= 0 s, "
            f"got {linewidth_hz:g} Hz and {duration_s:g} s"
        )
    return 2.0 * math.pi * linewidth_hz * duration_s


def _turns(numerator: Fraction, denominator: Fraction, ticks: int) -> float:
    """Return the fractional part of ``numerator / denominator * ticks``, exactly."""
    top = numerator.numerator * denominator.denominator * ticks
    bottom = numerator.denominator * denominator.numerator
    return (top % bottom) / bottom


def _phasor(start_cycles: float, cycles_per_step: float, n_steps: int) -> NDArray[np.complex64]:
    """Return ``exp(2 pi j (start_cycles + i cycles_per_step))`` for i below ``n_steps``."""
    cycles = start_cycles + cycles_per_step * np.arange(n_steps, dtype=np.float64)
    turns: NDArray[np.complex128] = np.exp(2j * np.pi * (cycles - np.rint(cycles)))
    return turns.astype(np.complex64)


def _turn(samples: Samples, cycles: NDArray[np.float64]) -> Samples:
    """Turn every sample by its own phase; sine and cosine in single precision."""
    angles = (2.0 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
    turned = np.empty(samples.shape, np.complex64)
    np.cos(angles, out=turned.real)
    np.sin(angles, out=turned.imag)
    turned *= samples
    return turned
