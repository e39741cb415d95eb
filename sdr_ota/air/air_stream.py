"""A simulated air between endless streams: K inputs, one output, piece by piece.

What `SimulatedAir` does to a burst it does to a piece of a stream; the pieces' tails overlap
and add up, so that the output does not show where a piece ended.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.types import Samples

LAG_SAMPLES = 64
"""The output is late by this: an interpolated piece rings ahead of its first sample."""


class AirStream:
    """Paths, their sum and the receiver's noise, for streams.

    What a preset says of single bursts (jitter, loss, lateness, interference, gain steps) has
    no meaning here, nor has phase noise, which would step from piece to piece; all paths run at
    the receiver's sample clock. Fading moves from piece to piece.

    Args:
        settings: What the air is made from; a node is an input.
    """

    def __init__(self, settings: AirSettings) -> None:
        self._air = SimulatedAir(replace(settings, preset=steady(settings.preset)))
        for path in self._air.paths:
            path.clock_error_ppm = 0.0  # the carrier offset stays
        self._tick = LAG_SAMPLES

    def add(self, inputs: Sequence[Samples]) -> Samples:
        """Return what the receiver receives while the nodes send these pieces.

        Args:
            inputs: One piece a node, all of the same length.
        """
        n_samples = len(inputs[0])
        for node, samples in enumerate(inputs):
            self._air.send(node, samples, self._tick)
        received, _ = self._air.receive(self._tick - LAG_SAMPLES, n_samples)
        self._tick += n_samples
        return received


def steady(preset: AirPreset) -> AirPreset:
    """Return a preset without what happens to single bursts, and without phase noise."""
    return replace(
        preset,
        start_jitter_s=0.0,
        phase_noise_linewidth_hz=0.0,
        receiver_phase_noise_linewidth_hz=0.0,
        burst_loss_probability=0.0,
        late_probability=0.0,
        interference_probability=0.0,
        gain_step_probability=0.0,
    )


def without_oscillators(preset: AirPreset) -> AirPreset:
    """Return what of a preset lies between the nodes and in the receiver, at its own carrier."""
    return replace(
        steady(preset),
        shared_clock=True,
        start_phase="zero",
        iq_gain_imbalance_db=0.0,
        iq_phase_imbalance_deg=0.0,
        pa_saturation_dbfs=None,
        dac_bits=None,
    )


def oscillator_and_front_end(preset: AirPreset) -> AirPreset:
    """Return what of a preset happens inside a node, before the path."""
    return replace(
        steady(preset),
        path_gain_db=0.0,
        path_gain_spread_db=0.0,
        delay_range_s=0.0,
        fading="none",
        multipath_profile="flat",
        delay_spread_s=0.0,
        dc_offset_dbfs=-inf,
        interferer="",
        channel="",
    )
