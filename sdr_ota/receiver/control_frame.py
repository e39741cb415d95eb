"""From a capture to the bytes of a control frame, errors among them, or to why there are none."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.interpolate import make_interp_spline

from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.signal.control_frame import LENGTH_REPEATS, ControlFormat
from sdr_ota.signal.orthogonal_words import N_WORDS, WORDS_PER_BYTE, bytes_of, word_chips
from sdr_ota.types import Chips, Samples
from sdr_ota.units import power_to_db

RefusalReason: TypeAlias = Literal[
    "not-found",
    "cut-off",
    "other-bench",
    "not-decoded",
    "not-authentic",
    "replayed",
    "not-a-message",
]

OTHER_BENCH_CHANCE = 1e-3
"""With which the words of another bench, or noise, pass for ours; code and checksum see those."""

_MARGIN = 8
"""Samples beside what is interpolated, for the ends of the spline."""


class FrameRefused(Exception):  # noqa: N818 - what happens to it
    """What was received is no control frame for this node.

    Attributes:
        reason: One word for tables.
        detail: One sentence with numbers.
    """

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: RefusalReason = reason
        self.detail = detail


@dataclass(frozen=True)
class SenderClock:
    """How the sender's sample clock follows from its carrier, where one oscillator makes both.

    Attributes:
        error_per_cfo: By what share the clock is faster than the receiver's, for each cycle per
            sample by which the carrier is higher: sample rate over carrier frequency; 0 where all
            radios have one reference.
        detuned_cfo: By how much the receiver's synthesiser was tuned up and its clock was not, in
            cycles per sample; a trim of the crystal moves both and is none.
    """

    error_per_cfo: float = 0.0
    detuned_cfo: float = 0.0

    def error(self, cfo: float) -> float:
        """Return by what share the sender's clock is faster.

        Args:
            cfo: Its carrier offset as received, in cycles per sample.
        """
        return self.error_per_cfo * (cfo + self.detuned_cfo)


COMMON_CLOCK = SenderClock()
"""Of radios with one reference."""


@dataclass(frozen=True)
class ReceivedControl:
    """A control frame after the receiver.

    Attributes:
        data: Its bytes; noise may have changed some.
        burst: Its preamble as fitted: time, carrier offset, level, noise.
        chip_snr: Power of a chip over the noise in it, linear, by the preamble.
    """

    data: bytes
    burst: BurstFit
    chip_snr: float


def receive_control_frame(
    samples: Samples, frame: ControlFormat, max_cfo: float, clock: SenderClock = COMMON_CLOCK
) -> ReceivedControl:
    """Find the strongest control frame of a capture and read its bytes.

    Args:
        samples: Shape ``(n_samples,)``.
        frame: Its format.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        clock: What its carrier offset says of the sender's sample clock.

    Raises:
        FrameRefused: ``not-found``, ``cut-off`` or ``other-bench``.
    """
    try:
        burst = locate_burst(samples, frame.preamble(), frame.n_chirp, max_cfo)
    except BurstNotFound as missing:
        raise FrameRefused("not-found", str(missing)) from missing
    chips = _ChipReader(samples, frame, burst, clock.error(burst.cfo))
    n_bytes = _length(chips.read(0, frame.n_length_chips), frame)
    n_chips = n_bytes * WORDS_PER_BYTE * frame.n_word_chips
    words = np.argmax(_magnitudes(chips.read(frame.n_length_chips, n_chips), frame), axis=1)
    snr = abs(burst.gain) ** 2 * frame.pulse.energy / burst.noise_power
    return ReceivedControl(bytes_of(words), burst, snr)


@dataclass(frozen=True)
class _ChipReader:
    """Reads the chips of a frame whose preamble is known.

    Attributes:
        samples: The capture.
        frame: Format.
        burst: Preamble as fitted.
        clock_error: By what share the sender's clock is faster.
    """

    samples: Samples
    frame: ControlFormat
    burst: BurstFit
    clock_error: float

    def read(self, first: int, n_chips: int) -> Chips:
        """Return chips without carrier offset and without the bench's phases.

        Raises:
            FrameRefused: ``cut-off`` if the capture ends before they do.
        """
        pulse, burst = self.frame.pulse, self.burst
        # Counted from the preamble's middle, where the fit knows the time best.
        nominal = self.frame.chip_place(first) + pulse.samples_per_chip * np.arange(n_chips)
        since = (nominal - burst.center) / (1 + self.clock_error)
        place = burst.start + burst.center + since
        begin = int(place[0]) - _MARGIN
        end = int(place[-1]) + _MARGIN
        window = self.samples[begin - pulse.half_samples : end + pulse.half_samples]
        if len(window) < end - begin + 2 * pulse.half_samples:
            raise FrameRefused(
                "cut-off",
                f"the control frame needs samples up to {end + pulse.half_samples}, "
                f"there are {len(self.samples)}; capture longer",
            )
        # Turned back before the matched filter: it matches no signal beside its band.
        times = begin - pulse.half_samples + np.arange(len(window)) - burst.start - burst.center
        still = (window - burst.dc_offset) * np.exp(-2j * np.pi * burst.cfo * times)
        filtered = np.convolve(still, pulse.taps, "valid") / pulse.energy
        both = np.stack([filtered.real, filtered.imag], axis=1)
        real, imag = make_interp_spline(np.arange(len(both)), both, k=5)(place - begin).T
        scramble = self.frame.scramble(first + n_chips)[first:]
        return np.asarray((real + 1j * imag) * scramble.conj())


def _magnitudes(
    chips: Chips, frame: ControlFormat
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the squared correlation of each place with each word, shape ``(n_places, 16)``."""
    places = chips.reshape(-1, frame.n_word_chips)
    return np.asarray(np.abs(places @ word_chips(frame.n_word_chips).T) ** 2)


def _length(chips: Chips, frame: ControlFormat) -> int:
    """Return the frame's number of bytes.

    Raises:
        FrameRefused: ``other-bench`` if the words are not of this bench, or no length.
    """
    repeats = _magnitudes(chips, frame).reshape(LENGTH_REPEATS, WORDS_PER_BYTE, N_WORDS)
    summed = repeats.sum(axis=0)
    # To the phases of another bench, chips correlate as noise of their whole power does: each
    # repeat is exponential, their sum gamma.
    noise_alone = frame.n_word_chips * float(np.mean(np.abs(chips) ** 2))
    shares = summed.max(axis=1) / noise_alone
    limit = float(stats.gamma.isf(OTHER_BENCH_CHANCE / N_WORDS, LENGTH_REPEATS))
    (n_bytes,) = bytes_of(np.argmax(summed, axis=1))
    if shares.min() < limit or n_bytes == 0:
        raise FrameRefused(
            "other-bench",
            f"the words behind the preamble are not those of bench {frame.bench}: they stand "
            f"{power_to_db(float(shares.min()) / LENGTH_REPEATS):.1f} dB over noise, "
            f"{power_to_db(limit / LENGTH_REPEATS):.1f} dB are asked for",
        )
    return n_bytes
