"""Fit a known burst's delay, carrier offset and complex gain at the Cramer-Rao bound."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_ota.receiver.detection import Detection
from sdr_ota.types import Samples

_N_FIT_STEPS = 8  # at most; at working SNR four do
_FIT_PAD = 16  # samples of silence on both sides of a burst that the fit looks at


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
    r"""Fit $y[n] = a\, r(n - \tau)\, e^{j 2\pi\nu (n - n_c)} + d$ by maximum likelihood.

    Gauss-Newton on the six real unknowns (real and imaginary part of $a$ and of
    the DC offset $d$, $\tau$, $\nu$); in white noise the least-squares solution is the maximum
    likelihood one and its covariance, the inverse Fisher matrix, is the
    Cramer-Rao bound (Kay, Estimation Theory, section 3.9 and 15.7).

    Args:
        capture: Shape ``(n_samples,)``.
        reference: The known burst $r$ as it is sent, shape ``(n_reference,)``.
        coarse: Start within a sample and offset within half a cycle per burst.
    """
    first = max(round(coarse.start) - _FIT_PAD, 0)
    window = capture[first : first + len(reference) + 2 * _FIT_PAD].astype(np.complex128)
    model = _BurstModel.of(reference, len(window))
    delay, cfo, gain, dc_offset = coarse.start - first, coarse.cfo, 0j, complex(window.mean())
    ones = np.ones(len(window), np.complex128)
    for _ in range(_N_FIT_STEPS):
        signal, slope, curve = model.columns(delay, cfo)
        if gain == 0:
            gain = complex(np.vdot(signal, window - dc_offset) / np.vdot(signal, signal))
        jacobian = np.stack([signal, 1j * signal, gain * slope, gain * curve, ones, 1j * ones])
        # Real inner products of complex vectors. By einsum, not by matrix product: the
        # linear algebra library would wake threads for it, which costs more than the fit.
        columns = jacobian.view(np.float64)
        fisher = np.einsum("in,jn->ij", columns, columns)
        rest = window - dc_offset - gain * signal
        step = np.linalg.solve(fisher, np.einsum("in,n->i", columns, rest.view(np.float64)))
        gain += complex(step[0], step[1])
        dc_offset += complex(step[4], step[5])
        delay += float(np.clip(step[2], -1, 1))
        cfo += float(step[3])
        if abs(step[2]) < 1e-7 and abs(step[3]) < 1e-10:
            break
    left_over = window - dc_offset - gain * model.placed(delay, cfo)
    noise_power = float(np.vdot(left_over, left_over).real) / max(len(window) - 3, 1)
    deviation = np.sqrt(noise_power / 2 * np.diag(np.linalg.inv(fisher)))
    return BurstFit(
        start=first + delay,
        start_std=float(deviation[2]),
        cfo=cfo,
        cfo_std=float(deviation[3]),
        gain=gain,
        gain_std=float(np.hypot(deviation[0], deviation[1])),
        center=model.center,
        noise_power=noise_power,
        metric=coarse.metric,
        dc_offset=dc_offset,
    )


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
    return _BurstModel.of(reference, n_window).placed(delay, cfo)


def linearised(
    capture: Samples, reference: Samples, fit: BurstFit
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the columns of a fit's six unknowns at its solution, and what it has left over.

    Args:
        capture: In which the burst was fitted.
        reference: The known burst as it is sent.
        fit: Of it.

    Returns:
        Derivatives by real and imaginary gain, start, offset, real and imaginary DC offset, shape
        ``(6, n_reference)``, and the rest, shape ``(n_reference,)``; both from the burst's first
        whole sample on.
    """
    first = max(round(fit.start), 0)
    window = capture[first : first + len(reference)].astype(np.complex128)
    model = _BurstModel.of(reference, len(window))
    signal, slope, curve = model.columns(fit.start - first, fit.cfo)
    ones = np.ones(len(window), np.complex128)
    columns = np.stack([signal, 1j * signal, fit.gain * slope, fit.gain * curve, ones, 1j * ones])
    return columns, window - fit.dc_offset - fit.gain * signal


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
    signal, slope, curve = model.columns(float(_FIT_PAD), 0.0)
    jacobian = np.stack([signal, 1j * signal, slope, curve])
    fisher = 2 * snr * np.real(jacobian.conj() @ jacobian.T)
    deviation = np.sqrt(np.diag(np.linalg.inv(fisher)))
    amplitude, phase, start, cfo = (float(value) for value in deviation)
    return CramerRaoBound(start, cfo, phase, amplitude)


@dataclass(frozen=True)
class _BurstModel:
    """A known burst that can be placed at any fraction of a sample."""

    spectrum: NDArray[np.complex128]
    slope_spectrum: NDArray[np.complex128]
    n_window: int
    center: float

    @classmethod
    def of(cls, reference: Samples, n_window: int) -> "_BurstModel":
        n_fft = fft.next_fast_len(n_window + _FIT_PAD)
        spectrum = fft.fft(reference.astype(np.complex128), n_fft)
        slope_spectrum = -2j * np.pi * fft.fftfreq(n_fft) * spectrum
        return cls(spectrum, slope_spectrum, n_window, (len(reference) - 1) / 2)

    def placed(self, delay: float, cfo: float) -> NDArray[np.complex128]:
        """Return the placed burst."""
        signal: NDArray[np.complex128] = fft.ifft(self.spectrum * self._shift(delay))
        return signal[: self.n_window] * self._turn(delay, cfo)

    def columns(
        self, delay: float, cfo: float
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
        """Return the placed burst and its derivatives by delay and by offset."""
        shift, turn = self._shift(delay), self._turn(delay, cfo)
        signal = fft.ifft(self.spectrum * shift)[: self.n_window] * turn
        slope = fft.ifft(self.slope_spectrum * shift)[: self.n_window] * turn
        time = np.arange(self.n_window) - (self.center + delay)
        return signal, slope, 2j * np.pi * time * signal

    def _shift(self, delay: float) -> NDArray[np.complex128]:
        """Return by what a delay multiplies the bins: those of the upper half are negative."""
        n_fft = len(self.spectrum)
        shift = phasors(n_fft, -2 * np.pi * delay / n_fft)
        shift[(n_fft + 1) // 2 :] *= np.exp(2j * np.pi * delay)
        return shift

    def _turn(self, delay: float, cfo: float) -> NDArray[np.complex128]:
        """Return by what an offset multiplies the samples: 1 at the burst's centre."""
        step = 2 * np.pi * cfo
        return phasors(self.n_window, step, -step * (self.center + delay))


def phasors(n_phasors: int, step_rad: float, first_rad: float = 0.0) -> NDArray[np.complex128]:
    r"""Return $e^{j(\varphi + n \delta)}$, n = 0, 1, ...: products of two short tables of them.

    Two roots of the length many exponentials, instead of all: five times as fast.

    Args:
        n_phasors: How many.
        step_rad: Of the phase, from one to the next.
        first_rad: Phase of the first.
    """
    n_fine = math.isqrt(max(n_phasors - 1, 0)) + 1
    n_coarse = -(-n_phasors // n_fine)
    fine = np.exp(1j * (first_rad + step_rad * np.arange(n_fine)))
    coarse = np.exp(1j * (step_rad * n_fine) * np.arange(n_coarse))
    return np.asarray(np.multiply.outer(coarse, fine).reshape(-1)[:n_phasors])
