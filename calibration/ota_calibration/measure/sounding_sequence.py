"""A sequence: one node, alone, repeats its known burst, so that one start gives many observations.

    silence | burst | guard | burst | guard | burst | ...

Inside a sequence clocks and carrier run on undisturbed, so the slopes of arrival and phase are
those of the sample clock and the carrier; between sequences everything that a start may change
has changed. Radios with hardware time send a sequence at a tick; the others repeat it for ever and
the receiver cuts out of it what it needs.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.radio.base import Capture, RadioError
from sdr_ota.receiver.burst_evidence import whole_bursts
from sdr_ota.receiver.burst_fit import BurstFit, fit_bursts
from sdr_ota.receiver.detection import Detection
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.rounds.cyclic_exchange import receive_after, repeating
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SoundingSequence:
    """What a node repeats: its sounding burst at given amplitudes.

    Attributes:
        frame: Whose sounding burst it is.
        amplitudes: One a burst, full scale 1.0.
    """

    frame: FrameFormat
    amplitudes: tuple[float, ...]

    @classmethod
    def even(cls, frame: FrameFormat, n_bursts: int) -> "SoundingSequence":
        """Return a sequence at the amplitude of the frame's soundings."""
        return cls(frame, (frame.known_amplitude,) * n_bursts)

    @property
    def period(self) -> int:
        """Samples from the beginning of a burst to that of the next."""
        return self.frame.n_sounding_burst + self.frame.guard_samples

    def samples(self) -> Samples:
        """Return the whole sequence, each burst followed by its guard."""
        burst = self.frame.sounding_burst() / np.float32(self.frame.known_amplitude)
        period = np.pad(burst, (0, self.frame.guard_samples))
        return np.concatenate([np.float32(a) * period for a in self.amplitudes])


@dataclass(frozen=True)
class SequenceCapture:
    """A sequence as received.

    Attributes:
        samples: Shape ``(n_samples,)``.
        start_tick: Receiver tick of the first sample.
        sequence_tick: Tick at which the sequence was to arrive; None where nobody knows.
    """

    samples: Samples
    start_tick: int
    sequence_tick: int | None


class ReceiverSaturated(Exception):  # noqa: N818 - says what is the case
    """Samples touch full scale: nothing measured on them can be trusted."""


def sound_sequence(
    bench: Bench, link: Link, node: int, sequence: SoundingSequence
) -> SequenceCapture:
    """Let one node send a sequence, alone, and return what was received.

    Args:
        bench: The radios.
        link: Lead, settling and waiting times.
        node: Who sends.
        sequence: What.

    Raises:
        RadioError: If a radio fails or is late.
        Erasure: The same, where nodes repeat.
        ReceiverSaturated: If the capture clips.
    """
    capture, tick = receive_sequence(bench, link, node, sequence)
    if capture.n_clipped:
        raise ReceiverSaturated(
            f"{capture.n_clipped} samples of node {node}'s sequence touch full scale: lower "
            "radio.rx_gain_db, radio.tx_gain_db or link.peak_amplitude, or add attenuation"
        )
    return SequenceCapture(capture.samples, capture.start_tick, tick)


def receive_sequence(
    bench: Bench, link: Link, node: int, sequence: SoundingSequence
) -> tuple[Capture, int | None]:
    """Let one node send a sequence, alone, and return what was received, even if it clips.

    Returns:
        The capture, and the tick at which the sequence was to arrive; None where nobody knows.

    Raises:
        RadioError: If a radio fails or is late.
        Erasure: The same, where nodes repeat.
    """
    receive = _timed if bench.has_hardware_time else _cyclic
    return receive(bench, link, node, sequence)


def _timed(bench: Bench, link: Link, node: int, sequence: SoundingSequence) -> tuple[Capture, int]:
    guard = sequence.frame.guard_samples
    samples = sequence.samples()
    tick = bench.receiver.now_tick() + round(link.lead_s * bench.sample_rate_hz)
    pending = bench.receiver.begin_receive(len(samples) + 2 * guard, tick)
    try:
        bench.nodes[node].transmit(samples, tick + guard)
    except RadioError:
        with suppress(RadioError):  # its window is sat out: the next one begins in silence
            pending.result(link.timeout_s)
        raise
    capture = pending.result(link.timeout_s)
    bench.nodes[node].confirm_sent(link.timeout_s)
    return capture, tick + guard


def _cyclic(
    bench: Bench, link: Link, node: int, sequence: SoundingSequence
) -> tuple[Capture, None]:
    even = len(set(sequence.amplitudes)) == 1
    samples = sequence.samples()
    repeated = samples[: sequence.period] if even else samples
    n_settle = round(link.settle_s * bench.sample_rate_hz)
    with repeating(bench, {node: repeated}):
        capture = receive_after(
            bench.receiver, n_settle, len(samples) + sequence.period, link.timeout_s
        )
    return capture, None


@dataclass(frozen=True)
class SequenceFit:
    """The bursts of a sequence, each fitted on its own. Arrays have the shape ``(n_bursts,)``.

    Attributes:
        arrivals: Ticks, with fraction, at which the bursts begin.
        gains: Complex; their phases hold at the bursts' centres.
        gain_stds: Root mean square of their complex errors.
        cfos: Carrier offsets in cycles per sample.
        noise_powers: What the fits left over, per sample.
        dc_offsets: Complex amplitudes at zero frequency.
        period: Nominal distance of the bursts in samples.
        center: Half a burst's length.
        sequence_tick: Tick at which the first burst was to arrive; None where nobody knows.
    """

    arrivals: Floats
    gains: NDArray[np.complex128]
    gain_stds: Floats
    cfos: Floats
    noise_powers: Floats
    dc_offsets: NDArray[np.complex128]
    period: int
    center: float
    sequence_tick: int | None

    @property
    def n_bursts(self) -> int:
        """Bursts that were fitted."""
        return len(self.arrivals)

    @property
    def middle(self) -> float:
        """Tick of the sequence's middle, to which phase and offset belong."""
        return float(np.mean(self.arrivals)) + self.center

    @property
    def noise_power(self) -> float:
        """Noise power of a sample, by the fits; multipath and images count as noise."""
        return float(np.median(self.noise_powers))


def fit_sequence(
    capture: SequenceCapture, sequence: SoundingSequence, max_cfo: float
) -> SequenceFit:
    """Fit every whole burst of an even sequence.

    The strongest burst is searched for; the others stand at whole periods from it.

    Args:
        capture: As `sound_sequence` returned it.
        sequence: What was sent.
        max_cfo: Largest carrier offset looked for, in cycles per sample.

    Raises:
        BurstNotFound: If there is none, or one did not arrive as it was sent.
    """
    reference = sequence.frame.sounding_burst()
    found = locate_burst(capture.samples, reference, sequence.frame.n_chirp, max_cfo)
    places = _places(found, capture, sequence)
    captures = [capture.samples] * len(places)
    fits = fit_bursts(captures, reference, places)
    fits = whole_bursts(captures, sequence.frame, fits)
    rows = np.array([(f.start, f.gain_std, f.cfo, f.noise_power) for f in fits])
    return SequenceFit(
        arrivals=capture.start_tick + rows[:, 0],
        gains=np.array([f.gain for f in fits]),
        gain_stds=rows[:, 1],
        cfos=rows[:, 2],
        noise_powers=rows[:, 3],
        dc_offsets=np.array([f.dc_offset for f in fits]),
        period=sequence.period,
        center=fits[0].center,
        sequence_tick=capture.sequence_tick,
    )


def _places(
    found: BurstFit, capture: SequenceCapture, sequence: SoundingSequence
) -> list[Detection]:
    """Return where the bursts of a sequence stand, seen from one of them."""
    before = int(found.start // sequence.period)
    first = found.start - before * sequence.period
    if capture.sequence_tick is not None:  # the sequence has a beginning: nothing stands before it
        away = (found.start - (capture.sequence_tick - capture.start_tick)) / sequence.period
        first = found.start - round(away) * sequence.period
    last = len(capture.samples) - sequence.frame.n_sounding_burst
    starts = [first + k * sequence.period for k in range(len(sequence.amplitudes))]
    return [Detection(s, found.cfo, found.metric) for s in starts if -0.5 <= s <= last]


__all__ = [
    "BurstNotFound",
    "ReceiverSaturated",
    "SequenceCapture",
    "SequenceFit",
    "SoundingSequence",
    "fit_sequence",
    "receive_sequence",
    "sound_sequence",
]
