"""Fit a known burst's delay, carrier offset and complex gain at the Cramer-Rao bound."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from sdr_ota.receiver.detection import Detection
from sdr_ota.types import Samples

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Result = TypeVar("Result")

_N_FIT_STEPS = 8  # at most; at working SNR three do
_FIT_PAD = 16  # samples of silence on both sides of a burst that the fit looks at

_AT_ONCE = 6  # bursts of a call: more would not stay in the processor's cache

AROUND = 4
"""Samples on both sides of a burst that copies of it a little earlier or later reach into."""

_STANDS_STILL = np.array([2e-5, 2e-8])
"""Step of delay (samples) and offset (cycles per sample) after which a burst is fitted: the next
would be a tenth of it at most, and less where less noise is left over."""

_UNKNOWNS = np.zeros((7, 5), np.complex128)
"""Real unknowns and what is left over as combinations of complex rows: real and imaginary gain,
delay, offset, real and imaginary DC offset. Real products of all follow from complex ones."""
_UNKNOWNS[[0, 2, 3, 4, 6], range(5)] = 1
_UNKNOWNS[[1, 5], [0, 3]] = 1j


@dataclass(frozen=True, slots=True)
class BurstFit:
    """A known burst's parameters by maximum likelihood, each with its standard deviation.

    Attributes:
        start: Index of the burst's first sample, with fraction.
        start_std: Its standard deviation in samples.
        cfo: Carrier offset in cycles per sample.
        cfo_std: Its standard deviation.
        gain: Complex amplitude over the known burst's; its phase holds at ``start + center``.
        gain_std: Root mean square of the complex error of ``gain``.
        center: Half the burst's length in samples.
        noise_power: Power of what the fit left over, per sample.
        metric: The detection metric that led here.
        dc_offset: Complex amplitude at zero frequency under the burst, full scale 1.0.
    """

    start: float
    start_std: float
    cfo: float
    cfo_std: float
    gain: complex
    gain_std: float
    center: float
    noise_power: float
    metric: float
    dc_offset: complex = 0j


def fit_burst(capture: Samples, reference: Samples, coarse: Detection) -> BurstFit:
    """Fit one burst as `fit_bursts` fits many."""
    return fit_bursts([capture], reference, [coarse])[0]


def fit_bursts(
    captures: Sequence[Samples], reference: Samples, coarse: Sequence[Detection]
) -> list[BurstFit]:
    r"""Fit $y[n] = a\, r(n - \tau)\, e^{j 2\pi\nu (n - n_c)} + d$ by maximum likelihood.

    Many bursts at once. Gauss-Newton on the six real unknowns (real and imaginary part of $a$ and
    of the DC offset $d$, $\tau$, $\nu$); in white noise the least-squares solution is the maximum
    likelihood one and its covariance, the inverse Fisher matrix, is the
    Cramer-Rao bound (Kay, Estimation Theory, section 3.9 and 15.7).

    Args:
        captures: Where the bursts are, one each, shape ``(n_samples,)``.
        reference: The known burst $r$ as it is sent, shape ``(n_reference,)``.
        coarse: Of each, its start within a sample and its offset within half a cycle per burst.
    """
    firsts = [max(round(found.start) - _FIT_PAD, 0) for found in coarse]
    n_window = len(reference) + 2 * _FIT_PAD
    windows = [samples[at : at + n_window] for samples, at in zip(captures, firsts, strict=True)]

    def fit(places: Sequence[int]) -> list[BurstFit]:
        begin = np.array([[coarse[n].start - firsts[n], coarse[n].cfo] for n in places])
        solution = _solve(np.stack([windows[n] for n in places]), reference, begin)
        return [solution.fit(row, firsts[n], coarse[n].metric) for row, n in enumerate(places)]

    return of_equal_lengths(windows, fit)


def of_equal_lengths(
    windows: Sequence[Samples], work: Callable[[Sequence[int]], Sequence[Result]]
) -> list[Result]:
    """Call a function for some windows of one length at a time, and return the results in order.

    Args:
        windows: Of any lengths: a capture may end early.
        work: Takes the indices of windows of one length and returns one result each.
    """
    places: dict[int, list[int]] = {}
    for n, window in enumerate(windows):
        places.setdefault(len(window), []).append(n)
    found: dict[int, Result] = {}
    for same in places.values():
        for first in range(0, len(same), _AT_ONCE):
            group = same[first : first + _AT_ONCE]
            found |= zip(group, work(group), strict=True)
    return [found[n] for n in range(len(windows))]


@dataclass(frozen=True)
class _Solution:
    """Bursts as they were fitted, one a row; unknowns in the order of `_UNKNOWNS`."""

    delay: Reals
    cfo: Reals
    gain: Complexes
    dc_offset: Complexes
    noise_power: Reals
    deviation: Reals
    center: float

    def fit(self, row: int, first: int, metric: float) -> BurstFit:
        """Return one of them; its window begins at the sample ``first``."""
        deviation = self.deviation[row]
        return BurstFit(
            start=first + float(self.delay[row]),
            start_std=float(deviation[2]),
            cfo=float(self.cfo[row]),
            cfo_std=float(deviation[3]),
            gain=complex(self.gain[row]),
            gain_std=float(np.hypot(deviation[0], deviation[1])),
            center=self.center,
            noise_power=float(self.noise_power[row]),
            metric=metric,
            dc_offset=complex(self.dc_offset[row]),
        )


def _solve(windows: Samples, reference: Samples, begin: Reals) -> _Solution:
    """Run Gauss-Newton from delays and offsets, shape ``(n_bursts, 2)``, until all stand still."""
    windows = windows.astype(np.complex128)
    n_bursts, n_window = windows.shape
    model = _BurstModel.of(reference, n_window)
    (delay, cfo), gain = begin.T, np.zeros(n_bursts, np.complex128)
    dc_offset = windows.mean(axis=1)
    rows = np.ones((n_bursts, 5, n_window), np.complex128)
    for step_index in range(_N_FIT_STEPS):
        signal, slope, curve = model.columns(delay, cfo)
        left = windows - dc_offset[:, np.newaxis]
        if step_index == 0:
            gain = _inner(signal, left) / _inner(signal, signal)
        rows[:, 0], rows[:, 1], rows[:, 2] = signal, slope, curve
        rows[:, 1:3] *= gain[:, np.newaxis, np.newaxis]
        rows[:, 4] = left - gain[:, np.newaxis] * signal
        products = np.real(_UNKNOWNS.conj() @ (rows.conj() @ rows.swapaxes(1, 2)) @ _UNKNOWNS.T)
        fisher = products[:, :6, :6]
        step = np.linalg.solve(fisher, products[:, :6, 6:])[..., 0]
        gain = gain + step[:, 0] + 1j * step[:, 1]
        dc_offset = dc_offset + step[:, 4] + 1j * step[:, 5]
        delay, cfo = delay + np.clip(step[:, 2], -1, 1), cfo + step[:, 3]
        if np.all(np.abs(step[:, 2:4]) < _STANDS_STILL):
            break
    # What the last step explains is no longer left over.
    energy = products[:, 6, 6] - np.einsum("bi,bi->b", step, products[:, :6, 6])
    noise_power = np.maximum(energy, 0) / max(n_window - 3, 1)
    variances = np.diagonal(np.linalg.inv(fisher), axis1=1, axis2=2)
    deviation = np.sqrt(noise_power[:, np.newaxis] / 2 * variances)
    return _Solution(delay, cfo, gain, dc_offset, noise_power, deviation, model.center)


def _inner(these: Complexes, those: Complexes) -> Complexes:
    """Return the complex inner product of each row with the one beside it."""
    return np.asarray(np.einsum("bn,bn->b", these.conj(), those))


def place_burst(
    reference: Samples, delay: float, cfo: float, n_window: int
) -> NDArray[np.complex128]:
    """Return a known burst as it stands in a window, for linear fits of what it carries along.

    Args:
        reference: The burst as it is sent.
        delay: Index of its first sample in the window, with fraction.
        cfo: Carrier offset in cycles per sample; its phase is zero at the burst's centre.
        n_window: Samples of the window.
    """
    model = _BurstModel.of(reference, n_window)
    return np.asarray(model.placed(np.array([delay]), np.array([cfo]))[0])


@dataclass(frozen=True)
class FittedBursts:
    """Known bursts about their fits, one a row, each from its first whole sample on.

    Attributes:
        gain: As fitted, shape ``(n_bursts,)``.
        around: The burst as it is placed, at gain 1, with `AROUND` samples more on both sides.
        slope: Its derivative by the start, shape ``(n_bursts, n_samples)``.
        curve: Its derivative by the offset.
        rest: What the fits have left over.
    """

    gain: Complexes
    around: Complexes
    slope: Complexes
    curve: Complexes
    rest: Complexes

    @property
    def signal(self) -> Complexes:
        """The placed bursts, at gain 1, shape ``(n_bursts, n_samples)``."""
        return self.around[:, AROUND:-AROUND]


def burst_window(capture: Samples, reference: Samples, fit: BurstFit) -> Samples:
    """Return a burst from its first whole sample on, as far as the capture holds it."""
    first = max(round(fit.start), 0)
    return capture[first : first + len(reference)]


def linearised(
    captures: Sequence[Samples], reference: Samples, fits: Sequence[BurstFit]
) -> FittedBursts:
    """Return what fits are made of at their solutions.

    Args:
        captures: In which the bursts were fitted; all hold as much of their burst.
        reference: The known burst as it is sent.
        fits: Of each.
    """
    pairs = zip(captures, fits, strict=True)
    windows = np.stack([burst_window(c, reference, fit) for c, fit in pairs]).astype(np.complex128)
    n_samples = windows.shape[1]
    delay = np.array([fit.start - max(round(fit.start), 0) for fit in fits])
    model = _BurstModel.of(reference, n_samples + 2 * AROUND)
    around, slope, curve = model.columns(delay + AROUND, np.array([fit.cfo for fit in fits]))
    inside = slice(AROUND, AROUND + n_samples)
    gain = np.array([fit.gain for fit in fits])
    rest = windows - np.array([[fit.dc_offset] for fit in fits])
    rest -= gain[:, np.newaxis] * around[:, inside]
    return FittedBursts(gain, around, slope[:, inside], curve[:, inside], rest)


@dataclass(frozen=True)
class CramerRaoBound:
    """Smallest standard deviations of an unbiased estimator of a known burst.

    Attributes:
        start_std: Of the delay, in samples.
        cfo_std: Of the carrier offset, in cycles per sample.
        phase_std: Of the phase at the burst's centre, in radians.
        amplitude_std: Of the relative amplitude.
    """

    start_std: float
    cfo_std: float
    phase_std: float
    amplitude_std: float


def cramer_rao_bound(reference: Samples, snr: float) -> CramerRaoBound:
    """Return the bound for a burst with unknown delay, offset, phase and amplitude.

    Args:
        reference: The known burst.
        snr: Power of a unit amplitude over the total noise power of a sample, linear.
    """
    model = _BurstModel.of(reference, len(reference) + 2 * _FIT_PAD)
    signal, slope, curve = model.columns(np.array([float(_FIT_PAD)]), np.zeros(1))
    jacobian = np.concatenate([signal, 1j * signal, slope, curve])
    fisher = 2 * snr * np.real(jacobian.conj() @ jacobian.T)
    deviation = np.sqrt(np.diag(np.linalg.inv(fisher)))
    amplitude, phase, start, cfo = (float(value) for value in deviation)
    return CramerRaoBound(start, cfo, phase, amplitude)


@dataclass(frozen=True)
class _BurstModel:
    """A known burst that can be placed at any fraction of a sample, many times at once."""

    spectrum: Complexes
    slope_spectrum: Complexes
    n_window: int
    center: float

    @classmethod
    def of(cls, reference: Samples, n_window: int) -> "_BurstModel":
        n_fft = fft.next_fast_len(n_window + _FIT_PAD)
        spectrum = fft.fft(reference.astype(np.complex128), n_fft)
        slope_spectrum = -2j * np.pi * fft.fftfreq(n_fft) * spectrum
        return cls(spectrum, slope_spectrum, n_window, (len(reference) - 1) / 2)

    def placed(self, delay: Reals, cfo: Reals) -> Complexes:
        """Return the burst as it is placed each time, shape ``(n_bursts, n_window)``."""
        signal = fft.ifft(self.spectrum * self._shift(delay))[:, : self.n_window]
        return np.asarray(signal * self._turn(delay, cfo))

    def columns(self, delay: Reals, cfo: Reals) -> tuple[Complexes, Complexes, Complexes]:
        """Return the placed bursts and their derivatives by delay and by offset."""
        shift, turn = self._shift(delay), self._turn(delay, cfo)
        signal = fft.ifft(self.spectrum * shift)[:, : self.n_window] * turn
        slope = fft.ifft(self.slope_spectrum * shift)[:, : self.n_window] * turn
        time = np.arange(self.n_window) - (self.center + delay)[:, np.newaxis]
        return signal, slope, 2j * np.pi * time * signal

    def _shift(self, delay: Reals) -> Complexes:
        """Return by what a delay multiplies the bins: those of the upper half are negative."""
        n_fft = len(self.spectrum)
        shift = phasors(n_fft, -2 * np.pi * delay / n_fft)
        shift[:, (n_fft + 1) // 2 :] *= np.exp(2j * np.pi * delay)[:, np.newaxis]
        return shift

    def _turn(self, delay: Reals, cfo: Reals) -> Complexes:
        """Return by what an offset multiplies the samples: 1 at the burst's centre."""
        step = 2 * np.pi * cfo
        return phasors(self.n_window, step, -step * (self.center + delay))


def phasors(n_phasors: int, step_rad: ArrayLike, first_rad: ArrayLike = 0.0) -> Complexes:
    r"""Return $e^{j(\varphi + n \delta)}$, n = 0, 1, ...: products of two short tables of them.

    Two roots of the length many exponentials, instead of all: five times as fast.

    Args:
        n_phasors: How many.
        step_rad: Of the phase, from one to the next; of several rows, shape ``(...,)``.
        first_rad: Phase of the first, of the same shape or one for all.

    Returns:
        Shape ``(..., n_phasors)``.
    """
    n_fine = math.isqrt(max(n_phasors - 1, 0)) + 1
    n_coarse = -(-n_phasors // n_fine)
    step, first = np.asarray(step_rad)[..., np.newaxis], np.asarray(first_rad)[..., np.newaxis]
    fine = np.exp(1j * (first + step * np.arange(n_fine)))
    coarse = np.exp(1j * (step * n_fine) * np.arange(n_coarse))
    table = coarse[..., :, np.newaxis] * fine[..., np.newaxis, :]
    return np.asarray(table.reshape(*table.shape[:-2], -1)[..., :n_phasors])
