"""From a capture to an aligned payload, or to an erasure with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.quantisation import converter_step, noise_behind_steps
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips, Samples


@dataclass(frozen=True)
class ReceivedPayload:
    """A joint frame after the receiver.

    Attributes:
        chips: Aligned payload without the phases of the bench, shape ``(n_carried_chips,)``.
        pilots: Node pilots before and behind it, shape ``(2, n_node_pilot_chips)``.
        noise_power: Total noise power of one chip: the median of the idle slot's quarters, which
            a pulse in one of them does not move, with what a converter's steps hide there.
        burst: The lead node's preamble as found.
        further: The same of the receiver's other antennas, at the same preamble, each alone.
    """

    chips: Chips
    pilots: Chips
    noise_power: float
    burst: BurstFit
    further: tuple["ReceivedPayload", ...] = ()

    @property
    def antennas(self) -> tuple["ReceivedPayload", ...]:
        """What each antenna received, in their order."""
        return (replace(self, further=()), *self.further) if self.further else (self,)


def receive_joint_frame(capture: Capture, frame: FrameFormat, max_cfo: float) -> ReceivedPayload:
    """Find the preamble, align the payload to a fraction of a sample, measure the noise.

    Antennas share clock and oscillator: where the preamble is found best, it is for all of them.

    Args:
        capture: Holds the joint frame somewhere.
        frame: Its format.
        max_cfo: Largest carrier offset of the lead node, in cycles per sample.

    Raises:
        Erasure: ``saturated`` or ``not-found``.
    """
    antennas = capture.antennas
    for antenna, one in enumerate(antennas):
        refuse_clipped(one, f" at antenna {antenna}" if capture.further else "")
    burst = _best_burst([one.samples for one in antennas], frame, max_cfo)
    first, *further = (align_joint_frame(one.samples, frame, burst) for one in antennas)
    return replace(first, further=tuple(further))


def _best_burst(antennas: Sequence[Samples], frame: FrameFormat, max_cfo: float) -> BurstFit:
    """Return the preamble where it is found best; raises ``not-found`` if it is nowhere."""
    found, missing = [], []
    for samples in antennas:
        try:
            found.append(locate_burst(samples, frame.preamble(), frame.n_chirp, max_cfo))
        except BurstNotFound as nowhere:
            missing.append(nowhere)
    if not found:
        raise Erasure("not-found", str(missing[0])) from missing[0]
    return max(found, key=lambda burst: burst.metric)


def turned_back(received: ReceivedPayload, frame: FrameFormat, cfo: float) -> ReceivedPayload:
    """Turn payload and pilots by minus a carrier offset, about the payload's middle.

    Args:
        received: As aligned.
        frame: Its format.
        cfo: In cycles per sample.
    """
    per_chip = 2 * np.pi * cfo * frame.pulse.samples_per_chip
    place = np.arange(frame.n_sent_chips) - (frame.n_sent_chips - 1) / 2
    chips, pilots = frame.parted(np.exp(-1j * per_chip * place))
    return replace(
        received,
        chips=received.chips * chips,
        pilots=received.pilots * pilots,
        further=tuple(turned_back(one, frame, cfo) for one in received.further),
    )


def refuse_clipped(capture: Capture, where: str = "") -> None:
    """Refuse a capture of which a part touched full scale.

    Args:
        capture: Of one antenna.
        where: Which, for the message, where there are several.

    Raises:
        Erasure: ``saturated``.
    """
    if capture.n_clipped:
        raise Erasure(
            "saturated",
            f"{capture.n_clipped} of {len(capture.samples)} samples{where} touch full scale; "
            "lower the receive gain or the nodes' level",
        )


def align_joint_frame(samples: Samples, frame: FrameFormat, burst: BurstFit) -> ReceivedPayload:
    """Cut payload and idle slot out of a capture in which the preamble is known.

    Args:
        samples: The capture.
        frame: Its format.
        burst: Where the preamble is.

    Raises:
        Erasure: ``not-found`` if the capture ends too early.
    """
    offset = burst.start - frame.preamble_start
    payload = _cut(samples, offset + frame.payload_start, frame.n_payload)
    idle = _cut(samples, offset + frame.idle_start, frame.n_idle)
    dc_offset = idle.mean()  # the receiver's own offset at DC
    noise = _quiet_power(frame.pulse.match(idle, frame.n_idle_chips))
    first = max(int(offset) + frame.payload_start, 0)
    step, per_chip = converter_step(samples[first : first + frame.n_payload]), frame.pulse.energy
    chips, pilots = frame.parted(frame.pulse.match(payload - dc_offset, frame.n_sent_chips))
    return ReceivedPayload(
        chips=frame.undo_bench(chips),
        pilots=pilots,
        noise_power=noise_behind_steps(noise * per_chip, step) / per_chip,
        burst=burst,
    )


def _quiet_power(idle: Chips) -> float:
    """Return the median power of quarters, about the mean of all, as a variance of all would be."""
    powers = [np.mean(np.abs(part - idle.mean()) ** 2) for part in np.array_split(idle, 4)]
    return float(np.median(powers)) * len(idle) / (len(idle) - 1)


_MARGIN = 32  # samples kept around a cut so that its edges do not ring into it


def _cut(samples: Samples, start: float, n_samples: int) -> Samples:
    """Return ``n_samples`` from a start with fraction: band-limited interpolation.

    Raises:
        Erasure: ``not-found`` if the capture ends too early.
    """
    whole = int(np.floor(start))
    first, last = whole - _MARGIN, whole + n_samples + _MARGIN
    if whole < 0 or whole + n_samples + 1 > len(samples):
        raise Erasure(
            "not-found",
            f"the frame runs out of the capture: needs samples {whole} to {whole + n_samples}, "
            f"there are {len(samples)}",
        )
    window = samples[max(first, 0) : last].astype(np.complex128)
    lead = whole - max(first, 0)
    spectrum = fft.fft(window)
    shift = np.exp(2j * np.pi * fft.fftfreq(len(window)) * (start - whole))
    moved = fft.ifft(spectrum * shift)
    return np.asarray(moved[lead : lead + n_samples], np.complex64)
