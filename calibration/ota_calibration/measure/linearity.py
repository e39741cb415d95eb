"""How far a transmitter follows: gain over amplitude, compression point, usable range."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from ota_calibration.measure.sounding_sequence import SequenceCapture, SoundingSequence
from sdr_ota.receiver.burst_fit import place_burst
from sdr_ota.receiver.synchronisation import locate_burst

TOLERATED_COMPRESSION_DB = 0.1
"""Of a payload against its sounding: an amplitude error of 1.2 %, -39 dB of a sum."""

LEAST_SNR = 10.0
"""Of a fitted chirp pair: below it, amplitudes are known to no better than 20 %."""

_PAD = 16


@dataclass(frozen=True)
class Linearity:
    """Gain over amplitude. Arrays have the shape ``(n_rungs,)``.

    Attributes:
        amplitudes: At which the node sent, full scale 1.0.
        gains_db: Amplitude received over amplitude sent.
        stds_db: Their standard deviations.
        small_signal_db: Gain for small amplitudes, by the model.
        compression_dbfs: Amplitude sent at which the gain has fallen by 1 dB; infinite if the
            rungs show no compression.
        compression_std_db: Its standard deviation.
        usable_low: Smallest amplitude that is measured to 20 %.
        usable_high: Largest amplitude sent that is compressed by less than 0.1 dB.
    """

    amplitudes: NDArray[np.float64]
    gains_db: NDArray[np.float64]
    stds_db: NDArray[np.float64]
    small_signal_db: float
    compression_dbfs: float
    compression_std_db: float
    usable_low: float
    usable_high: float


def ladder_amplitudes(n_rungs: int = 16, low: float = 0.05, high: float = 0.9) -> tuple[float, ...]:
    """Return amplitudes in equal steps of dB; chirps above 0.9 would ring over full scale."""
    return tuple(float(a) for a in np.geomspace(low, high, n_rungs))


def measure_linearity(
    captures: list[SequenceCapture], sequence: SoundingSequence, max_cfo: float
) -> Linearity:
    """Fit a compression curve to ladders: sequences whose bursts have different amplitudes.

    Only the chirps are used, because their envelope is constant: an amplitude is then one
    point of the amplifier's curve.

    Args:
        captures: Of one node.
        sequence: The ladder.
        max_cfo: Largest carrier offset looked for, in cycles per sample.

    Raises:
        BurstNotFound: If a capture holds no burst.
    """
    amplitudes = np.array(sequence.amplitudes)
    rungs = np.array([_rungs(capture, sequence, max_cfo) for capture in captures])
    gains = rungs[:, 0] / amplitudes
    # A path that fades from ladder to ladder moves all rungs alike.
    level = np.mean(gains, axis=1, keepdims=True)
    mean = np.mean(gains / level, axis=0) * float(np.mean(level))
    noise_std = np.sqrt(np.mean(rungs[:, 1] ** 2, axis=0) / len(captures)) / amplitudes
    to_db = 20 / math.log(10)
    gains_db, stds_db = 20 * np.log10(mean), to_db * noise_std / mean
    (small_db, bend), covariance = curve_fit(
        _rapp_db, amplitudes, gains_db, p0=(float(gains_db[0]), 0.1), sigma=stds_db,
        absolute_sigma=True, bounds=((-np.inf, -0.4), np.inf),
    )  # fmt: skip
    bend_std = float(np.sqrt(covariance[1, 1]))
    point, point_std = _point(float(bend), bend_std, 1.0)
    limit, _ = _point(float(bend), bend_std, TOLERATED_COMPRESSION_DB)
    measurable = amplitudes[mean / noise_std > math.sqrt(LEAST_SNR)]
    return Linearity(
        amplitudes, gains_db, stds_db, float(small_db), point, point_std,
        usable_low=float(measurable.min()) if len(measurable) else math.nan,
        usable_high=min(10 ** (limit / 20), float(amplitudes.max())),
    )  # fmt: skip


def _rapp_db(amplitude: NDArray[np.float64], small_db: float, bend: float) -> NDArray[np.float64]:
    """Rapp's solid-state amplifier of smoothness 2: gain at an amplitude, bend = A^-4."""
    return np.asarray(small_db - 5 * np.log10(1 + bend * amplitude**4))


def _point(bend: float, bend_std: float, drop_db: float) -> tuple[float, float]:
    """Return where the gain has fallen by so much, in dB over full scale, and its deviation."""
    if bend < 3 * bend_std:
        return math.inf, math.nan
    fourth = (10 ** (drop_db / 5) - 1) / bend
    return 5 * math.log10(fourth), 5 / math.log(10) * bend_std / bend


def _rungs(
    capture: SequenceCapture, sequence: SoundingSequence, max_cfo: float
) -> tuple[NDArray[np.float64], ...]:
    """Return the amplitude of every rung as received, and its standard deviation."""
    frame = sequence.frame
    burst = frame.sounding_burst()
    found = locate_burst(capture.samples, burst, frame.n_chirp, max_cfo)
    chirps = (frame.preamble() / np.float32(frame.known_amplitude)).astype(np.complex64)
    first = found.start % sequence.period
    if capture.sequence_tick is not None:
        away = found.start - (capture.sequence_tick - capture.start_tick)
        first = found.start - round(away / sequence.period) * sequence.period
    received = [
        _amplitude(capture, first + k * sequence.period, found.cfo, chirps)
        for k in range(len(sequence.amplitudes))
    ]
    values = np.array(received)
    if capture.sequence_tick is None:
        values = np.roll(values, _turn(values[:, 0], np.array(sequence.amplitudes)), axis=0)
    return values[:, 0], values[:, 1]


def _turn(received: NDArray[np.float64], sent: NDArray[np.float64]) -> int:
    """Return by how many rungs a ladder that was cut anywhere has to be turned."""
    fits = [float(np.corrcoef(np.roll(received, turn), sent)[0, 1]) for turn in range(len(sent))]
    return int(np.argmax(fits))


def _amplitude(
    capture: SequenceCapture, start: float, cfo: float, chirps: NDArray[np.complex64]
) -> tuple[float, float]:
    """Fit gain and DC offset linearly: time and carrier are known from the strongest burst."""
    first = max(math.floor(start) - _PAD, 0)
    n_window = len(chirps) + _PAD
    window = capture.samples[first : first + n_window].astype(np.complex128)
    signal = place_burst(chirps, start - first, cfo, n_window)[: len(window)]
    columns = np.stack([signal, np.ones(len(window))], axis=1)
    fitted, *_ = np.linalg.lstsq(columns, window, rcond=None)
    rest = window - columns @ fitted
    noise_power = float(np.vdot(rest, rest).real) / max(len(window) - 2, 1)
    std = math.sqrt(noise_power / 2 / float(np.vdot(signal, signal).real))
    return abs(complex(fitted[0])), std
