"""K streams in, what one receiver receives out."""

import numpy as np
from gnuradio import gr

from ota_flowgraphs.failure import ends_on_error
from sdr_ota.air.air_stream import AirStream, without_oscillators
from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.types import Samples

_PIECE = 1024
"""Samples of a piece, for which each path costs a transform. All pieces are alike, however many
samples the scheduler offers at once: what is random is drawn piece by piece, from the seed."""


class SimulatedAirBlock(gr.sync_block):
    """Per-path channel and impairments, their sum, the receiver's noise and converter.

    The output is late by 64 samples.

    Args:
        n_nodes: Inputs.
        preset: Name of a simulated air, as ``sdr-ota presets`` lists them, or its numbers.
        sample_rate: In samples a second.
        center_freq: In Hz.
        seed: Everything random follows from it.
        oscillators: Whether each path has the carrier offset and front end of a node too; not
            where whoever sends has them already.
    """

    def __init__(
        self,
        n_nodes: int,
        preset: str | AirPreset,
        sample_rate: float,
        center_freq: float,
        seed: int,
        oscillators: bool,
    ) -> None:
        gr.sync_block.__init__(
            self, name="OTA simulated air", in_sig=[np.complex64] * n_nodes, out_sig=[np.complex64]
        )
        numbers = preset if isinstance(preset, AirPreset) else air_preset(preset)
        numbers = numbers if oscillators else without_oscillators(numbers)
        self._air = AirStream(AirSettings(numbers, n_nodes, sample_rate, center_freq, seed))
        self.set_output_multiple(_PIECE)

    @ends_on_error
    def work(self, input_items: list[Samples], output_items: list[Samples]) -> int:
        """Let time pass."""
        n_samples = len(output_items[0])
        for first in range(0, n_samples, _PIECE):
            piece = slice(first, first + _PIECE)
            output_items[0][piece] = self._air.add([samples[piece] for samples in input_items])
        return n_samples
