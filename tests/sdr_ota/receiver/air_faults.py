"""What goes wrong on the air and in radios after a plan was made: one row of the table each.

A fault changes the scene before it is sent, the times at which the receiver samples, or the
samples that it took. All numbers of a fault are drawn from the trial's generator.

One fault is no row: another bench alone on the air, with our bench number, our round's seed and our
levels. Its pilots are ours; only phases tell it, where a scheme needs them. `frame.bench` is made
from addresses so that no two benches have one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import Pulse
from tests.sdr_ota.receiver.independent_air import (
    OURS,
    Layout,
    Scene,
    Times,
    Waveform,
    draw_scene,
    noise,
    phases,
)
from tests.sdr_ota.receiver.unchanged import Rng, same_samples, same_scene

SceneChange = Callable[[Scene, Rng], None]
TimesChange = Callable[[Times, Scene, Rng], Times]
SamplesChange = Callable[[Waveform, Scene, Rng], Waveform]


def same_times(times: Times, scene: Scene, rng: Rng) -> Times:
    return times


@dataclass(frozen=True)
class Fault:
    """A row.

    Attributes:
        scene: What it does to nodes, paths and other senders.
        times: What it does to the receiver's clock.
        samples: What it does to what was received; noise is in it.
        must_accept: Whether the sum is fine, so that erasing it is an error too.
        draw: Arguments of `draw_scene` that are not the usual ones.
    """

    scene: SceneChange = same_scene
    times: TimesChange = same_times
    samples: SamplesChange = same_samples
    must_accept: bool = False
    draw: tuple[tuple[str, object], ...] = ()


def at(part: int, scene: Scene) -> int:
    """Index in the capture of a position in the frame."""
    return part + scene.frame.guard_samples


def in_payload(scene: Scene, rng: Rng, room: int = 0) -> int:
    """A random index of the capture inside the payload, with some samples of it behind it."""
    lay = scene.layout
    return at(int(rng.integers(lay.payload + 16, lay.payload_end - room - 16)), scene)


def in_guard(scene: Scene, rng: Rng) -> int:
    lay = scene.layout
    return at(int(rng.integers(lay.guard + 8, lay.pilots - 32)), scene)


# ---- scene -----------------------------------------------------------------------------------


def drift(hertz: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        scene.common_cfo_hz = hertz * rng.choice([-1, 1])

    return change


def turn_of(place: int, degrees: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        scene.nodes[place].change = np.exp(1j * np.radians(degrees))

    return change


def level_of(place: int, decibels: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        scene.nodes[place].change = 10 ** (decibels / 20)

    return change


def level_all(decibels: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        for node in scene.nodes:
            node.change = 10 ** (decibels / 20)

    return change


def late_of(place: int, samples: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        scene.nodes[place].late += samples * rng.choice([-1, 1])

    return change


def cfo_of(place: int, hertz: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        scene.nodes[place].cfo_hz += hertz * rng.choice([-1, 1])

    return change


def last_missing(scene: Scene, rng: Rng) -> None:
    scene.nodes[-1].sends = False


def lead_missing(scene: Scene, rng: Rng) -> None:
    scene.nodes[scene.plan().lead_node].sends = False


def first_missing(scene: Scene, rng: Rng) -> None:
    """One that does not lead, or not always."""
    scene.nodes[0].sends = False


def swapped(scene: Scene, rng: Rng) -> None:
    """Two nodes' orders were mixed up: each sends with the other's code and symbol."""
    first, second = scene.nodes[0], scene.nodes[-1]
    first.gain, second.gain = second.gain, first.gain


def multipath(chips: float, decibels: float) -> SceneChange:
    def change(scene: Scene, rng: Rng) -> None:
        for node in scene.nodes:
            delay = float(rng.uniform(0.5, chips)) * scene.frame.pulse.samples_per_chip
            echo = complex(10 ** (decibels / 20) * phases(1, rng)[0])
            node.echoes = [(delay, echo)]

    return change


def any_bench(rng: Rng) -> int:
    """Return the number of a bench that is not ours."""
    return OURS + int(rng.integers(1, 2**32 - OURS))


def foreign(
    decibels: float,
    *,
    bench: int | None = 7,
    same_seed: bool = False,
    alone: bool = False,
    off: float = 5.0,
) -> SceneChange:
    """Another bench's frame, of any number for None: its nodes do not know our receiver's phase."""

    def change(scene: Scene, rng: Rng) -> None:
        frame = replace(scene.frame, bench=any_bench(rng) if bench is None else bench)
        other = draw_scene(rng, scene.scheme, n_nodes=len(scene.nodes), frame=frame)
        other.seed = scene.seed if same_seed else other.seed
        scale = 10 ** (decibels / 20)
        for node, own in zip(other.nodes, scene.nodes, strict=True):
            node.gain = node.believed_gain = abs(own.gain)
            node.change = complex(scale * phases(1, rng)[0])
            node.late = float(rng.normal(0, 0.1))
            node.cfo_hz = float(rng.uniform(-500, 500))
        other.rx_amplitude = scene.rx_amplitude
        scene.others = [(other, off * rng.choice([-1, 1]))]
        for node in scene.nodes:
            node.sends = not alone

    return change


def stale(scene: Scene, rng: Rng) -> None:
    """Only the frame of the round before is in the buffer."""
    before = replace(scene, seed=scene.seed - 1, symbols=rng.permutation(-scene.symbols))
    before.nodes, before.others = [replace(node) for node in scene.nodes], []
    scene.others = [(before, 0.0)]
    for node in scene.nodes:
        node.sends = False


def one_stale(scene: Scene, rng: Rng) -> None:
    """The last node repeats what it sent in the round before."""
    before = replace(scene, seed=scene.seed - 1, symbols=-scene.symbols, others=[])
    before.nodes = [replace(n, sends=n is scene.nodes[-1]) for n in scene.nodes]
    scene.others = [(before, 0.0)]
    scene.nodes[-1].sends = False


# ---- times -----------------------------------------------------------------------------------


def clock(ppm: float) -> TimesChange:
    def change(times: Times, scene: Scene, rng: Rng) -> Times:
        return times * (1 + ppm * 1e-6 * rng.choice([-1, 1]))

    return change


def jitter(samples: float) -> TimesChange:
    """The receiver's clock swings by so much, once or twice in a payload."""

    def change(times: Times, scene: Scene, rng: Rng) -> Times:
        cycles = rng.uniform(0.5, 3) / (scene.layout.payload_end - scene.layout.payload)
        return times + samples * np.sin(2 * np.pi * (cycles * times + rng.random()))

    return change


# ---- samples ---------------------------------------------------------------------------------


def dropped(count: int, place: Callable[[Scene, Rng], int]) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        first = place(scene, rng)
        return np.delete(samples, slice(first, first + count))

    return change


def dropped_in_payload(count: int) -> SamplesChange:
    return dropped(count, lambda scene, rng: in_payload(scene, rng, count))


def repeated(count: int) -> SamplesChange:
    """Samples are written twice, and as many are lost later: the frame's end is in time again."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        lay = scene.layout
        middle = (lay.payload + lay.payload_end) // 2
        first = at(int(rng.integers(lay.payload + 16, middle - count)), scene)
        second = at(int(rng.integers(middle, lay.payload_end - count - 16)), scene)
        lost = np.delete(samples, slice(second, second + count))
        return np.insert(lost, first, samples[first - count : first])

    return change


def step(factor: complex, place: Callable[[Scene, Rng], int]) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        changed = samples.copy()
        changed[place(scene, rng) :] *= factor
        return changed

    return change


def bump(factor: complex, share: float) -> SamplesChange:
    """A gain leaves and comes back inside the payload, between the node pilots."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        lay = scene.layout
        length = round(share * (lay.payload_end - lay.payload - 40))
        first = in_payload(scene, rng, length)
        changed = samples.copy()
        changed[first : first + length] *= factor
        return changed

    return change


def swing(decibels: float, radians: float) -> SamplesChange:
    """Gain and phase swing slowly with whole cycles in the payload: supply hum, an AGC hunting."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        lay = scene.layout
        place = (np.arange(len(samples)) - at(lay.payload, scene)) / (lay.payload_end - lay.payload)
        wave = np.sin(np.pi * place) ** 2 * ((place >= 0) & (place < 1))
        return samples * 10 ** (decibels * wave / 20) * np.exp(1j * radians * wave)

    return change


def settling(decibels: float) -> SamplesChange:
    """A gain control settles after the preamble's start."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        since = np.arange(len(samples)) - at(scene.layout.preamble, scene)
        decay = np.exp(-np.maximum(since, 0) / rng.uniform(50, 3000))
        return samples * 10 ** (decibels * rng.choice([-1, 1]) * decay / 20)

    return change


def db(value: float) -> float:
    return 10 ** (value / 20)


def zeroed(count: int) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        first = in_payload(scene, rng, count)
        changed = samples.copy()
        changed[first : first + count] = 0
        return changed

    return change


def half_full(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    """Zeros from some point of the payload on: the buffer was not filled to its end."""
    changed = samples.copy()
    changed[in_payload(scene, rng) :] = 0
    return changed


def half_old(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    """From some point of the payload on the buffer holds what it held a while ago."""
    changed, first = samples.copy(), in_payload(scene, rng)
    back = int(rng.integers(200, 1200))
    changed[first:] = samples[first - back : len(samples) - back]
    return changed


def block_repeated(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    """One transfer of 256 samples came twice and another not at all."""
    changed, first = samples.copy(), in_payload(scene, rng, 256)
    changed[first : first + 256] = samples[first - 256 : first]
    return changed


def clipped(level: float) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        rail = level * scene.rx_amplitude
        return np.clip(samples.real, -rail, rail) + 1j * np.clip(samples.imag, -rail, rail)

    return change


def pulse_on(part: Callable[[Layout], int], length: int, decibels: float) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        changed, first = samples.copy(), at(part(scene.layout), scene)
        changed[first : first + length] += noise(length, power(scene, decibels), rng)
        return changed

    return change


def pulses(count: int, length: int, decibels: float) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        changed = samples.copy()
        for _ in range(count):
            first = in_payload(scene, rng, length)
            changed[first : first + length] += noise(length, power(scene, decibels), rng)
        return changed

    return change


def power(scene: Scene, decibels: float) -> float:
    """Of a sample, over that of a symbol of 1."""
    return scene.rx_amplitude**2 * 10 ** (decibels / 10)


LEVELS_DB = (-30.0, 20.0)


def jammed(
    make: Callable[[int, Rng], Waveform], levels: tuple[float, float] = LEVELS_DB
) -> SamplesChange:
    """Something of mean power 1 is on the air all the time, at a random level."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        level = power(scene, rng.uniform(*levels))
        return samples + np.sqrt(level) * make(len(samples), rng)

    return change


def jammed_from(
    make: Callable[[int, Rng], Waveform], levels: tuple[float, float] = LEVELS_DB
) -> SamplesChange:
    """The same, but only while the payload is sent."""

    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        lay, level = scene.layout, power(scene, rng.uniform(*levels))
        changed = samples.copy()
        part = slice(at(lay.payload, scene), at(lay.payload_end, scene))
        wave = np.sqrt(level) * make(len(samples), rng)
        changed[part] += wave[part]
        return changed

    return change


def tone(n: int, rng: Rng) -> Waveform:
    return np.exp(2j * np.pi * (rng.uniform(-0.4, 0.4) * np.arange(n) + rng.random()))


def narrowband(n: int, rng: Rng) -> Waveform:
    spectrum = np.fft.fft(noise(n, 1.0, rng))
    width, middle = rng.uniform(0.005, 0.1), rng.uniform(-0.3, 0.3)
    away = (np.fft.fftfreq(n) - middle + 0.5) % 1 - 0.5
    wave = np.fft.ifft(spectrum * (np.abs(away) < width / 2))
    return wave / np.sqrt(np.mean(np.abs(wave) ** 2))


def lora(n: int, rng: Rng) -> Waveform:
    length, band = 2 ** int(rng.integers(7, 12)), rng.uniform(0.1, 0.5)
    place = (np.arange(n) + rng.integers(length)) % length / length
    frequency = band * (place - 0.5)
    return np.exp(2j * np.pi * np.cumsum(frequency))


def modulated(n: int, rng: Rng) -> Waveform:
    """Somebody's QPSK."""
    symbols = np.repeat(1j ** rng.integers(4, size=n // 4 + 1), 4)[:n]
    return symbols * tone(n, rng)


def white(n: int, rng: Rng) -> Waveform:
    return noise(n, 1.0, rng)


def dc_offset(n: int, rng: Rng) -> Waveform:
    return np.full(n, phases(1, rng)[0])


def image(decibels: tuple[float, float]) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        factor = 10 ** (rng.uniform(*decibels) / 20) * phases(1, rng)[0]
        return samples + factor * samples.conj()

    return change


def conjugated(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    return samples.conj()


def quantised(bits: int) -> SamplesChange:
    def change(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
        unit = 2.0 ** (1 - bits)
        return unit * (np.round(samples.real / unit) + 1j * np.round(samples.imag / unit))

    return change


def compressed(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    """An amplifier near its end: cubic, 1 dB at the level of two symbols of 1."""
    level = 2 * scene.rx_amplitude
    return samples * (1 - 0.109 * np.minimum(np.abs(samples / level) ** 2, 3.0))


def filtered(samples: Waveform, scene: Scene, rng: Rng) -> Waveform:
    """The receiver's filter is not what it was at the sounding: ripple of 1 dB."""
    ripple = 0.06 * phases(2, rng)
    return np.convolve(samples, [ripple[0], 1, ripple[1]], "same")


def with_draw(**arguments: object) -> tuple[tuple[str, object], ...]:
    return tuple(arguments.items())


WIDE = {"phase_rad": 0.15, "amplitude": 0.1, "cfo_hz": 1.0, "late": 0.05}
"""A plan that knows little: indoor, free-running."""

LONG_CHIPS = FrameFormat(
    n_pilot_chips=32,
    n_payload_chips=64,
    n_node_pilot_chips=8,
    n_idle_chips=64,
    pulse=Pulse(samples_per_chip=16),
    bench=OURS,
)

_pay, _guard = in_payload, in_guard

FAULTS: dict[str, Fault] = {
    "nothing": Fault(must_accept=True),
    "nodes' offsets 1 kHz": Fault(must_accept=True, draw=with_draw(offset_hz=1e3)),
    "nodes' offsets 20 kHz": Fault(must_accept=True, draw=with_draw(offset_hz=2e4)),
    "nodes' offsets 60 kHz": Fault(must_accept=True, draw=with_draw(offset_hz=6e4)),
    "a plan that knows little": Fault(must_accept=True, draw=with_draw(stated=WIDE)),
    "common drift 10 Hz": Fault(drift(10)),
    "common drift 300 Hz": Fault(drift(300)),
    "common drift 5 kHz": Fault(drift(5e3)),
    "1 dropped in payload": Fault(samples=dropped_in_payload(1)),
    "10 dropped in payload": Fault(samples=dropped_in_payload(10)),
    "100 dropped in payload": Fault(samples=dropped_in_payload(100)),
    "1 dropped in guard": Fault(samples=dropped(1, _guard)),
    "10 dropped in guard": Fault(samples=dropped(10, _guard)),
    "30 dropped in guard": Fault(samples=dropped(30, _guard)),
    "100 dropped in guard": Fault(samples=dropped(100, _guard)),
    "1 repeated, 1 dropped": Fault(samples=repeated(1)),
    "10 repeated, 10 dropped": Fault(samples=repeated(10)),
    "gain +1 dB in payload": Fault(samples=step(db(1), _pay)),
    "gain +3 dB in payload": Fault(samples=step(db(3), _pay)),
    "gain -12 dB in payload": Fault(samples=step(db(-12), _pay)),
    "gain +3 dB in guard": Fault(samples=step(db(3), _guard)),
    "gain +1 dB in guard": Fault(samples=step(db(1), _guard)),
    "phase 30 deg in guard": Fault(samples=step(np.exp(1j * np.radians(30)), _guard)),
    "phase 177 deg in guard": Fault(samples=step(np.exp(1j * np.radians(177)), _guard)),
    "phase 30 deg in payload": Fault(samples=step(np.exp(1j * np.radians(30)), _pay)),
    "phase 177 deg in payload": Fault(samples=step(np.exp(1j * np.radians(177)), _pay)),
    "gain bump +3 dB, 1/4 payload": Fault(samples=bump(db(3), 0.25)),
    "gain bump -12 dB, 1/2 payload": Fault(samples=bump(db(-12), 0.5)),
    "phase bump 60 deg, 1/4 payload": Fault(samples=bump(np.exp(1j * np.pi / 3), 0.25)),
    "phase bump 180 deg, 1/8 payload": Fault(samples=bump(-1, 0.125)),
    "swing 3 dB": Fault(samples=swing(3, 0)),
    "swing 1 rad": Fault(samples=swing(0, 1)),
    "100 samples zeroed": Fault(samples=zeroed(100)),
    "400 samples zeroed": Fault(samples=zeroed(400)),
    "buffer half full": Fault(samples=half_full),
    "buffer half old": Fault(samples=half_old),
    "256 samples twice": Fault(samples=block_repeated),
    "AGC settling 3 dB": Fault(samples=settling(3)),
    "AGC settling 12 dB": Fault(samples=settling(12)),
    "clipped at 1x": Fault(samples=clipped(1)),
    "clipped at 0.5x": Fault(samples=clipped(0.5)),
    "compressed 1 dB": Fault(samples=compressed),
    "8 bits": Fault(samples=quantised(8), must_accept=True),
    "sample clock 20 ppm": Fault(times=clock(20)),
    "sample clock 50 ppm": Fault(times=clock(50)),
    "sample clock swings 0.2": Fault(times=jitter(0.2)),
    "foreign frame, other bench": Fault(foreign(0)),
    "foreign frame, same bench": Fault(foreign(0, bench=OURS)),
    "foreign frame, same bench, seed": Fault(foreign(0, bench=OURS, same_seed=True)),
    "foreign -10 dB, other bench": Fault(foreign(-10)),
    "foreign -20 dB, in time": Fault(foreign(-20, off=0)),
    "foreign -30 dB, in time": Fault(foreign(-30, off=0)),
    "foreign -35 dB, in time": Fault(foreign(-35, off=0)),
    "foreign alone, other bench": Fault(foreign(0, alone=True)),
    "foreign alone, any bench, same seed": Fault(
        foreign(0, bench=None, same_seed=True, alone=True, off=0)
    ),
    "foreign alone, same bench": Fault(foreign(0, bench=OURS, alone=True)),
    "last node 177 deg": Fault(turn_of(-1, 177)),
    "first node 177 deg": Fault(turn_of(0, 177)),
    "last node 30 deg": Fault(turn_of(-1, 30)),
    "first node 30 deg": Fault(turn_of(0, 30)),
    "last node +2 dB": Fault(level_of(-1, 2)),
    "first node +2 dB": Fault(level_of(0, 2)),
    "last node -6 dB": Fault(level_of(-1, -6)),
    "first node -6 dB": Fault(level_of(0, -6)),
    "last node 1 sample late": Fault(late_of(-1, 1)),
    "first node 1 sample late": Fault(late_of(0, 1)),
    "last node 10 samples late": Fault(late_of(-1, 10)),
    "first node 10 samples late": Fault(late_of(0, 10)),
    "last node 50 Hz off": Fault(cfo_of(-1, 50)),
    "first node 50 Hz off": Fault(cfo_of(0, 50)),
    "last node 500 Hz off": Fault(cfo_of(-1, 500)),
    "first node 500 Hz off": Fault(cfo_of(0, 500)),
    "last node missing": Fault(last_missing),
    "first node missing": Fault(first_missing),
    "lead node missing": Fault(lead_missing),
    "two nodes' paths swapped": Fault(swapped),
    "frame 2 dB up": Fault(level_all(2)),
    "frame 2 dB down": Fault(level_all(-2)),
    "frame 6 dB down": Fault(level_all(-6)),
    "frame of the round before": Fault(stale),
    "last node of the round before": Fault(one_stale),
    "pulse 200 at +10 dB": Fault(samples=pulses(1, 200, 10)),
    "3 pulses 20 at +20 dB": Fault(samples=pulses(3, 20, 20)),
    "pulse on pilots, 0 dB": Fault(samples=pulse_on(lambda lay: lay.pilots + 40, 60, 0)),
    "pulse on pilots, -15 dB": Fault(samples=pulse_on(lambda lay: lay.pilots + 40, 60, -15)),
    "pulse on preamble, 10 dB": Fault(samples=pulse_on(lambda lay: lay.preamble + 100, 300, 10)),
    "pulse in idle slot, 10 dB": Fault(samples=pulse_on(lambda lay: lay.idle + 300, 200, 10)),
    "new white noise -20 dB": Fault(samples=jammed(white, (-20, -20)), must_accept=True),
    "new QPSK -20 dB": Fault(samples=jammed(modulated, (-20, -20)), must_accept=True),
    "new tone -20 dB": Fault(samples=jammed(tone, (-20, -20)), must_accept=True),
    "multipath 1 chip, -6 dB": Fault(multipath(1, -6)),
    "multipath 5 chips, -6 dB": Fault(multipath(5, -6)),
    "multipath 5 chips, -20 dB": Fault(multipath(5, -20)),
    "filter changed": Fault(samples=filtered),
    "tones": Fault(samples=jammed(tone)),
    "narrowband noise": Fault(samples=jammed(narrowband)),
    "LoRa-like chirps": Fault(samples=jammed(lora)),
    "QPSK": Fault(samples=jammed(modulated)),
    "DC": Fault(samples=jammed(dc_offset)),
    "I/Q image": Fault(samples=image(LEVELS_DB)),
    "tones in payload": Fault(samples=jammed_from(tone)),
    "narrowband in payload": Fault(samples=jammed_from(narrowband)),
    "LoRa-like in payload": Fault(samples=jammed_from(lora)),
    "DC in payload": Fault(samples=jammed_from(dc_offset)),
    "I and Q swapped": Fault(samples=conjugated),
    "0 dB": Fault(draw=with_draw(snr_db=0.0)),
    "-10 dB": Fault(draw=with_draw(snr_db=-10.0)),
    "45 dB": Fault(must_accept=True, draw=with_draw(snr_db=45.0)),
    "1 node": Fault(must_accept=True, draw=with_draw(n_nodes=1)),
    "20 nodes": Fault(must_accept=True, draw=with_draw(n_nodes=20)),
    "16 samples a chip": Fault(must_accept=True, draw=with_draw(frame=LONG_CHIPS)),
}
