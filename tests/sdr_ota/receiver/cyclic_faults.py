"""What goes wrong while nodes repeat their frames; a fault is one row, as in `air_faults`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.sdr_ota.receiver import air_faults as air
from tests.sdr_ota.receiver.independent_air import (
    OURS,
    CyclicScene,
    Times,
    Waveform,
    draw_cyclic,
    noise,
    phases,
)
from tests.sdr_ota.receiver.unchanged import Rng, same_samples, same_scene

SceneChange = Callable[[CyclicScene, Rng], None]
SamplesChange = Callable[[Waveform, CyclicScene, Rng], Waveform]


@dataclass(frozen=True)
class CyclicFault:
    """A row.

    Attributes:
        scene: What it does to nodes and other senders.
        clock_ppm: Error of the receiver's sample clock.
        samples: What it does to what was received.
        must_accept: Whether the sum is fine.
        draw: Arguments of `draw_cyclic` that are not the usual ones.
    """

    scene: SceneChange = same_scene
    clock_ppm: float = 0.0
    samples: SamplesChange = same_samples
    must_accept: bool = False
    draw: tuple[tuple[str, object], ...] = ()


def times_of(fault: CyclicFault, n_samples: int) -> Times:
    times = np.arange(n_samples, dtype=np.float64)
    return times * (1 + fault.clock_ppm * 1e-6) if fault.clock_ppm else times


def inside(scene: CyclicScene, rng: Rng, room: int = 0) -> int:
    return int(rng.integers(16, scene.n_window - room - 16))


def offset_all(hertz: float) -> SceneChange:
    def change(scene: CyclicScene, rng: Rng) -> None:
        sign = rng.choice([-1, 1])
        for node in scene.nodes:
            node.cfo_hz += hertz * sign

    return change


def offset_last(hertz: float) -> SceneChange:
    def change(scene: CyclicScene, rng: Rng) -> None:
        scene.nodes[-1].cfo_hz += hertz * rng.choice([-1, 1])

    return change


def level(decibels: float, *, last_only: bool) -> SceneChange:
    def change(scene: CyclicScene, rng: Rng) -> None:
        for node in scene.nodes[-1:] if last_only else scene.nodes:
            node.change *= 10 ** (decibels / 20)

    return change


def missing(node: int) -> SceneChange:
    def change(scene: CyclicScene, rng: Rng) -> None:
        scene.nodes[node].sends = False

    return change


def one_stale(scene: CyclicScene, rng: Rng) -> None:
    scene.nodes[-1].seed = scene.seed - 1 or 7


def all_stale(scene: CyclicScene, rng: Rng) -> None:
    for node in scene.nodes:
        node.seed = scene.seed - 1 or 7


def multipath(samples: float, decibels: float) -> SceneChange:
    """An echo; the sounding's level is that of the first path."""

    def change(scene: CyclicScene, rng: Rng) -> None:
        for node in scene.nodes:
            gain = complex(10 ** (decibels / 20) * phases(1, rng)[0])
            node.echoes = [(float(rng.uniform(0.5, samples)), gain)]

    return change


def foreign(
    decibels: float, *, same_seed: bool, alone: bool, bench: int | None = OURS
) -> SceneChange:
    def change(scene: CyclicScene, rng: Rng) -> None:
        other = draw_cyclic(
            rng, "energy-difference", len(scene.nodes), n_symbols=scene.lay.n_symbols
        )
        other.rx_amplitude = scene.rx_amplitude * 10 ** (decibels / 20)
        other.bench = air.any_bench(rng) if bench is None else bench
        other.seed = scene.seed if same_seed else other.seed
        for node in other.nodes:
            node.cfo_hz = float(rng.uniform(-10, 10))
        scene.others = [other]
        for node in scene.nodes:
            node.sends = not alone

    return change


def half_last(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
    """All nodes stop somewhere in the window: only noise is left."""
    changed, first = samples.copy(), inside(scene, rng)
    changed[first:] = noise(len(samples) - first, scene.noise_power, rng)
    return changed


def dropped(count: int) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        first = inside(scene, rng, count)
        return np.delete(samples, slice(first, first + count))

    return change


def step(factor: complex) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        changed = samples.copy()
        changed[inside(scene, rng) :] *= factor
        return changed

    return change


def all_by(factor: float) -> SamplesChange:
    """The receiver's gain is not that of the sounding."""

    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        return factor * samples

    return change


def zeroed(count: int) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        changed, first = samples.copy(), inside(scene, rng, count)
        changed[first : first + count] = 0
        return changed

    return change


def rms(scene: CyclicScene) -> float:
    """Of what one node with a symbol of 1 makes of the samples."""
    return scene.rx_amplitude * 10 ** (-12 / 20)


def clipped(over_rms: float) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        rail = over_rms * rms(scene)
        return np.clip(samples.real, -rail, rail) + 1j * np.clip(samples.imag, -rail, rail)

    return change


def pulses(count: int, length: int, decibels: float) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        changed, power = samples.copy(), rms(scene) ** 2 * 10 ** (decibels / 10)
        for _ in range(count):
            first = inside(scene, rng, length)
            changed[first : first + length] += noise(length, power, rng)
        return changed

    return change


def jammed(
    make: Callable[[int, Rng], Waveform], levels: tuple[float, float] = air.LEVELS_DB
) -> SamplesChange:
    def change(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
        amplitude = rms(scene) * 10 ** (rng.uniform(*levels) / 20)
        return samples + amplitude * make(len(samples), rng)

    return change


def image(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
    factor = 10 ** (rng.uniform(*air.LEVELS_DB) / 20) * phases(1, rng)[0]
    return samples + factor * samples.conj()


def settling(samples: Waveform, scene: CyclicScene, rng: Rng) -> Waveform:
    decay = np.exp(-np.arange(len(samples)) / rng.uniform(100, 10_000))
    return samples * 10 ** (6 * rng.choice([-1, 1]) * decay / 20)


CYCLIC_FAULTS: dict[str, CyclicFault] = {
    "nothing": CyclicFault(must_accept=True),
    "all 50 Hz off": CyclicFault(offset_all(50)),
    "all 300 Hz off": CyclicFault(offset_all(300)),
    "all 5 kHz off": CyclicFault(offset_all(5e3)),
    "last node 50 Hz off": CyclicFault(offset_last(50)),
    "last node 300 Hz off": CyclicFault(offset_last(300)),
    "1 dropped": CyclicFault(samples=dropped(1)),
    "10 dropped": CyclicFault(samples=dropped(10)),
    "100 dropped": CyclicFault(samples=dropped(100)),
    "gain +1 dB inside": CyclicFault(samples=step(air.db(1))),
    "gain +3 dB inside": CyclicFault(samples=step(air.db(3))),
    "gain -12 dB inside": CyclicFault(samples=step(air.db(-12))),
    "phase 30 deg inside": CyclicFault(samples=step(np.exp(1j * np.pi / 6))),
    "phase 177 deg inside": CyclicFault(samples=step(np.exp(1j * np.radians(177)))),
    "100 samples zeroed": CyclicFault(samples=zeroed(100)),
    "2000 samples zeroed": CyclicFault(samples=zeroed(2000)),
    "nodes stop inside": CyclicFault(samples=half_last),
    "gain settles from 6 dB": CyclicFault(samples=settling),
    "clipped at 2 rms": CyclicFault(samples=clipped(2)),
    "clipped at 1 rms": CyclicFault(samples=clipped(1)),
    "sample clock 20 ppm": CyclicFault(clock_ppm=20),
    "sample clock 50 ppm": CyclicFault(clock_ppm=50),
    "frame 2 dB up": CyclicFault(level(2, last_only=False)),
    "frame 2 dB down": CyclicFault(level(-2, last_only=False)),
    "receiver 2 dB up": CyclicFault(samples=all_by(air.db(2))),
    "receiver 2 dB down": CyclicFault(samples=all_by(air.db(-2))),
    "frame 6 dB down": CyclicFault(level(-6, last_only=False)),
    "last node +2 dB": CyclicFault(level(2, last_only=True)),
    "last node -6 dB": CyclicFault(level(-6, last_only=True)),
    "last node missing": CyclicFault(missing(-1)),
    "lead node missing": CyclicFault(missing(0)),
    "last node of the round before": CyclicFault(one_stale),
    "all of the round before": CyclicFault(all_stale),
    "foreign frame, other seed": CyclicFault(foreign(0, same_seed=False, alone=False)),
    "foreign frame, same seed": CyclicFault(foreign(0, same_seed=True, alone=False)),
    "foreign -10 dB": CyclicFault(foreign(-10, same_seed=False, alone=False)),
    "foreign alone, other bench": CyclicFault(foreign(0, same_seed=True, alone=True, bench=7)),
    "foreign alone, any bench": CyclicFault(foreign(0, same_seed=True, alone=True, bench=None)),
    "foreign, other bench": CyclicFault(foreign(0, same_seed=True, alone=False, bench=7)),
    "foreign alone": CyclicFault(foreign(0, same_seed=False, alone=True)),
    "multipath 10 samples, -6 dB": CyclicFault(multipath(10, -6)),
    "multipath 10 samples, -20 dB": CyclicFault(multipath(10, -20)),
    "pulse 200 at +20 dB": CyclicFault(samples=pulses(1, 200, 20)),
    "5 pulses 20 at +30 dB": CyclicFault(samples=pulses(5, 20, 30)),
    "new white noise -20 dB": CyclicFault(samples=jammed(air.white, (-20, -20)), must_accept=True),
    "tones": CyclicFault(samples=jammed(air.tone)),
    "narrowband noise": CyclicFault(samples=jammed(air.narrowband)),
    "LoRa-like chirps": CyclicFault(samples=jammed(air.lora)),
    "QPSK": CyclicFault(samples=jammed(air.modulated)),
    "DC": CyclicFault(samples=jammed(air.dc_offset)),
    "I/Q image": CyclicFault(samples=image),
    "I and Q swapped": CyclicFault(samples=lambda samples, scene, rng: samples.conj()),
    "0 dB": CyclicFault(draw=air.with_draw(snr_db=0.0)),
    "-10 dB": CyclicFault(draw=air.with_draw(snr_db=-10.0)),
    "45 dB": CyclicFault(must_accept=True, draw=air.with_draw(snr_db=45.0)),
    "1 node": CyclicFault(must_accept=True, draw=air.with_draw(n_nodes=1)),
    "20 nodes": CyclicFault(must_accept=True, draw=air.with_draw(n_nodes=20)),
}
