"""What a burst looks like: impulse response of the path, pilot chips after correction."""

import numpy as np
from numpy.typing import NDArray

from ota_calibration.measure.sounding_sequence import SequenceCapture, SequenceFit, SoundingSequence

_EDGE = 32


def impulse_response(
    capture: SequenceCapture, sequence: SoundingSequence, fit: SequenceFit, finer: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return delays in samples, from 16 before a burst's fitted arrival, and magnitudes there.

    Least squares in frequency, damped where the burst has no power; mean over the sequence's
    bursts. A resolution finer than the burst's bandwidth is interpolation.
    """
    reference = sequence.frame.sounding_burst().astype(np.complex128)
    n = len(reference) + 2 * _EDGE
    sent = np.fft.fft(reference, n)
    power = np.abs(sent) ** 2
    inverse = sent.conj() / (power + 0.01 * power.max())
    total = np.zeros(n, np.complex128)
    for burst in range(fit.n_bursts):
        total += np.fft.fft(_corrected(capture, fit, burst, n, _EDGE)) * inverse / fit.n_bursts
    padded = np.zeros(finer * n, np.complex128)
    half = n // 2
    padded[:half], padded[-half:] = total[:half], total[-half:]
    response = np.abs(np.fft.ifft(padded)) * finer
    first, count = finer * (_EDGE - 16), finer * 48
    delays = np.arange(count) / finer - 16
    return delays, np.asarray(response[first : first + count])


def pilot_chips(
    capture: SequenceCapture, sequence: SoundingSequence, fit: SequenceFit
) -> NDArray[np.complex128]:
    """Return the pilots' chips of all bursts over what was sent: 1 where nothing is wrong."""
    frame = sequence.frame
    n_pilot = frame.pulse.n_samples(frame.n_pilot_chips)
    chips = []
    for burst in range(fit.n_bursts):
        body = _corrected(capture, fit, burst, frame.n_preamble + n_pilot, 0)[frame.n_preamble :]
        if len(body) == n_pilot:
            matched = frame.pulse.match(body.astype(np.complex64), frame.n_pilot_chips)
            chips.append(matched / (frame.sounding_pilot_chips() * frame.known_amplitude))
    return np.concatenate(chips) if chips else np.zeros(0, np.complex128)


def _corrected(
    capture: SequenceCapture, fit: SequenceFit, burst: int, n_samples: int, edge: int
) -> NDArray[np.complex128]:
    """Return the samples of one burst with gain, offset, DC offset and fraction of delay undone."""
    start = float(fit.arrivals[burst]) - capture.start_tick - edge
    whole = int(np.floor(start))
    first = max(whole - 16, 0)
    window = capture.samples[first : whole + n_samples + 16] - fit.dc_offsets[burst]
    shift = np.exp(2j * np.pi * np.fft.fftfreq(len(window)) * (start - whole))
    moved = np.fft.ifft(np.fft.fft(window) * shift)[whole - first :][:n_samples]
    time = np.arange(len(moved)) - edge - fit.center
    moved = moved / fit.gains[burst] * np.exp(-2j * np.pi * fit.cfos[burst] * time)
    return np.pad(moved, (0, n_samples - len(moved)))
