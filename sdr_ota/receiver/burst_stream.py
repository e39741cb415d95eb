"""Bursts out of an endless stream of samples, or out of one closed packet.

A stream is searched chunk by chunk; neighbouring searches overlap by one burst, so that what
is found does not depend on where the chunks happen to begin.
"""

from dataclasses import dataclass

import numpy as np

from sdr_ota.receiver.detection import DECIMATION, Detection, detection_threshold, search_bursts
from sdr_ota.receiver.synchronisation import explained_power
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Samples

FALSE_ALARM_PROBABILITY = 1e-9
"""Per sample of noise, for the up-chirp alone."""

_MARGIN = 64
"""Samples kept on both sides of a burst: room for the fit and for interpolation."""


@dataclass(frozen=True)
class FoundBurst:
    """A burst and the samples around it.

    Attributes:
        samples: From a little before the preamble to the end of the frame, or of what there is.
        first: Index of ``samples[0]`` in the stream.
        detection: The find; its start counts from ``samples[0]``.
        power: Power of the up-chirp's window that the chirp explains.
    """

    samples: Samples
    first: int
    detection: Detection
    power: float


@dataclass(frozen=True)
class BurstSearch:
    """What is looked for in a piece of a stream.

    Attributes:
        frame: Format of the frames that hold the bursts.
        max_cfo: Largest carrier offset, in cycles per sample.
    """

    frame: FrameFormat
    max_cfo: float

    @property
    def n_before(self) -> int:
        """Samples kept before a preamble."""
        return _MARGIN

    @property
    def n_after(self) -> int:
        """Samples kept from a preamble's first one on: a joint frame or a sounding burst."""
        joint = self.frame.n_joint_frame - self.frame.preamble_start
        return max(joint, self.frame.n_sounding_burst) + _MARGIN

    @property
    def threshold(self) -> float:
        """The metric that a preamble must pass."""
        return detection_threshold(FALSE_ALARM_PROBABILITY, self.frame.n_chirp // DECIMATION)

    def find(self, samples: Samples, first: int = 0) -> tuple[list[FoundBurst], float]:
        """Return every burst whose preamble is whole, in order of time, and the best metric.

        Args:
            samples: A piece of a stream, or a whole packet.
            first: Index of ``samples[0]`` in the stream.
        """
        frame = self.frame
        found, best = search_bursts(samples, frame.n_chirp, self.max_cfo, FALSE_ALARM_PROBABILITY)
        room = len(samples) - frame.n_preamble
        whole = [d for d in found if 0 <= round(d.start) <= room]
        return [self._cut(samples, first, detection) for detection in whole], best

    def _cut(self, samples: Samples, first: int, found: Detection) -> FoundBurst:
        begin = max(round(found.start) - self.n_before, 0)
        window = samples[begin : round(found.start) + self.n_after].copy()
        moved = Detection(found.start - begin, found.cfo, found.metric)
        power = explained_power(window, moved, self.frame.n_chirp)
        return FoundBurst(window, first + begin, moved, power)


class BurstStream:
    """Searches a stream that never ends.

    Args:
        search: What is looked for.
        n_chunk: New samples that are searched at once; a burst is reported that late at most.
    """

    def __init__(self, search: BurstSearch, n_chunk: int = 1 << 17) -> None:
        self._search = search
        self._n_chunk = n_chunk
        self._kept = np.zeros(0, np.complex64)
        self._new: list[Samples] = []
        self._n_new = 0
        self._first = 0  # index of the first sample kept
        self._done = 0.0  # bursts that start before this index were reported

    def push(self, samples: Samples) -> list[FoundBurst]:
        """Take samples in and return the bursts that are complete now, in order of time.

        Args:
            samples: What follows in the stream; copied.
        """
        self._new.append(samples.copy())
        self._n_new += len(samples)
        return self._searched() if self._n_new >= self._n_chunk else []

    def _searched(self) -> list[FoundBurst]:
        search, n_chirp = self._search, self._search.frame.n_chirp
        piece = np.concatenate([self._kept, *self._new])
        found, _ = search.find(piece, self._first)
        until = self._first + len(piece) - search.n_after
        ready = []
        for burst in found:
            start = burst.first + burst.detection.start
            if self._done <= start < until:
                ready.append(burst)
                # The same burst, seen again from the next piece, may seem to start a little later.
                self._done = start + n_chirp
        n_kept = min(search.n_after + search.n_before + 2 * search.frame.n_preamble, len(piece))
        self._kept = piece[len(piece) - n_kept :]
        self._first += len(piece) - n_kept
        self._new, self._n_new = [], 0
        return ready
