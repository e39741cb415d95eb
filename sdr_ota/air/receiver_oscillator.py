"""The oscillator of the receiver: what it turns, it turns for all nodes together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdr_ota.air import impairments as imp
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.restoring import mapping_of, whole_number
from sdr_ota.types import Samples


@dataclass
class ReceiverOscillator:
    """Carrier offset, drift and phase noise of the receiver, the same for all paths.

    ``y(t) = x(t) exp(-j (2 pi cfo_hz t + pi drift_hz_per_s t^2 + walk(t)))`` on the sum ``x`` of
    what arrives: a node whose carrier is as much off as the receiver's is received at offset 0.

    Only its carrier is modelled. Ticks are the receiver's own, and a node's clock error is drawn
    over them, so that a sample clock that is wrong here would be the same error on every node
    once more; it would put each time of the world on another scale for, at 25 ppm, a quarter of
    a sample in a burst of 10,000.

    Attributes:
        rng: Its own source of randomness, for the steps of the phase.
        cfo_hz: How far its carrier lies above the nominal one.
        drift_hz_per_s: How that moves from tick 0 on.
        linewidth_hz: Wiener phase noise, full width at half power.
    """

    rng: np.random.Generator
    cfo_hz: float
    drift_hz_per_s: float
    linewidth_hz: float
    _walk_rad: float = 0.0
    _end_tick: int = 0

    @classmethod
    def draw(
        cls, preset: AirPreset, center_freq_hz: float, rng: np.random.Generator
    ) -> "ReceiverOscillator":
        """Draw the receiver of this air; one reference for all takes offset and drift away."""
        free = 0.0 if preset.shared_clock else 1.0
        error_ppm = free * preset.receiver_clock_error_range_ppm * float(rng.uniform(-1, 1))
        drift = free * preset.receiver_frequency_drift_hz_per_s * float(rng.uniform(-1, 1))
        cfo_hz = imp.cfo_of_clock_error(error_ppm, center_freq_hz)
        return cls(rng, cfo_hz, drift, preset.receiver_phase_noise_linewidth_hz)

    def snapshot(self) -> dict[str, object]:
        """Return all that was drawn or changes with time, as plain data."""
        return {
            "rng": self.rng.bit_generator.state,
            "cfo_hz": self.cfo_hz,
            "drift_hz_per_s": self.drift_hz_per_s,
            "walk_rad": self._walk_rad,
            "end_tick": self._end_tick,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of a receiver.
        """
        fields = mapping_of(state)
        self.rng.bit_generator.state = fields["rng"]
        self.cfo_hz = float(fields["cfo_hz"])
        self.drift_hz_per_s = float(fields["drift_hz_per_s"])
        self._walk_rad = float(fields["walk_rad"])
        self._end_tick = whole_number(fields["end_tick"])

    def turned(self, samples: Samples, start_tick: int, sample_rate_hz: float) -> Samples:
        """Return what is received of samples that arrive from a tick on.

        The phase walks on over a pause since the last samples; where windows overlap it walks on
        as if they adjoined.
        """
        if self.cfo_hz:
            samples = imp.apply_cfo(samples, -self.cfo_hz, sample_rate_hz, start_tick)
        if self.drift_hz_per_s:
            samples = imp.apply_frequency_drift(
                samples, -self.drift_hz_per_s, sample_rate_hz, start_tick
            )
        if not self.linewidth_hz:
            return samples
        pause_s = max(start_tick - self._end_tick, 0) / sample_rate_hz
        start_rad = imp.advance_phase_noise(self._walk_rad, pause_s, self.linewidth_hz, self.rng)
        self._end_tick = max(self._end_tick, start_tick + len(samples))
        samples, self._walk_rad = imp.apply_phase_noise(
            samples, self.linewidth_hz, sample_rate_hz, start_rad, self.rng
        )
        return samples
