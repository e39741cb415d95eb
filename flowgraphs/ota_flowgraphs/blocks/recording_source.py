"""A recording as a stream."""

from pathlib import Path

import numpy as np
import pmt
from gnuradio import gr

from ota_flowgraphs.activity import WORKING
from ota_flowgraphs.failure import WORK_DONE, ends_on_error
from ota_flowgraphs.recorded_round import is_round
from ota_flowgraphs.tagged_packet import PACKET_TAG
from sdr_ota.signal.iq_file import read_iq_file
from sdr_ota.signal.iq_words import IqFileError
from sdr_ota.types import Samples

_SILENCE = 1 << 18
"""Zeros behind the samples, so that what searches in chunks reaches the recording's end."""


class RecordingSource(gr.sync_block):
    """Samples of a recording, then silence, then the end.

    The end comes when all messages have been worked on: a flowgraph that ends drops those that are
    still on their way. The recording of a round is one packet, so that it is searched as a whole.

    Args:
        path: Whatever `read_iq_file` reads.
        sample_rate_hz: What the flowgraph was told; a recording that says otherwise is refused.

    Raises:
        ValueError: If it cannot be read.
    """

    def __init__(self, path: Path, sample_rate_hz: float) -> None:
        gr.sync_block.__init__(self, name="OTA recording", in_sig=None, out_sig=[np.complex64])
        self._path, self._recording = path, read_iq_file(path, sample_rate_hz)
        self._n_given = 0

    @ends_on_error
    def work(self, input_items: list[Samples], output_items: list[Samples]) -> int:
        """Give what is left."""
        there, given = output_items[0], self._n_given
        n_left = self._recording.n_samples + _SILENCE - given
        if not n_left:
            WORKING.wait_until_idle()
            return WORK_DONE
        if not given and is_round(self._recording):
            length = pmt.from_long(self._recording.n_samples)
            self.add_item_tag(0, self.nitems_written(0), pmt.intern(PACKET_TAG), length)
        piece = self._samples(given, min(len(there), n_left))
        there[: len(piece)] = piece
        there[len(piece) : min(len(there), n_left)] = 0
        self._n_given += min(len(there), n_left)
        return min(len(there), n_left)

    def _samples(self, first: int, n_samples: int) -> Samples:
        try:
            return self._recording.samples(first, n_samples)
        except IqFileError as wrong:
            raise IqFileError(f"{self._path}: {wrong}") from wrong
