"""How strong a path is, and its phase: level in dB and in dBm, line through a sequence's phases."""

import numpy as np
from numpy.typing import NDArray

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
