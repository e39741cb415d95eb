"""Carrier offset and its Allan deviation."""

import numpy as np
from numpy.typing import NDArray

from ota_calibration.measure.gain import phase_line
from ota_calibration.measure.sounding_sequence import SequenceFit


def train_cfo_hz(fit: SequenceFit, sample_rate_hz: float) -> float:
    """Return the carrier offset of a sequence: slope of its phases. Node minus receiver."""
    return phase_line(fit)[1] * sample_rate_hz


def allan_deviation(
    phases_rad: NDArray[np.float64], interval_s: float, center_freq_hz: float, n_intervals: int
) -> float:
    r"""Return the overlapping Allan deviation of the fractional frequency at one averaging time.

    $$\sigma_y^2(m\tau_0) = \frac{1}{2 (m \tau_0)^2 (N - 2m)}
    \sum_k (x_{k+2m} - 2 x_{k+m} + x_k)^2, \quad x = \phi / 2\pi f_0$$

    (Riley, Handbook of Frequency Stability Analysis, NIST SP 1065, 2008, section 5.2.4.)
    A constant carrier offset cancels. The noise of the phases themselves is in it: it falls
    as $1/\tau$ and hides the oscillator at short times.

    Args:
        phases_rad: Unwrapped phases, shape ``(n,)``.
        interval_s: Time between two of them.
        center_freq_hz: Carrier $f_0$.
        n_intervals: $m$, averaging time in intervals; ``2 m < n``.
    """
    time_error_s = phases_rad / (2 * np.pi * center_freq_hz)
    m = n_intervals
    second = time_error_s[2 * m :] - 2 * time_error_s[m:-m] + time_error_s[: -2 * m]
    return float(np.sqrt(np.mean(second**2) / 2) / (m * interval_s))


def sequence_phases(fit: SequenceFit) -> NDArray[np.float64]:
    """Return the unwrapped phases of a sequence's bursts, their straight line taken out."""
    phase, cfo = phase_line(fit)
    since = fit.arrivals + fit.center - fit.middle
    turned = fit.gains * np.exp(-1j * (phase + 2 * np.pi * cfo * since))
    return np.asarray(np.unwrap(np.angle(turned)))
