"""One node's transmitter and its path to the receiver: what they do to every burst."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdr_ota.air import impairments as imp
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.restoring import whole_number
from sdr_ota.air.scattered_paths import Paths, ScatteredPaths
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude

_EDGE_SAMPLES = 64
"""Samples around a window of a cyclic source, so that its edges do not ring into it."""


@dataclass(frozen=True)
class CyclicSource:
    """Samples that a node sends over and over.

    Attributes:
        period: One period as sent.
        start_tick: Receiver tick, with fraction, at which the first sample leaves.
    """

    period: Samples
    start_tick: float

    def samples_from(self, first: int, n_samples: int) -> Samples:
        """Return samples from the node's index ``first`` on; silence before its start."""
        index = np.arange(first, first + n_samples)
        return np.where(index < 0, np.complex64(0), self.period[index % len(self.period)])


@dataclass
class FurtherPath:
    """What a node's path to another antenna of the receiver has of its own.

    Attributes:
        turn: Its fixed phase over that of the first antenna's path, as a factor.
        paths: Its profile and fading, independent of the first antenna's.
    """

    turn: complex
    paths: Paths

    @classmethod
    def draw(cls, preset: AirPreset, rng: np.random.Generator) -> "FurtherPath":
        """Draw a path to an antenna that is half a wavelength or more from the others."""
        return cls(complex(np.exp(2j * np.pi * rng.random())), ScatteredPaths(preset, rng))

    def snapshot(self) -> dict[str, object]:
        """Return all that was drawn or changes with time, as plain data."""
        return {"turn": self.turn, "scattering": self.paths.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises what `NodePath.restore` raises."""
        self.turn = complex(state["turn"])
        self.paths.restore(state["scattering"])


@dataclass
class NodePath:
    """One node's transmitter and its path to the receiver; it ages with every burst.

    Attributes:
        preset: The numbers of the air.
        sample_rate_hz: Receiver samples a second.
        rng: This node's own source of randomness.
        gain: Complex gain of the path: its mean level and the phase after opening.
        delay_samples: Fixed delay.
        clock_error_ppm: Node's oscillator over the receiver's sample clock.
        cfo_hz: Its carrier over the nominal one; the receiver's own offset is
            `ReceiverOscillator`'s.
        drift_hz_per_s: How the carrier moves.
        recorded: Paths from a file, in place of the preset's.
        further: Paths to the receiver's other antennas.
    """

    preset: AirPreset
    sample_rate_hz: float
    rng: np.random.Generator
    gain: complex
    delay_samples: float
    clock_error_ppm: float
    cfo_hz: float
    drift_hz_per_s: float
    recorded: Paths | None = None
    further: tuple[FurtherPath, ...] = ()
    tuned_cfo_hz: float = field(init=False)
    _paths: Paths = field(init=False)
    _walk_rad: float = 0.0
    _last_tick: int = 0

    def __post_init__(self) -> None:
        self.tuned_cfo_hz = self.cfo_hz
        self._paths = self.recorded or ScatteredPaths(self.preset, self.rng)

    @classmethod
    def draw(
        cls,
        preset: AirPreset,
        sample_rate_hz: float,
        center_freq_hz: float,
        rng: np.random.Generator,
        recorded: Paths | None = None,
    ) -> "NodePath":
        """Draw a node of this air: level, delay, oscillator and start phase."""
        level_db = preset.path_gain_db + preset.path_gain_spread_db * rng.standard_normal()
        free = 0.0 if preset.shared_clock else 1.0
        error_ppm = free * preset.clock_error_range_ppm * rng.uniform(-1, 1)
        drift = free * preset.frequency_drift_hz_per_s * rng.uniform(-1, 1)
        delay_s = preset.delay_range_s * rng.random()
        return cls(
            preset=preset,
            sample_rate_hz=sample_rate_hz,
            rng=rng,
            gain=db_to_amplitude(level_db) * np.exp(1j * draw_start_phase(preset, rng)),
            delay_samples=delay_s * sample_rate_hz,
            clock_error_ppm=error_ppm,
            cfo_hz=imp.cfo_of_clock_error(error_ppm, center_freq_hz),
            drift_hz_per_s=drift,
            recorded=recorded,
        )

    def detune(self, detuned_hz: float) -> None:
        """Let the node's carrier lie so far above the air's center frequency.

        A synthesiser that settles anew has another phase, which is as unknown as the one before.
        """
        self.cfo_hz = self.tuned_cfo_hz + detuned_hz

    def snapshot(self) -> dict[str, object]:
        """Return all that changes with time or was drawn, as plain data."""
        drawn = {name: getattr(self, name) for name in _DRAWN}
        return {
            **drawn,
            "rng": self.rng.bit_generator.state,
            "scattering": self._paths.snapshot(),
            "further": [path.snapshot() for path in self.further],
            "walk_rad": self._walk_rad,
            "last_tick": self._last_tick,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of a path of this air.
        """
        for name in _DRAWN:  # NumPy's numbers and Python's round differently: keep the kind
            setattr(self, name, type(getattr(self, name))(state[name]))
        self.rng.bit_generator.state = state["rng"]
        self._paths.restore(state["scattering"])
        for path, then in zip(self.further, state.get("further", ()), strict=True):
            path.restore(then)
        self._walk_rad = float(state["walk_rad"])
        self._last_tick = whole_number(state["last_tick"])

    def propagate(
        self, samples: Samples, start_tick: int, late_samples: float = 0.0
    ) -> tuple[imp.PlacedSamples, ...]:
        """Return what of a burst reaches each antenna, placed on its ticks; empty if lost.

        Args:
            samples: As sent.
            start_tick: Receiver tick at which the first one leaves.
            late_samples: By which it leaves behind that tick.
        """
        if self.rng.random() < self.preset.burst_loss_probability:
            return ()
        jitter = self.preset.start_jitter_s * self.rng.standard_normal() * self.sample_rate_hz
        return self._through(samples, start_tick, self.delay_samples + late_samples + jitter)

    def propagate_cyclic(
        self, source: "CyclicSource", first_tick: int, n_samples: int
    ) -> tuple[Samples, ...]:
        """Return what of an endless repetition reaches each antenna in a window of its time."""
        rate = 1.0 + self.clock_error_ppm * 1e-6  # node samples a receiver sample
        origin = source.start_tick + self.delay_samples
        first = math.floor((first_tick - origin) * rate) - _EDGE_SAMPLES
        count = math.ceil(n_samples * rate) + 2 * _EDGE_SAMPLES
        samples = source.samples_from(first, count)
        tick = math.floor(origin + first / rate)
        placed = self._through(samples, tick, origin + first / rate - tick)
        return tuple(one.window(first_tick, n_samples) for one in placed)

    def _through(
        self, samples: Samples, start_tick: int, delay_samples: float
    ) -> tuple[imp.PlacedSamples, ...]:
        delayed = self._delayed(self._front_end(samples), delay_samples)
        placed = [self._faded(delayed, start_tick)]
        for path in self.further:
            faded = path.paths.through(delayed, start_tick, self.sample_rate_hz)
            placed.append(replace(faded, samples=imp.apply_gain(faded.samples, path.turn)))
        # One oscillator: its phase walks alike at all antennas.
        walks = [copy.deepcopy(self.rng) for _ in self.further]
        ticks = [start_tick + one.first_tick for one in placed]
        return tuple(
            imp.PlacedSamples(self._turned(one.samples, tick, rng), tick)
            for one, tick, rng in zip(placed, ticks, (self.rng, *walks), strict=True)
        )

    def fading(self, tick: float) -> complex:
        """Return what fading makes of the gain at the carrier; unit mean power, 1 without fading.

        Ticks come in order: a ``gauss-markov`` process moves on.
        """
        return self._paths.gain(round(tick), self.sample_rate_hz)

    def _front_end(self, samples: Samples) -> Samples:
        preset = self.preset
        if preset.dac_bits is not None:
            samples = imp.quantise(samples, preset.dac_bits)
        if preset.iq_gain_imbalance_db or preset.iq_phase_imbalance_deg:
            samples = imp.apply_iq_imbalance(
                samples, preset.iq_gain_imbalance_db, preset.iq_phase_imbalance_deg
            )
        if preset.dc_offset_dbfs > -math.inf:
            samples = imp.apply_dc_offset(samples, preset.dc_offset_dbfs)
        if preset.pa_saturation_dbfs is not None:
            samples = imp.apply_pa_compression(samples, preset.pa_saturation_dbfs)
        return samples

    def _delayed(self, samples: Samples, delay_samples: float) -> imp.PlacedSamples:
        if self.clock_error_ppm:
            return imp.resample_by_ppm(samples, self.clock_error_ppm, delay_samples)
        return imp.fractional_delay(samples, delay_samples)

    def _faded(self, placed: imp.PlacedSamples, start_tick: int) -> imp.PlacedSamples:
        elapsed_s = max(start_tick - self._last_tick, 0) / self.sample_rate_hz
        self._last_tick = start_tick
        if self.preset.phase_noise_linewidth_hz:
            self._walk_rad = imp.advance_phase_noise(
                self._walk_rad, elapsed_s, self.preset.phase_noise_linewidth_hz, self.rng
            )
        return self._paths.through(placed, start_tick, self.sample_rate_hz)

    def _turned(self, samples: Samples, tick: int, rng: np.random.Generator) -> Samples:
        samples = imp.apply_gain(samples, self.gain)
        if self.cfo_hz:
            samples = imp.apply_cfo(samples, self.cfo_hz, self.sample_rate_hz, tick)
        if self.drift_hz_per_s:
            samples = imp.apply_frequency_drift(
                samples, self.drift_hz_per_s, self.sample_rate_hz, tick
            )
        if self.preset.phase_noise_linewidth_hz:
            samples, _ = imp.apply_phase_noise(
                samples,
                self.preset.phase_noise_linewidth_hz,
                self.sample_rate_hz,
                self._walk_rad,
                rng,
            )
        return samples


_DRAWN = (
    "gain",
    "delay_samples",
    "clock_error_ppm",
    "cfo_hz",
    "tuned_cfo_hz",
    "drift_hz_per_s",
)
"""Numbers of a path that are drawn when a node is started."""


def draw_start_phase(preset: AirPreset, rng: np.random.Generator) -> float:
    """Return the carrier phase, in radians, of a node that was opened."""
    if preset.start_phase == "zero":
        return 0.0
    return (
        imp.draw_grid_phase(rng)
        if preset.start_phase == "pi/4-grid"
        else imp.draw_uniform_phase(rng)
    )
