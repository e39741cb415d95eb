r"""Find a burst in a capture, then fit its delay, carrier offset and gain.

Detection correlates with the preamble's up-chirp. The metric at sample $n$ is

$$\rho[n] = \frac{|\sum_i x[n+i] u^*[i]|^2}{N \sum_i |x[n+i]|^2} \in [0, 1],$$

the share of the window's energy that lies in the direction of the chirp. In
white circular noise it follows a Beta(1, N-1) distribution whatever the noise
power, so that $P(\rho > \gamma) = (1 - \gamma)^{N-1}$: the threshold comes from
the wanted false-alarm probability. (The projection of an isotropic complex
vector on a fixed direction; Scharf and Friedlander, IEEE Trans. Signal
Process. 42(8), 1994, call it the matched subspace detector with unknown noise.)

A carrier offset moves the up-chirp's peak one way and the down-chirp's the
other. The pair therefore gives coarse delay and offset at any offset up to
``max_cfo_hz``; a Gauss-Newton fit of the whole known burst then reaches the
Cramer-Rao bound.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_ota.sequences import chirp_rate, up_chirp
from sdr_ota.types import Samples

_N_FIT_STEPS = 8  # at most; at working SNR four do
_FIT_PAD = 16  # samples of silence on both sides of a burst that the fit looks at


class BurstNotFound(Exception):  # noqa: N818 - the name the reports use
    """No preamble stood out of the noise."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A coarse find: where the preamble starts and how far its carrier is off.

    Attributes:
        start: Index of the preamble's first sample, with fraction.
        cfo: Carrier offset in cycles per sample.
        metric: Share of the window's energy explained by the up-chirp, 0 to 1.
    """

    start: float
    cfo: float
    metric: float


@dataclass(frozen=True, slots=True)
class BurstFit:
    """A known burst's parameters by maximum likelihood, each with its standard deviation.

    Attributes:
        start: Index of the burst's first sample, with fraction.
        start_std: Its standard deviation in samples.
        cfo: Carrier offset in cycles per sample.
        cfo_std: Its standard deviation.
        gain: Complex amplitude; its phase holds at ``start + center``.
        gain_std: Root mean square of the complex error of ``gain``.
        center: Half the burst's length in samples.
        noise_power: Power of what the fit left over, per sample.
        metric: The detection metric that led here.
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


def detection_threshold(false_alarm_probability: float, n_chirp: int) -> float:
    r"""Return the metric that noise alone exceeds with the given probability.

    $\gamma = 1 - p^{1/(N-1)}$, per window, for white noise of any power.

    Args:
        false_alarm_probability: $p$ in (0, 1).
        n_chirp: Chirp length $N$ in samples, at least 2.
    """
    return float(-np.expm1(np.log(false_alarm_probability) / (n_chirp - 1)))


def chirp_metric(capture: Samples, chirp: Samples) -> NDArray[np.float32]:
    """Return the normalised correlation metric at every start of a full window.

    Args:
        capture: Shape ``(n_samples,)``.
        chirp: Unit-amplitude template, shape ``(n_chirp,)``.

    Returns:
        Values in [0, 1], shape ``(n_samples - n_chirp + 1,)``.
    """
    parts = [metric for _, metric in _metric_blocks(capture, chirp)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def detect_bursts(
    capture: Samples,
    n_chirp: int,
    max_cfo: float = 0.1,
    false_alarm_probability: float = 1e-9,
) -> list[Detection]:
    """Find every chirp-pair preamble in a capture, in order of time.

    The mean of the capture is removed first, so a DC offset does not hide a
    burst. A false alarm needs noise to pass the up-chirp's threshold, with the
    given probability per sample, and then the down-chirp's too.

    Args:
        capture: Shape ``(n_samples,)``.
        n_chirp: Chirp length of the preamble in samples.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        false_alarm_probability: Per sample of noise, for the up-chirp alone.

    Returns:
        The finds; empty if there is none.
    """
    found, _ = _search(capture, n_chirp, max_cfo, false_alarm_probability)
    return found


def locate_burst(
    capture: Samples,
    reference: Samples,
    n_chirp: int,
    max_cfo: float = 0.1,
    false_alarm_probability: float = 1e-9,
) -> BurstFit:
    """Find the strongest burst of a capture and fit its parameters.

    Args:
        capture: Shape ``(n_samples,)``.
        reference: The known burst that begins with the preamble, unit amplitude.
        n_chirp: Chirp length of the preamble in samples.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        false_alarm_probability: Per sample of noise.

    Raises:
        BurstNotFound: With the best metric and the threshold it missed.
    """
    found, best = _search(capture, n_chirp, max_cfo, false_alarm_probability)
    whole = [d for d in found if 0 <= round(d.start) <= len(capture) - len(reference)]
    if not whole:
        threshold = detection_threshold(false_alarm_probability, n_chirp)
        raise BurstNotFound(
            f"no preamble in {len(capture)} samples: best metric {best:.4f}, threshold "
            f"{threshold:.4f} (false alarm {false_alarm_probability:g} per sample), "
            f"{len(found)} incomplete; check levels, gains and the start time"
        )
    return fit_burst(capture, reference, max(whole, key=lambda d: _power(capture, d, n_chirp)))


def fit_burst(capture: Samples, reference: Samples, coarse: Detection) -> BurstFit:
    r"""Fit $y[n] = a\, r(n - \tau)\, e^{j 2\pi\nu (n - n_c)} + d$ by maximum likelihood.

    Gauss-Newton on the six real unknowns (real and imaginary part of $a$ and of
    the DC offset $d$, $\tau$, $\nu$); in white noise the least-squares solution is the maximum
    likelihood one and its covariance, the inverse Fisher matrix, is the
    Cramer-Rao bound (Kay, Estimation Theory, section 3.9 and 15.7).

    Args:
        capture: Shape ``(n_samples,)``.
        reference: The known burst $r$, unit amplitude, shape ``(n_reference,)``.
        coarse: Start within a sample and offset within half a cycle per burst.
    """
    first = max(round(coarse.start) - _FIT_PAD, 0)
    window = capture[first : first + len(reference) + 2 * _FIT_PAD].astype(np.complex128)
    model = _BurstModel.of(reference, len(window))
    delay, cfo, gain, leakage = coarse.start - first, coarse.cfo, 0j, complex(window.mean())
    ones = np.ones(len(window), np.complex128)
    for _ in range(_N_FIT_STEPS):
        signal, slope, curve = model.columns(delay, cfo)
        if gain == 0:
            gain = complex(np.vdot(signal, window - leakage) / np.vdot(signal, signal))
        jacobian = np.stack([signal, 1j * signal, gain * slope, gain * curve, ones, 1j * ones])
        fisher = np.real(jacobian.conj() @ jacobian.T)
        rest = window - leakage - gain * signal
        step = np.linalg.solve(fisher, np.real(jacobian.conj() @ rest))
        gain += complex(step[0], step[1])
        leakage += complex(step[4], step[5])
        delay += float(np.clip(step[2], -1, 1))
        cfo += float(step[3])
        if abs(step[2]) < 1e-7 and abs(step[3]) < 1e-10:
            break
    left_over = window - leakage - gain * model.columns(delay, cfo)[0]
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
    )


@dataclass(frozen=True)
class CramerRaoBound:
    """Smallest standard deviations of an unbiased estimator of a known burst.

    Attributes:
        start_std: Of the delay, in samples.
        cfo_std: Of the carrier offset, in cycles per sample.
        phase_std: Of the phase at the burst's centre, in radians.
    """

    start_std: float
    cfo_std: float
    phase_std: float


def cramer_rao_bound(reference: Samples, snr: float) -> CramerRaoBound:
    """Return the bound for a burst with unknown delay, offset, phase and amplitude.

    Args:
        reference: The known burst, unit amplitude.
        snr: Burst power over the total noise power of a sample, linear.
    """
    model = _BurstModel.of(reference, len(reference) + 2 * _FIT_PAD)
    signal, slope, curve = model.columns(float(_FIT_PAD), 0.0)
    jacobian = np.stack([signal, 1j * signal, slope, curve])
    fisher = 2 * snr * np.real(jacobian.conj() @ jacobian.T)
    deviation = np.sqrt(np.diag(np.linalg.inv(fisher)))
    return CramerRaoBound(float(deviation[2]), float(deviation[3]), float(deviation[1]))


@dataclass(frozen=True)
class _BurstModel:
    """A known burst that can be placed at any fraction of a sample."""

    spectrum: NDArray[np.complex128]
    frequency: NDArray[np.float64]
    n_window: int
    center: float

    @classmethod
    def of(cls, reference: Samples, n_window: int) -> "_BurstModel":
        n_fft = fft.next_fast_len(n_window + _FIT_PAD)
        return cls(
            spectrum=fft.fft(reference.astype(np.complex128), n_fft),
            frequency=fft.fftfreq(n_fft),
            n_window=n_window,
            center=(len(reference) - 1) / 2,
        )

    def columns(
        self, delay: float, cfo: float
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
        """Return the placed burst and its derivatives by delay and by offset."""
        placed = self.spectrum * np.exp(-2j * np.pi * self.frequency * delay)
        slope = fft.ifft(-2j * np.pi * self.frequency * placed)[: self.n_window]
        time = np.arange(self.n_window) - self.center - delay
        turn = np.exp(2j * np.pi * cfo * time)
        signal = fft.ifft(placed)[: self.n_window] * turn
        return signal, slope * turn, 2j * np.pi * time * signal


def _power(capture: Samples, detection: Detection, n_chirp: int) -> float:
    """Return the power of the up-chirp's window, less its mean, that the chirp explains."""
    first = max(round(detection.start), 0)
    return detection.metric * float(np.var(capture[first : first + n_chirp]))


def _search(
    capture: Samples, n_chirp: int, max_cfo: float, false_alarm_probability: float
) -> tuple[list[Detection], float]:
    """Return the detections and the best up-chirp metric of the whole capture."""
    threshold = detection_threshold(false_alarm_probability, n_chirp)
    capture = capture - capture.mean() if len(capture) else capture
    best, peaks = 0.0, []
    for offset, metric in _metric_blocks(capture, up_chirp(n_chirp)):
        best = max(best, float(metric.max()))
        above = np.flatnonzero(metric > threshold)
        peaks += [(offset + int(i), float(metric[i])) for i in above]
    pairs = (_pair(capture, n_chirp, max_cfo, threshold, *p) for p in _summits(peaks, n_chirp))
    return [pair for pair in pairs if pair is not None], best


def _metric_blocks(capture: Samples, chirp: Samples) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Correlate by overlap-save in blocks that stay in the processor's cache."""
    n_chirp = len(chirp)
    n_fft = max(fft.next_fast_len(16 * n_chirp), 8192)
    template = fft.fft(chirp, n_fft).conj()
    step = n_fft - n_chirp + 1
    for offset in range(0, len(capture) - n_chirp + 1, step):
        block = capture[offset : offset + n_fft]
        n_valid = len(block) - n_chirp + 1
        correlation = fft.ifft(fft.fft(block, n_fft) * template)[:n_valid]
        power = block.real**2 + block.imag**2
        running = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
        energy = running[n_chirp:] - running[:-n_chirp]
        magnitude = correlation.real**2 + correlation.imag**2
        yield offset, (magnitude / np.maximum(n_chirp * energy, 1e-30)).astype(np.float32)


def _summits(peaks: list[tuple[int, float]], n_chirp: int) -> Iterator[tuple[int, float]]:
    """Keep the highest of every group of peaks closer than half a chirp."""
    group: list[tuple[int, float]] = []
    for peak in peaks:
        if group and peak[0] - group[-1][0] > n_chirp // 2:
            yield max(group, key=lambda p: p[1])
            group = []
        group.append(peak)
    if group:
        yield max(group, key=lambda p: p[1])


def _pair(
    capture: Samples, n_chirp: int, max_cfo: float, threshold: float, up_start: int, metric: float
) -> Detection | None:
    """Look for the down-chirp that belongs to an up-chirp; None if there is none."""
    shift = int(np.ceil(max_cfo / chirp_rate(n_chirp)))
    first = max(up_start + n_chirp - 2 * shift - 1, 0)
    window = capture[first : up_start + 2 * n_chirp + 2 * shift + 1]
    if len(window) < n_chirp:
        return None
    down = chirp_metric(window, up_chirp(n_chirp).conj())
    peak = int(np.argmax(down))
    if down[peak] <= threshold:
        return None
    around = capture[max(up_start - 1, 0) : up_start + n_chirp + 1]
    up = chirp_metric(around, up_chirp(n_chirp))
    rising = up_start + _vertex(up, min(up_start, 1))
    falling = first + peak + _vertex(down, peak)
    cfo = chirp_rate(n_chirp) * (falling - rising - n_chirp) / 2
    if abs(cfo) > max_cfo:
        return None
    return Detection((rising + falling - n_chirp) / 2, cfo, metric)


def _vertex(metric: NDArray[np.float32], peak: int) -> float:
    """Return the offset of a parabola's summit through a peak and its neighbours."""
    if not 0 < peak < len(metric) - 1:
        return 0.0
    left, top, right = (float(v) for v in np.sqrt(metric[peak - 1 : peak + 2]))
    bend = left - 2 * top + right
    return 0.0 if bend == 0 else 0.5 * (left - right) / bend
