"""Control frames as the documents describe them, made without the project's transmitter.

Only the numbers of `ControlFormat` are shared. Chirps, words, quarter turns, pulse, positions,
delay, offset, clock and noise are written here a second time, as in `independent_air`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdr_ota.signal.control_frame import ControlFormat
from tests.sdr_ota.receiver.independent_air import (
    Waveform,
    at_times,
    chirps,
    pulse_taps,
    quarter_turns,
)

BENCH = 11


def walsh(row: int, place: int) -> int:
    """Entry of Sylvester's Hadamard matrix: the parity of the bits that both numbers have."""
    return 1 - 2 * (bin(row & place).count("1") % 2)


def chips_of(data: bytes, frame: ControlFormat) -> Waveform:
    """Length four times, then the bytes, upper four bits first, in quarter turns of the bench."""
    nibbles = []
    for value in bytes([len(data)] * 4) + data:
        nibbles += [value // 16, value % 16]
    each = frame.n_word_chips // 16
    chips = np.array([walsh(n, c // each) for n in nibbles for c in range(frame.n_word_chips)])
    most = (8 + 2 * 255) * frame.n_word_chips
    return chips * quarter_turns((most,), (5, frame.bench))[: len(chips)]


def waveform(data: bytes, frame: ControlFormat) -> Waveform:
    """Preamble and shaped chips, the one behind the other."""
    pulse = frame.pulse
    taps = pulse_taps(pulse.samples_per_chip, pulse.rolloff, pulse.span_chips)
    chips = chips_of(data, frame)
    stretched = np.zeros((len(chips) - 1) * pulse.samples_per_chip + 1, np.complex128)
    stretched[:: pulse.samples_per_chip] = chips
    preamble = frame.known_amplitude * chirps(frame.n_chirp)
    return np.concatenate([preamble, np.convolve(stretched, taps)])


@dataclass(frozen=True)
class Reception:
    """What the air does to a control frame.

    Attributes:
        start: Where its first sample arrives, in samples of the receiver.
        cfo: Cycles per sample by which the sender's carrier is higher.
        gain: Complex.
        clock_error: By what share the sender's clock is faster.
        chip_snr_db: Power of a chip over the noise in it; infinite without noise.
        n_after: Samples of the capture behind the frame.
        dc_offset: Of the receiver.
    """

    start: float = 700.3
    cfo: float = 0.0
    gain: complex = 1.0
    clock_error: float = 0.0
    chip_snr_db: float = math.inf
    n_after: int = 400
    dc_offset: complex = 0.0


def captured(
    data: bytes, frame: ControlFormat, how: Reception, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.complex64]]:
    """Return a capture that holds the frame."""
    sent = waveform(data, frame)
    times = np.arange(math.ceil(how.start) + len(sent) + how.n_after) - how.start
    turn = np.exp(2j * np.pi * how.cfo * times)
    clean = how.gain * turn * at_times(sent, times * (1 + how.clock_error))
    taps = pulse_taps(frame.pulse.samples_per_chip, frame.pulse.rolloff, frame.pulse.span_chips)
    noise_power = abs(how.gain) ** 2 * float(np.sum(taps**2)) / 10 ** (how.chip_snr_db / 10)
    noise = rng.normal(size=(2, len(times))) * math.sqrt(noise_power / 2)
    return (clean + how.dc_offset + noise[0] + 1j * noise[1]).astype(np.complex64)
