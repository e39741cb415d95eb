"""The world that simulated radios share: paths, oscillators, noise, one clock.

Every burst is bent by its node's hardware and path the moment it is sent and
added to what the receiver will receive; nothing but that sum is kept. Time is
virtual: it moves when a reception ends, never by itself.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdr_ota.air import impairments as imp
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.types import Samples
from sdr_ota.units import db_to_amplitude, db_to_power

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
class NodePath:
    """One node's transmitter and its path to the receiver; it ages with every burst.

    Attributes:
        preset: The numbers of the air.
        sample_rate_hz: Receiver samples a second.
        rng: This node's own source of randomness.
        gain: Complex gain of the path: its mean level and the phase after opening.
        delay_samples: Fixed delay.
        clock_error_ppm: Node's oscillator over the receiver's.
        cfo_hz: Carrier offset of that oscillator.
        drift_hz_per_s: How the carrier moves.
    """

    preset: AirPreset
    sample_rate_hz: float
    rng: np.random.Generator
    gain: complex
    delay_samples: float
    clock_error_ppm: float
    cfo_hz: float
    drift_hz_per_s: float
    _profile: imp.DelayProfile = field(init=False)
    _scatter: imp.Gains = field(init=False)
    _walk_rad: float = 0.0
    _last_tick: int = 0

    def __post_init__(self) -> None:
        spread = self.preset.delay_spread_s if self.preset.multipath_profile != "flat" else None
        self._profile = imp.delay_profile(self.preset.multipath_profile, spread)
        self._scatter = imp.draw_scatter(len(self._profile.powers), self.rng)

    @classmethod
    def draw(
        cls,
        preset: AirPreset,
        sample_rate_hz: float,
        center_freq_hz: float,
        rng: np.random.Generator,
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
            gain=db_to_amplitude(level_db) * np.exp(1j * _start_phase(preset, rng)),
            delay_samples=delay_s * sample_rate_hz,
            clock_error_ppm=error_ppm,
            cfo_hz=imp.cfo_of_clock_error(error_ppm, center_freq_hz),
            drift_hz_per_s=drift,
        )

    def snapshot(self) -> dict[str, object]:
        """Return all that changes with time or was drawn, as plain data."""
        drawn = {name: getattr(self, name) for name in _DRAWN}
        return {
            **drawn,
            "rng": self.rng.bit_generator.state,
            "scatter": self._scatter.copy(),
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
        self._scatter = _like(state["scatter"], self._scatter)
        self._walk_rad, self._last_tick = float(state["walk_rad"]), int(state["last_tick"])

    def propagate(self, samples: Samples, start_tick: int) -> imp.PlacedSamples | None:
        """Return what of a burst reaches the receiver, placed on its ticks; None if lost."""
        if self.rng.random() < self.preset.burst_loss_probability:
            return None
        jitter = self.preset.start_jitter_s * self.rng.standard_normal() * self.sample_rate_hz
        return self._through(samples, start_tick, self.delay_samples + jitter)

    def propagate_cyclic(self, source: "CyclicSource", first_tick: int, n_samples: int) -> Samples:
        """Return what of an endless repetition reaches the receiver in a window of its time."""
        rate = 1.0 + self.clock_error_ppm * 1e-6  # node samples a receiver sample
        origin = source.start_tick + self.delay_samples
        first = math.floor((first_tick - origin) * rate) - _EDGE_SAMPLES
        count = math.ceil(n_samples * rate) + 2 * _EDGE_SAMPLES
        samples = source.samples_from(first, count)
        tick = math.floor(origin + first / rate)
        placed = self._through(samples, tick, origin + first / rate - tick)
        return placed.window(first_tick, n_samples)

    def _through(
        self, samples: Samples, start_tick: int, delay_samples: float
    ) -> imp.PlacedSamples:
        placed = self._delayed(self._front_end(samples), delay_samples)
        placed = self._faded(placed, start_tick)
        tick = start_tick + placed.first_tick
        return imp.PlacedSamples(self._turned(placed.samples, tick), tick)

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
        if self.preset.fading == "none":
            return placed
        self._scatter = imp.advance_scatter(
            self._scatter, elapsed_s, self.preset.coherence_time_s, self.rng
        )
        k_db = self.preset.rician_k_db if self.preset.fading == "rician" else -math.inf
        gains = imp.path_gains(self._profile, self._scatter, k_db)
        if len(gains) == 1:
            faded = imp.apply_gain(placed.samples, complex(gains[0]))
            return imp.PlacedSamples(faded, placed.first_tick)
        spread = imp.apply_multipath(placed.samples, self._profile, gains, self.sample_rate_hz)
        return imp.PlacedSamples(spread.samples, placed.first_tick + spread.first_tick)

    def _turned(self, samples: Samples, tick: int) -> Samples:
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
                self.rng,
            )
        return samples


class SimulatedAir:
    """What joins simulated radios: K paths, one receiver, one virtual clock.

    Args:
        settings: What this air is made from.
    """

    def __init__(self, settings: AirSettings) -> None:
        seeds = np.random.SeedSequence(settings.seed).spawn(settings.n_nodes + 1)
        self.preset = settings.preset
        self.sample_rate_hz = rate_hz = settings.sample_rate_hz
        self.center_freq_hz = settings.center_freq_hz
        self.now_tick = 0
        self.paths = [
            NodePath.draw(self.preset, rate_hz, self.center_freq_hz, np.random.default_rng(node))
            for node in seeds[:-1]
        ]
        self.noise_power = db_to_power(-self.preset.snr_db)
        self._rng = np.random.default_rng(seeds[-1])
        self._sum = np.zeros(0, np.complex64)
        self._sum_start = 0
        self._cyclic: dict[int, CyclicSource] = {}
        self._gain_is_up = False
        self._seed = settings.seed
        self._n_starts = 1

    def snapshot(self) -> dict[str, object]:
        """Return the state of this world as plain data: texts, numbers, arrays."""
        return {
            "now_tick": self.now_tick,
            "paths": [path.snapshot() for path in self.paths],
            "rng": self._rng.bit_generator.state,
            "sum": self._sum.copy(),
            "sum_start": self._sum_start,
            "cyclic": [
                {"node": node, "period": source.period.copy(), "start_tick": source.start_tick}
                for node, source in self._cyclic.items()
            ],
            "gain_is_up": self._gain_is_up,
            "n_starts": self._n_starts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot of an air with the same arguments.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such an air.
        """
        for path, then in zip(self.paths, state["paths"], strict=True):
            path.restore(then)
        self._rng.bit_generator.state = state["rng"]
        self.now_tick, self._sum_start = int(state["now_tick"]), int(state["sum_start"])
        self._sum = np.array(state["sum"], np.complex64)
        self._cyclic = {
            int(one["node"]): CyclicSource(
                np.array(one["period"], np.complex64), float(one["start_tick"])
            )
            for one in state["cyclic"]
        }
        self._gain_is_up, self._n_starts = bool(state["gain_is_up"]), int(state["n_starts"])

    @property
    def init_id(self) -> str:
        """What changes whenever the radios are started anew."""
        return f"seed {self._seed}, start {self._n_starts}"

    def restart(self) -> None:
        """Let every node be started anew: its phase is drawn again, all else stays."""
        self._n_starts += 1
        for path in self.paths:
            phase = _start_phase(self.preset, path.rng)
            path.gain = abs(path.gain) * np.exp(1j * phase)

    def is_late(self, node: int, start_tick: int) -> bool:
        """Return whether a burst misses its start: the time has passed, or bad luck."""
        unlucky = self.paths[node].rng.random() < self.preset.late_probability
        return start_tick < self.now_tick or unlucky

    def send(self, node: int, samples: Samples, start_tick: int) -> None:
        """Add a node's burst to what the receiver will receive."""
        arrived = self.paths[node].propagate(samples, start_tick)
        if arrived is not None:
            self._add(arrived)

    def begin_cyclic(self, node: int, samples: Samples) -> None:
        """Let a node send samples over and over, after a latency that nobody knows."""
        latency_s = self.preset.start_latency_s * (0.2 + self.paths[node].rng.random())
        start = self.now_tick + latency_s * self.sample_rate_hz
        self._cyclic[node] = CyclicSource(samples.copy(), start)

    def change_cyclic(self, node: int, samples: Samples) -> None:
        """Change what a node repeats, at the same place of its period; start it if silent."""
        if node in self._cyclic:
            self._cyclic[node] = replace(self._cyclic[node], period=samples)
        else:
            self.begin_cyclic(node, samples)

    def end_cyclic(self, node: int) -> None:
        """Let a node fall silent."""
        self._cyclic.pop(node, None)

    def pass_time(self, n_samples: int) -> None:
        """Let time pass without anybody listening."""
        self._forget_before(self.now_tick + n_samples)

    def _add(self, arrived: imp.PlacedSamples) -> None:
        first = max(arrived.first_tick - self._sum_start, 0)
        skipped = first - (arrived.first_tick - self._sum_start)
        body = arrived.samples[skipped:]
        missing = first + len(body) - len(self._sum)
        if missing > 0:
            self._sum = np.concatenate([self._sum, np.zeros(missing, np.complex64)])
        self._sum[first : first + len(body)] += body

    def receive(self, start_tick: int, n_samples: int) -> tuple[Samples, int]:
        """Return what the receiver receives in a window, and how many samples clipped.

        The clock moves to the window's end and everything before it is forgotten.
        """
        received = imp.PlacedSamples(self._sum, self._sum_start).window(start_tick, n_samples)
        for node, source in self._cyclic.items():
            received += self.paths[node].propagate_cyclic(source, start_tick, n_samples)
        self._forget_before(start_tick + n_samples)
        return self._received(received)

    def _forget_before(self, tick: int) -> None:
        self._sum = self._sum[max(tick - self._sum_start, 0) :].copy()
        self._sum_start = max(tick, self._sum_start)
        self.now_tick = max(tick, self.now_tick)

    def _received(self, received: Samples) -> tuple[Samples, int]:
        preset = self.preset
        if self._rng.random() < preset.interference_probability:
            received = imp.add_noise_burst(received, self._interference(len(received)), self._rng)
        received = imp.add_awgn(received, self.noise_power, self._rng)
        if self._rng.random() < preset.gain_step_probability:
            self._gain_is_up = not self._gain_is_up
        if self._gain_is_up:
            received = imp.apply_gain_step(received, step_sample=0)
        if preset.dc_offset_dbfs > -math.inf:
            received = imp.apply_dc_offset(received, preset.dc_offset_dbfs)
        if preset.adc_bits is None:
            return received, 0
        received = imp.quantise(received, preset.adc_bits)
        return received, round(imp.saturated_fraction(received, preset.adc_bits) * len(received))

    def _interference(self, n_capture: int) -> imp.NoiseBurst:
        return imp.NoiseBurst(
            start_sample=int(self._rng.integers(n_capture)),
            n_samples=round(self.preset.interference_duration_s * self.sample_rate_hz),
            power=db_to_power(self.preset.interference_power_db),
        )


_DRAWN = ("gain", "delay_samples", "clock_error_ppm", "cfo_hz", "drift_hz_per_s")
"""Numbers of a path that are drawn when a node is started."""


def _like(found: object, model: imp.Gains) -> imp.Gains:
    """Return an array of the shape and kind of another.

    Raises:
        ValueError: If it has another shape.
    """
    array = np.array(found, model.dtype)
    if array.shape != model.shape:
        raise ValueError(f"an array has the shape {array.shape}, not {model.shape}")
    return array


def _start_phase(preset: AirPreset, rng: np.random.Generator) -> float:
    if preset.start_phase == "zero":
        return 0.0
    return (
        imp.draw_grid_phase(rng)
        if preset.start_phase == "pi/4-grid"
        else imp.draw_uniform_phase(rng)
    )
