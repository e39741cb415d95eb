"""A recording as a stream."""

import time
from pathlib import Path

import numpy as np
from gnuradio import gr

from ota_flowgraphs.failure import WORK_DONE, ends_on_error
from sdr_ota.signal.iq_file import read_iq_file
from sdr_ota.types import Samples

_SILENCE = 1 << 18
"""Zeros behind the samples, so that what searches in chunks reaches the recording's end."""

_PATIENCE_S = 1.0
"""Wait before the end: a flowgraph that ends drops the messages that are still on their way."""


class RecordingSource(gr.sync_block):
    """Samples of a recording, then silence, then the end.

    Args:
        path: Whatever `read_iq_file` reads.
        sample_rate_hz: What the flowgraph was told; a recording that says otherwise is refused.

    Raises:
        ValueError: If it cannot be read.
    """

    def __init__(self, path: Path, sample_rate_hz: float) -> None:
        gr.sync_block.__init__(self, name="OTA recording", in_sig=None, out_sig=[np.complex64])
        self._recording = read_iq_file(path, sample_rate_hz)
        self._n_given = 0

    @ends_on_error
    def work(self, input_items: list[Samples], output_items: list[Samples]) -> int:
        """Give what is left."""
        there, given = output_items[0], self._n_given
        n_left = self._recording.n_samples + _SILENCE - given
        if not n_left:
            time.sleep(_PATIENCE_S)
            return WORK_DONE
        piece = self._recording.samples(given, min(len(there), n_left))
        there[: len(piece)] = piece
        there[len(piece) : min(len(there), n_left)] = 0
        self._n_given += min(len(there), n_left)
        return min(len(there), n_left)
