"""How strong a path is and how fast that changes, and its phase: a line through a sequence's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from scipy.stats import t as student

from ota_calibration.measure.sounding_sequence import SequenceFit
from sdr_ota.units import amplitude_to_db


def sequence_gain_db(fit: SequenceFit) -> float:
    """Return the level of a path in dB: the mean amplitude over full scale to full scale.

    The mean of amplitudes, not of complex gains: phase noise does not lower it.
    """
    return amplitude_to_db(float(np.mean(np.abs(fit.gains))))


def level_dbm(gain_db: float, amplitude_dbfs: float, reference_dbm: float) -> float:
    """Return the power at the receiver's port.

    Args:
        gain_db: Path as measured, full scale to full scale.
        amplitude_dbfs: At which the node sends.
        reference_dbm: Power at the port that brings the receiver to full scale; from a
            signal generator, once for each receive gain and frequency.

    >>> level_dbm(-20.0, -6.0, reference_dbm=-10.0)
    -36.0
    """
    return reference_dbm + amplitude_dbfs + gain_db


_TAIL, _LEAST = 0.025, 1e-300


@dataclass(frozen=True, slots=True)
class RateOfChange:
    """How fast a level changes, relative to its mean, a second.

    Attributes:
        value: Root mean square.
        std: Its standard deviation.
        freedom: Degrees of freedom of both.
    """

    value: float
    std: float
    freedom: int


def rate_of_change(
    times_s: Sequence[float], levels: Sequence[float], variances: Sequence[float]
) -> RateOfChange:
    r"""Return how fast a level changes from one observation to the next, without their errors.

    Changes that go on depend on each other: where two in a row have the correlation $r$, n of their
    squares count as $n' = n (1 - r^2) / (1 + r^2)$ (Bartlett, J. Royal Statistical Society,
    supplement 8(1), 1946; squares have the correlation $r^2$). Their sum is taken as chi-square of
    $n'$; the deviation is such that Student's t gives the upper end of its 95 % interval.

    Args:
        times_s: Ascending, at least 3.
        levels: Linear, one each.
        variances: Of the levels, by their own errors.
    """
    level, elapsed_s = np.asarray(levels, np.float64), np.diff(np.asarray(times_s, np.float64))
    changes = np.diff(level) / (level.mean() * elapsed_s)
    variance = np.asarray(variances, np.float64) / level.mean() ** 2
    errors = float(np.mean((variance[1:] + variance[:-1]) / elapsed_s**2))
    square = float(np.mean(changes**2))
    correlation = float(changes[1:] @ changes[:-1]) / max(float(changes @ changes), _LEAST)
    n_alone = len(changes) * (1 - correlation**2) / (1 + correlation**2)
    freedom = max(math.floor(n_alone), 1)
    most = square * freedom / float(chi2.ppf(_TAIL, freedom))
    value = math.sqrt(max(square - errors, 0.0))
    half_width = max(math.sqrt(max(most - errors, 0.0)) - value, 0.0)
    return RateOfChange(value, half_width / float(student.ppf(1 - _TAIL, freedom)), freedom)


def phase_line(fit: SequenceFit) -> tuple[float, float]:
    r"""Return the phase at a sequence's middle in radians, and the carrier offset.

    The bursts' own offsets are good enough to unwrap the phases from burst to burst; the
    line through the unwrapped phases is then far better than they are: weighted least squares
    on phases reaches the Cramer-Rao bound at high SNR (Tretter, IEEE Trans. Information
    Theory 31(6), 1985).

    Returns:
        Phase in $(-\pi, \pi]$, and offset in cycles per sample.
    """
    since = fit.arrivals + fit.center - fit.middle
    coarse = float(np.mean(fit.cfos))
    turned = fit.gains * np.exp(-2j * np.pi * coarse * since)
    rest = np.unwrap(np.angle(turned))
    slope = _slope(since, rest)
    phase = float(np.angle(np.exp(1j * np.mean(rest))))
    return phase, coarse + slope / (2 * np.pi)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return 0.0 if len(x) < 2 else float(x @ (y - y.mean()) / (x @ x))
