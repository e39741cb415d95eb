"""What goes wrong in a sounding slot; a fault is one row, as in `air_faults`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.sdr_ota.receiver import air_faults as air
from tests.sdr_ota.receiver.independent_air import (
    SoundingScene,
    Times,
    Waveform,
    draw_scene,
    noise,
    phases,
    sounding_burst,
)
from tests.sdr_ota.receiver.unchanged import Rng, same_samples, same_scene

SceneChange = Callable[[SoundingScene, Rng], None]
SamplesChange = Callable[[Waveform, SoundingScene, Rng], Waveform]


@dataclass(frozen=True)
class SoundingFault:
    """A row: as `Fault`, for one slot."""

    scene: SceneChange = same_scene
    clock_ppm: float = 0.0
    samples: SamplesChange = same_samples
    must_accept: bool = False
    draw: tuple[tuple[str, object], ...] = ()


def times_of(fault: SoundingFault, scene: SoundingScene, n_more: int) -> Times:
    times = np.arange(scene.n_slot + n_more) - float(scene.frame.guard_samples)
    return times * (1 + fault.clock_ppm * 1e-6)


def inside(scene: SoundingScene, rng: Rng, room: int = 0) -> int:
    """An index of the slot well inside the burst."""
    first = scene.frame.guard_samples + 60
    return int(rng.integers(first, first + scene.n_burst - 120 - room))


def dropped(count: int) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        first = inside(scene, rng, count)
        return np.delete(samples, slice(first, first + count))

    return change


def dropped_near_an_end(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
    """Some are lost 25 to 150 samples from an end; of fewer that are left nobody could tell."""
    from_end, count = int(rng.integers(25, 150)), int(rng.integers(1, 60))
    start = scene.frame.guard_samples + round(scene.late)
    first = start + (from_end if rng.random() < 0.5 else scene.n_burst - from_end - count)
    return np.delete(samples, slice(first, first + count))


def step(factor: complex) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        changed = samples.copy()
        changed[inside(scene, rng) :] *= factor
        return changed

    return change


def zeroed(count: int) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        changed, first = samples.copy(), inside(scene, rng, count)
        changed[first : first + count] = 0
        return changed

    return change


def level(scene: SoundingScene) -> float:
    return scene.frame.known_amplitude * abs(scene.gain)


def clipped(at_level: float) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        rail = at_level * level(scene)
        return np.clip(samples.real, -rail, rail) + 1j * np.clip(samples.imag, -rail, rail)

    return change


def pulses(count: int, length: int, decibels: float) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        changed, power = samples.copy(), level(scene) ** 2 * 10 ** (decibels / 10)
        for _ in range(count):
            first = inside(scene, rng, length)
            changed[first : first + length] += noise(length, power, rng)
        return changed

    return change


def jammed(make: Callable[[int, Rng], Waveform]) -> SamplesChange:
    def change(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
        amplitude = level(scene) * 10 ** (rng.uniform(*air.LEVELS_DB) / 20)
        return samples + amplitude * make(len(samples), rng)

    return change


def image(samples: Waveform, scene: SoundingScene, rng: Rng) -> Waveform:
    factor = 10 ** (rng.uniform(*air.LEVELS_DB) / 20) * phases(1, rng)[0]
    return samples + factor * samples.conj()


def foreign(bench: int, decibels: float, *, alone: bool) -> SceneChange:
    """Another bench's sounding burst in our slot."""

    def change(scene: SoundingScene, rng: Rng) -> None:
        burst = sounding_burst(replace(scene.frame, bench=bench))
        gain = complex(abs(scene.gain) * 10 ** (decibels / 20) * phases(1, rng)[0])
        late = float(rng.uniform(-20, 20))
        scene.others = [(burst, gain, late, float(rng.uniform(-6e4, 6e4)))]
        scene.sends = not alone

    return change


def joint_frame(scene: SoundingScene, rng: Rng) -> None:
    """A joint frame where our burst should be: preamble alike, pilot not."""
    other = draw_scene(rng, "coherent")
    times = np.arange(scene.n_burst + 0.0)
    wave = other.received(times + other.layout.preamble, rng)
    scene.others = [(wave / np.abs(wave).max() * level(scene), 1.0, 0.0, 0.0)]
    scene.sends = False


SOUNDING_FAULTS: dict[str, SoundingFault] = {
    "nothing": SoundingFault(must_accept=True),
    "1 dropped": SoundingFault(samples=dropped(1)),
    "10 dropped": SoundingFault(samples=dropped(10)),
    "37 dropped": SoundingFault(samples=dropped(37)),
    "100 dropped": SoundingFault(samples=dropped(100)),
    "1 to 60 dropped near an end": SoundingFault(samples=dropped_near_an_end),
    "gain +1 dB inside": SoundingFault(samples=step(air.db(1))),
    "gain +3 dB inside": SoundingFault(samples=step(air.db(3))),
    "gain -12 dB inside": SoundingFault(samples=step(air.db(-12))),
    "phase 30 deg inside": SoundingFault(samples=step(np.exp(1j * np.pi / 6))),
    "phase 177 deg inside": SoundingFault(samples=step(np.exp(1j * np.radians(177)))),
    "100 samples zeroed": SoundingFault(samples=zeroed(100)),
    "400 samples zeroed": SoundingFault(samples=zeroed(400)),
    "clipped at 0.7x": SoundingFault(samples=clipped(0.7)),
    "clipped at 0.35x": SoundingFault(samples=clipped(0.35)),
    "sample clock 20 ppm": SoundingFault(clock_ppm=20),
    "foreign burst, other bench": SoundingFault(foreign(7, 0, alone=False)),
    "foreign burst -10 dB, other bench": SoundingFault(foreign(7, -10, alone=False)),
    "foreign burst alone, other bench": SoundingFault(foreign(7, 0, alone=True)),
    "joint frame in the slot": SoundingFault(joint_frame),
    "nobody": SoundingFault(lambda scene, rng: setattr(scene, "sends", False)),
    "pulse 200 at +10 dB": SoundingFault(samples=pulses(1, 200, 10)),
    "3 pulses 20 at +20 dB": SoundingFault(samples=pulses(3, 20, 20)),
    "tones": SoundingFault(samples=jammed(air.tone)),
    "narrowband noise": SoundingFault(samples=jammed(air.narrowband)),
    "LoRa-like chirps": SoundingFault(samples=jammed(air.lora)),
    "QPSK": SoundingFault(samples=jammed(air.modulated)),
    "DC": SoundingFault(samples=jammed(air.dc_offset)),
    "I/Q image": SoundingFault(samples=image),
    "0 dB": SoundingFault(draw=air.with_draw(snr_db=0.0)),
    "-10 dB": SoundingFault(draw=air.with_draw(snr_db=-10.0)),
    "45 dB": SoundingFault(must_accept=True, draw=air.with_draw(snr_db=45.0)),
}
