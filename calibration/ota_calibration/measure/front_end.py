r"""I/Q image and DC offset, of transmitter and receiver each.

An image of the transmitter turns with its carrier, one of the receiver against it; a DC offset
of the transmitter turns with the carrier, one of the receiver stands still. One linear fit over
a whole sequence tells them apart as soon as the carrier turns at least once in it; with a common
clock it does not, and their sum is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.measure.sounding_sequence import SequenceCapture, SequenceFit, SoundingSequence
from sdr_ota.receiver.burst_fit import place_burst

_EDGE = 16


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Images and DC offsets, complex, with the deviation of each.

    Attributes:
        tx_image: Over the signal, at the transmitter; the sum of both where they cannot be told
            apart.
        rx_image: At the receiver; None where they cannot be told apart.
        image_std: Root mean square of the complex error of either.
        tx_dc: Over full scale of the transmitter; None where it cannot be told apart.
        rx_dc: Over full scale of the receiver; the sum of both where they cannot be told apart.
        dc_std: Root mean square of the complex error of ``rx_dc``.
        tx_dc_std: The same of ``tx_dc``; None with it.
    """

    tx_image: complex
    rx_image: complex | None
    image_std: float
    tx_dc: complex | None
    rx_dc: complex
    dc_std: float
    tx_dc_std: float | None = None


def measure_front_end(
    capture: SequenceCapture, sequence: SoundingSequence, fit: SequenceFit
) -> FrontEnd:
    """Fit images and DC offsets to what a sequence leaves over.

    Args:
        capture: The sequence as received.
        sequence: What was sent, even.
        fit: Its bursts as fitted.
    """
    parts = [_burst_columns(capture, sequence, fit, k) for k in range(fit.n_bursts)]
    columns = np.concatenate([part[0] for part in parts])
    received = np.concatenate([part[1] for part in parts])
    turns = abs(float(np.mean(fit.cfos))) * fit.period * fit.n_bursts
    if turns < 1:
        columns = columns[:, [0, 1, 4]]
    # Real unknowns would be wrong here: an image is complex, and linear in the columns.
    fitted, *_ = np.linalg.lstsq(columns, received, rcond=None)
    rest = received - columns @ fitted
    noise_power = float(np.vdot(rest, rest).real) / (len(received) - columns.shape[1])
    inverse = np.linalg.inv(columns.conj().T @ columns)
    stds = np.sqrt(noise_power * np.real(np.diag(inverse)))
    if turns < 1:
        return FrontEnd(
            complex(fitted[1]), None, float(stds[1]), None, complex(fitted[2]), float(stds[2])
        )
    gain = float(np.mean(np.abs(fit.gains)))
    return FrontEnd(
        tx_image=complex(fitted[1]),
        rx_image=complex(fitted[2]),
        image_std=float(max(stds[1], stds[2])),
        tx_dc=complex(fitted[3]) / gain,
        rx_dc=complex(fitted[4]),
        dc_std=float(stds[4]),
        tx_dc_std=float(stds[3]) / gain,
    )


def _burst_columns(
    capture: SequenceCapture, sequence: SoundingSequence, fit: SequenceFit, burst: int
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return signal, its two images and two DC offsets around one burst, and what was received."""
    reference = sequence.frame.sounding_burst()
    start = float(fit.arrivals[burst]) - capture.start_tick
    first = max(int(np.floor(start)) - _EDGE, 0)
    n_window = len(reference) + 2 * _EDGE
    received = capture.samples[first : first + n_window].astype(np.complex128)
    n_window = len(received)
    still = place_burst(reference, start - first, 0.0, n_window)
    time = np.arange(n_window) - fit.center - (start - first)
    turn = fit.gains[burst] * np.exp(2j * np.pi * fit.cfos[burst] * time)
    signal = still * turn
    unit = turn / abs(fit.gains[burst])
    columns = [signal, still.conj() * turn, signal.conj(), unit, np.ones(n_window)]
    return np.stack(columns, axis=1), received


def mean_ratio_db(ratios: Sequence[complex], stds: Sequence[float]) -> tuple[float, float]:
    """Return the level of the mean of complex ratios in dB, and its standard deviation in dB.

    Never below the deviation of the mean: what is smaller than its error is known to be no
    larger than it, and no better.
    """
    mean = abs(complex(np.mean(ratios)))
    std = float(np.sqrt(np.mean(np.square(stds)) / len(stds) / 2))
    level = max(mean, std, 1e-12)
    return float(20 * np.log10(level)), float(20 / np.log(10) * std / level)
