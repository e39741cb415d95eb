"""The world that simulated radios share: paths, oscillators, noise, one clock.

Every burst is bent by its node's hardware and path the moment it is sent and
added to what the receiver will receive; nothing but that sum is kept, and the
receiver's oscillator turns it as a whole when it is received. Time is
virtual: it moves when a reception ends, never by itself.

A receiver of several antennas has one oscillator and one gain for all of them; what arrives, the
noise and what hits it are each antenna's own.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sdr_ota.air import impairments as imp
from sdr_ota.air.channels.read import read_channel
from sdr_ota.air.interferer import Interferer
from sdr_ota.air.node_path import CyclicSource, FurtherPath, NodePath, draw_start_phase
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.receiver_oscillator import ReceiverOscillator
from sdr_ota.air.recorded_paths import RecordedPaths, at_level, with_paths_of
from sdr_ota.air.restoring import mapping_of, samples_of
from sdr_ota.air.settings import AirSettings
from sdr_ota.types import Samples
from sdr_ota.units import db_to_power


class SimulatedAir:
    """What joins simulated radios: K paths, one receiver, one virtual clock.

    Args:
        settings: What this air is made from.

    Raises:
        IqFileError: If the preset names an interferer that cannot be played.
        ChannelFileError: If it names a channel file that cannot be used.
    """

    def __init__(self, settings: AirSettings) -> None:
        seeds = np.random.SeedSequence(settings.seed)
        *nodes, own, receiver, foreign = seeds.spawn(settings.n_nodes + 3)
        self.preset, recorded = _recorded_paths(settings)
        self.sample_rate_hz = rate_hz = settings.sample_rate_hz
        self.center_freq_hz = settings.center_freq_hz
        self.now_tick = 0
        self.paths = [
            NodePath.draw(
                self.preset, rate_hz, self.center_freq_hz, np.random.default_rng(node), paths
            )
            for node, paths in zip(nodes, recorded, strict=True)
        ]
        self.noise_power = db_to_power(-self.preset.snr_db)
        self.receiver = ReceiverOscillator.draw(
            self.preset, self.center_freq_hz, np.random.default_rng(receiver)
        )
        # Spawned after all others: a world's first antenna is that of the same world of one.
        self._rngs = [np.random.default_rng(own)]
        for antenna in seeds.spawn(settings.n_antennas - 1):
            noise, *own_paths = antenna.spawn(1 + settings.n_nodes)
            self._rngs.append(np.random.default_rng(noise))
            for path, seed in zip(self.paths, own_paths, strict=True):
                further = FurtherPath.draw(self.preset, np.random.default_rng(seed))
                path.further = (*path.further, further)
        self._interferer = None
        if self.preset.interferer:
            self._interferer = Interferer.read(
                Path(self.preset.interferer),
                self.preset.interferer_db,
                rate_hz,
                np.random.default_rng(foreign),
            )
        self._sums = [np.zeros(0, np.complex64) for _ in self._rngs]
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
            "receiver": self.receiver.snapshot(),
            "rng": self._rngs[0].bit_generator.state,
            "sum": self._sums[0].copy(),
            "further": [
                {"rng": rng.bit_generator.state, "sum": total.copy()}
                for rng, total in zip(self._rngs[1:], self._sums[1:], strict=True)
            ],
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
            path.restore(mapping_of(then))
        self.receiver.restore(state["receiver"])
        antennas = [state, *state.get("further", ())]
        for rng, then in zip(self._rngs, antennas, strict=True):
            rng.bit_generator.state = then["rng"]
        self.now_tick, self._sum_start = int(state["now_tick"]), int(state["sum_start"])
        self._sums = [samples_of(then["sum"]) for then in antennas]
        self._cyclic = {
            int(one["node"]): CyclicSource(samples_of(one["period"]), float(one["start_tick"]))
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
            phase = draw_start_phase(self.preset, path.rng)
            path.gain = abs(path.gain) * np.exp(1j * phase)

    def is_late(self, node: int, start_tick: int) -> bool:
        """Return whether a burst misses its start: the time has passed, or bad luck."""
        unlucky = self.paths[node].rng.random() < self.preset.late_probability
        return start_tick < self.now_tick or unlucky

    def send(self, node: int, samples: Samples, start_tick: int, late_samples: float = 0.0) -> None:
        """Add a node's burst to what the receiver will receive.

        Args:
            node: Which one.
            samples: As sent.
            start_tick: At which the first one leaves.
            late_samples: By which it leaves behind that tick: a node's clock has ticks of its own.
        """
        placed = self.paths[node].propagate(samples, start_tick, late_samples)
        for antenna, arrived in enumerate(placed):
            self._add(antenna, arrived)

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

    def _add(self, antenna: int, arrived: imp.PlacedSamples) -> None:
        total = self._sums[antenna]
        first = max(arrived.first_tick - self._sum_start, 0)
        skipped = first - (arrived.first_tick - self._sum_start)
        body = arrived.samples[skipped:]
        missing = first + len(body) - len(total)
        if missing > 0:
            total = np.concatenate([total, np.zeros(missing, np.complex64)])
        total[first : first + len(body)] += body
        self._sums[antenna] = total

    def receive(self, start_tick: int, n_samples: int) -> tuple[Samples, int]:
        """Return what the first antenna receives in a window, and how many samples clipped.

        The clock moves to the window's end and everything before it is forgotten.
        """
        return self.receive_all(start_tick, n_samples)[0]

    def receive_all(self, start_tick: int, n_samples: int) -> list[tuple[Samples, int]]:
        """Return what each antenna receives in a window, and how many of its samples clipped.

        The clock moves to the window's end and everything before it is forgotten.
        """
        received = [
            imp.PlacedSamples(total, self._sum_start).window(start_tick, n_samples)
            for total in self._sums
        ]
        for node, source in self._cyclic.items():
            repeated = self.paths[node].propagate_cyclic(source, start_tick, n_samples)
            received = [total + one for total, one in zip(received, repeated, strict=True)]
        if self._interferer is not None:
            foreign = self._interferer.at(start_tick, n_samples)
            received = [total + foreign for total in received]
        self._forget_before(start_tick + n_samples)
        # One oscillator: its phase walks alike at all antennas.
        oscillators = [self.receiver, *(copy.deepcopy(self.receiver) for _ in received[1:])]
        return self._received(
            [
                oscillator.turned(total, start_tick, self.sample_rate_hz)
                for oscillator, total in zip(oscillators, received, strict=True)
            ]
        )

    def _forget_before(self, tick: int) -> None:
        gone = max(tick - self._sum_start, 0)
        self._sums = [total[gone:].copy() for total in self._sums]
        self._sum_start = max(tick, self._sum_start)
        self.now_tick = max(tick, self.now_tick)

    def _received(self, received: list[Samples]) -> list[tuple[Samples, int]]:
        """Return what the front end makes of what arrives at each antenna."""
        preset, rng = self.preset, self._rngs[0]
        if rng.random() < preset.interference_probability:
            pulse = self._interference(len(received[0]))
            hit = zip(received, self._rngs, strict=True)
            received = [imp.add_noise_burst(one, pulse, own) for one, own in hit]
        noisy = zip(received, self._rngs, strict=True)
        received = [imp.add_awgn(one, self.noise_power, own) for one, own in noisy]
        if rng.random() < preset.gain_step_probability:
            self._gain_is_up = not self._gain_is_up
        return [self._converted(one) for one in received]

    def _converted(self, received: Samples) -> tuple[Samples, int]:
        preset = self.preset
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
            start_sample=int(self._rngs[0].integers(n_capture)),
            n_samples=round(self.preset.interference_duration_s * self.sample_rate_hz),
            power=db_to_power(self.preset.interference_power_db),
        )


def _recorded_paths(settings: AirSettings) -> tuple[AirPreset, Sequence[RecordedPaths | None]]:
    """Return the preset without what its channel file holds, and each node's paths in it."""
    preset, n_nodes = settings.preset, settings.n_nodes
    if not preset.channel:
        return preset, [None] * n_nodes
    channel = read_channel(Path(preset.channel), preset.channel_antenna).first_nodes(n_nodes)
    channel.check_fits(settings.sample_rate_hz, settings.center_freq_hz)
    even = at_level(channel)
    paths = [RecordedPaths.of(even, node, preset.channel_end) for node in range(n_nodes)]
    return with_paths_of(preset, channel), paths
