r"""Search a capture for chirp-pair preambles of unknown delay and carrier offset.

The search correlates with the preamble's up-chirp. The metric at sample $n$ is

$$\rho[n] = \frac{|\sum_i x[n+i] u^*[i]|^2}{N \sum_i |x[n+i]|^2} \in [0, 1],$$

the share of the window's energy that lies in the direction of the chirp. In
white circular noise it follows a Beta(1, N-1) distribution whatever the noise
power, so that $P(\rho > \gamma) = (1 - \gamma)^{N-1}$: the threshold comes from
the wanted false-alarm probability. (The projection of an isotropic complex
vector on a fixed direction; Scharf and Friedlander, IEEE Trans. Signal
Process. 42(8), 1994, call it the matched subspace detector with unknown noise.)

The chirps fill a third of the band, so the search runs on sums of three samples,
which are as white as the samples themselves: N is then a third of the chirp.

A carrier offset moves the up-chirp's peak one way and the down-chirp's the
other: the pair gives delay and offset at any offset up to ``max_cfo``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from sdr_ota.signal.sequences import chirp_rate, up_chirp
from sdr_ota.types import Samples

DECIMATION = 3
"""Of the search; the chirps' bandwidth allows it."""

_BLOCK = 8192  # samples of a transform, and
_BATCH = 8  # transforms in a call, that stay in the processor's cache


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
    found, _ = search_bursts(capture, n_chirp, max_cfo, false_alarm_probability)
    return found


def search_bursts(
    capture: Samples, n_chirp: int, max_cfo: float, false_alarm_probability: float
) -> tuple[list[Detection], float]:
    """Return the detections of `detect_bursts` and the largest up-chirp metric of the capture."""
    max_shift = int(np.ceil(max_cfo / chirp_rate(n_chirp) / DECIMATION))
    search = _Search(
        # A carrier offset may move a peak beyond either end of the capture: zeros are added.
        capture=np.pad(_decimated(capture), max_shift),
        up=_decimated_chirp(n_chirp),
        threshold=detection_threshold(false_alarm_probability, n_chirp // DECIMATION),
        max_shift=max_shift,
    )
    best, peaks = 0.0, []
    for offset, metric in _metric_blocks(search.capture, search.up):
        best = max(best, float(metric.max()))
        above = np.flatnonzero(metric > search.threshold)
        peaks += [(offset + int(i), float(metric[i])) for i in above]
    pairs = (search.pair(*peak) for peak in _local_maxima(peaks, len(search.up)))
    found = (_full_rate(*pair, max_shift, n_chirp) for pair in pairs if pair is not None)
    # A peak is known to one decimated sample: the limit is wider by the offset of one sample.
    limit = max_cfo + chirp_rate(n_chirp) * DECIMATION
    return [detection for detection in found if abs(detection.cfo) <= limit], best


def _decimated(capture: Samples) -> Samples:
    """Return sums of three samples, less their mean."""
    n_low = len(capture) // DECIMATION
    if n_low == 0:
        return np.zeros(0, np.complex64)
    thirds = capture[: n_low * DECIMATION].reshape(n_low, DECIMATION)
    low = thirds[:, 0] + thirds[:, 1] + thirds[:, 2]
    low -= low.mean()
    return low


@lru_cache(maxsize=32)
def _decimated_chirp(n_chirp: int) -> Samples:
    """Return the up-chirp as the search sees it, at unit mean power."""
    whole = up_chirp(n_chirp)[: n_chirp // DECIMATION * DECIMATION]
    low = whole.reshape(-1, DECIMATION).sum(axis=1)
    return np.asarray(low / np.sqrt(np.mean(np.abs(low) ** 2)), np.complex64)


def _full_rate(
    rising: float, falling: float, metric: float, padding: int, n_chirp: int
) -> Detection:
    """Turn the two peaks of a pair, found at the low rate behind padding, into a detection."""
    rising, falling = DECIMATION * (rising - padding), DECIMATION * (falling - padding)
    cfo = chirp_rate(n_chirp) * (falling - rising - n_chirp) / 2
    return Detection((rising + falling - n_chirp) / 2, cfo, metric)


@dataclass(frozen=True)
class _Search:
    """A search at the low rate.

    Attributes:
        capture: Decimated samples without their mean.
        up: Decimated up-chirp; its conjugate is the down-chirp.
        threshold: Metric that both must pass.
        max_shift: How far a carrier offset may move a peak, in decimated samples.
    """

    capture: Samples
    up: Samples
    threshold: float
    max_shift: int

    def pair(self, up_start: int, metric: float) -> tuple[float, float, float] | None:
        """Return both peaks and the metric if a down-chirp belongs to this up-chirp."""
        n_up = len(self.up)
        first = max(up_start + n_up - 2 * self.max_shift - 1, 0)
        window = self.capture[first : up_start + 2 * n_up + 2 * self.max_shift + 1]
        if len(window) < n_up:
            return None
        down = _metric_of_few(window, self.up.conj())
        peak = int(np.argmax(down))
        if down[peak] <= self.threshold:
            return None
        around = self.capture[max(up_start - 1, 0) : up_start + n_up + 1]
        up = _metric_of_few(around, self.up)
        rising = up_start + _vertex(up, min(up_start, 1))
        return rising, first + peak + _vertex(down, peak), metric


def _metric_blocks(capture: Samples, chirp: Samples) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Correlate by overlap-save, many blocks in one call: so the transform uses vector code."""
    n_chirp = len(chirp)
    n_starts = len(capture) - n_chirp + 1
    if n_starts < 1:
        return
    n_fft = min(max(fft.next_fast_len(16 * n_chirp), _BLOCK), fft.next_fast_len(len(capture)))
    template = np.asarray(fft.fft(chirp, n_fft).conj() / (n_fft * np.sqrt(n_chirp)), np.complex64)
    step = n_fft - n_chirp + 1
    for offset in range(0, n_starts, _BATCH * step):
        n_here = min(_BATCH * step, n_starts - offset)
        part = capture[offset : offset + n_here + n_chirp - 1]
        blocks = sliding_window_view(np.pad(part, (0, -n_here % step)), n_fft)[::step]
        spectra = fft.fft(blocks) * template
        correlation = np.asarray(fft.ifft(spectra, norm="forward")[:, :step], np.complex64)
        energy = np.maximum(_moving_sum(_squared(part), n_chirp), np.float32(1e-30))
        metric = _squared(correlation).reshape(-1)[:n_here]
        metric /= energy
        yield offset, metric


def _metric_of_few(window: Samples, chirp: Samples) -> NDArray[np.float32]:
    """Return the metric at the few starts of a short window; transforms would cost more."""
    correlation = np.correlate(window, chirp, "valid") / np.float32(np.sqrt(len(chirp)))
    energy = np.maximum(_moving_sum(_squared(window), len(chirp)), np.float32(1e-30))
    return np.asarray(_squared(correlation) / energy, np.float32)


def _moving_sum(values: NDArray[np.float32], n_window: int) -> NDArray[np.float32]:
    """Return the sum of every whole window, added up from sums of 1, 2, 4, ... values.

    Rounding errors grow with the logarithm of the window, and every addition is vector code.
    """
    n_sums = len(values) - n_window + 1
    total = np.zeros(n_sums, np.float32)
    added, width = 0, 1
    while True:
        if n_window & width:
            total += values[added : added + n_sums]
            added += width
        if added == n_window:
            return total
        values = values[:-width] + values[width:]
        width *= 2


def _squared(samples: Samples) -> NDArray[np.float32]:
    return samples.real**2 + samples.imag**2


def _local_maxima(peaks: list[tuple[int, float]], n_chirp: int) -> Iterator[tuple[int, float]]:
    """Keep the highest of every group of peaks closer than half a chirp."""
    group: list[tuple[int, float]] = []
    for peak in peaks:
        if group and peak[0] - group[-1][0] > n_chirp // 2:
            yield max(group, key=lambda p: p[1])
            group = []
        group.append(peak)
    if group:
        yield max(group, key=lambda p: p[1])


def _vertex(metric: NDArray[np.float32], peak: int) -> float:
    """Return the offset of a parabola's summit through a peak and its neighbours."""
    if not 0 < peak < len(metric) - 1:
        return 0.0
    left, top, right = (float(v) for v in np.sqrt(metric[peak - 1 : peak + 2]))
    bend = left - 2 * top + right
    return 0.0 if bend == 0 else 0.5 * (left - right) / bend
