"""Frames as the documents describe them, made without the project's transmitter and air.

Only records are shared: the numbers of `FrameFormat`, plans, captures, receptions. Sequences,
pulses, positions, precoding, delays, paths and noise are written here a second time, from the
formulas in the docstrings, so that a receiver is tested against what is documented and not
against what the same hands have sent.

Times are in samples of the receiver, counted from the frame's first sample; the capture begins
one guard earlier.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import PathErrors, Precoder, TransmitPlan

Waveform = NDArray[np.complex128]
Times = NDArray[np.float64]

OURS = 3
"""Number of the bench whose frames are received."""

FRAME = FrameFormat(bench=OURS)

RATE_HZ = 1e6
ELAPSED_S = (5e-3, 50e-3)
"""From the last node's sounding to the frame."""

SLOT = 1400
"""Samples between the soundings of two nodes."""

TAIL = 512
"""Samples behind the capture, which move into it where samples are dropped."""

# ---- sequences -------------------------------------------------------------------------------


def chirps(n_chirp: int) -> Waveform:
    """Up-chirp, then its conjugate; a fifth of a cycle a sample wide."""
    place = np.arange(n_chirp) - (n_chirp - 1) / 2
    up = np.exp(1j * np.pi * (0.2 / n_chirp) * place * place)
    return np.concatenate([up, up.conj()])


@lru_cache(maxsize=8)
def chu(n_chips: int) -> Waveform:
    """Chu's sequence; its root is the first from an eighth of the length on that is coprime."""
    root = max(n_chips // 8, 1)
    while math.gcd(root, n_chips) != 1:
        root += 1
    place = [m * (m + n_chips % 2) for m in range(n_chips)]
    return np.array([np.exp(1j * np.pi * ((root * q) % (2 * n_chips)) / n_chips) for q in place])


def quarter_turns(shape: tuple[int, ...], key: tuple[int, ...]) -> Waveform:
    """Phases that everybody with the key can draw."""
    return 1j ** np.random.default_rng(key).integers(4, size=shape)


def pilot_code(frame: FrameFormat, node: int, seed: int) -> tuple[Waveform, Waveform]:
    """A node's code before and behind the payload: a row of the DFT times common phases."""
    length = frame.n_node_pilot_chips
    n_codes = length - max(length // 4, 2)
    rng = np.random.default_rng((2, frame.bench, seed))
    common = 1j ** rng.integers(4, size=(2, 1, length))[:, 0]
    starts = 1j ** rng.integers(4, size=(2, n_codes, 1))[:, node % n_codes, 0]
    place = rng.permutation(length)[node % n_codes]
    row = np.exp(2j * np.pi * place * np.arange(length) / length)
    return common[0] * starts[0] * row, common[1] * starts[1] * row


def bench_phases(n_chips: int, bench: int) -> Waveform:
    """What a bench turns its payload by: up to half a turn either way in each 16 chips."""
    if not bench:
        return np.ones(n_chips, np.complex128)
    shares = np.random.default_rng((4, bench)).uniform(-0.5, 0.5, math.ceil(n_chips / 16))
    turn, phases = 0.0, []
    for m in range(n_chips):
        turn += shares[m // 16] / 16
        phases.append(2 * math.pi * turn)
    return np.exp(1j * np.array(phases))


def tone(n_chips: int, cycles_per_chip: float) -> Waveform:
    return np.exp(2j * np.pi * cycles_per_chip * np.arange(n_chips))


def phases(n: int, rng: np.random.Generator) -> Waveform:
    return np.exp(1j * rng.uniform(0, 2 * np.pi, n))


# ---- payloads --------------------------------------------------------------------------------


def coherent(symbol: float, node: int, n_nodes: int, n: int, rng: np.random.Generator) -> Waveform:
    return symbol * chu(n)


def energies(symbol: float, node: int, n_nodes: int, n: int, rng: np.random.Generator) -> Waveform:
    half = n // 2
    loud, silent = math.sqrt(abs(symbol)) * phases(half, rng), np.zeros(half)
    chips = np.concatenate([loud, silent] if symbol > 0 else [silent, loud])
    return np.pad(chips, (0, n - 2 * half))


def votes(symbol: float, node: int, n_nodes: int, n: int, rng: np.random.Generator) -> Waveform:
    look = tone(16, 2 / 16 if symbol > 0 else -5 / 16)
    chips = np.kron(phases(n // 16, rng), look) if symbol else np.zeros(n // 16 * 16)
    return np.pad(chips, (0, n % 16))


def slots(symbol: float, node: int, n_nodes: int, n: int, rng: np.random.Generator) -> Waveform:
    n_slot = n // n_nodes
    quarter = n_slot // 4
    values = np.ones(n_slot)
    values[quarter : n_slot - quarter] = symbol
    chips = np.zeros(n, np.complex128)
    chips[node * n_slot :][:n_slot] = values * tone(n_slot, 1 / 4)
    return chips


PAYLOADS: dict[str, Callable[[float, int, int, int, np.random.Generator], Waveform]] = {
    "coherent": coherent,
    "energy-difference": energies,
    "fsk-vote": votes,
    "tdma": slots,
}

# ---- pulses and time -------------------------------------------------------------------------


def root_raised_cosine(t: float, rolloff: float) -> float:
    """Proakis, Digital Communications, section 9.2; limits by l'Hopital."""
    if t == 0:
        return 1 - rolloff + 4 * rolloff / math.pi
    if abs(abs(4 * rolloff * t) - 1) < 1e-9:
        quarter = math.pi / (4 * rolloff)
        sines = (1 + 2 / math.pi) * math.sin(quarter) + (1 - 2 / math.pi) * math.cos(quarter)
        return rolloff / math.sqrt(2) * sines
    top = math.sin(math.pi * t * (1 - rolloff))
    top += 4 * rolloff * t * math.cos(math.pi * t * (1 + rolloff))
    return top / (math.pi * t * (1 - (4 * rolloff * t) ** 2))


@lru_cache(maxsize=8)
def pulse_taps(per_chip: int, rolloff: float, span: int) -> NDArray[np.float64]:
    """The pulse, scaled so that chips of modulus 1 never make a sample beyond 1."""
    half = span * per_chip // 2
    taps = np.array([root_raised_cosine(n / per_chip, rolloff) for n in range(-half, half + 1)])
    worst = max(float(np.abs(taps[phase::per_chip]).sum()) for phase in range(per_chip))
    return taps / worst


def taps_of(frame: FrameFormat) -> NDArray[np.float64]:
    return pulse_taps(frame.pulse.samples_per_chip, frame.pulse.rolloff, frame.pulse.span_chips)


def chip_energy(frame: FrameFormat) -> float:
    """A sample's noise power over that of a chip."""
    return float(np.sum(taps_of(frame) ** 2))


def shaped(chips: Waveform, frame: FrameFormat) -> Waveform:
    stretched = np.kron(chips, np.eye(1, frame.pulse.samples_per_chip)[0])
    return np.convolve(stretched[: 1 - frame.pulse.samples_per_chip or None], taps_of(frame))


_REACH, _PHASES = 24, 1024


@lru_cache(maxsize=1)
def _kernels() -> NDArray[np.float64]:
    """Kaiser-windowed sinc at every phase: exact below 0.42 cycles a sample to -80 dB."""
    offsets = np.arange(1 - _REACH, _REACH + 1)
    late = offsets[None, :] - np.arange(_PHASES + 1)[:, None] / _PHASES
    inside = np.clip(1 - (late / _REACH) ** 2, 0, None)
    return np.sinc(late) * np.i0(8.6 * np.sqrt(inside)) / np.i0(8.6)


def at_times(sent: Waveform, times: Times) -> Waveform:
    """Values of a band-limited signal, 0 outside, at any times in its samples."""
    padded = np.pad(sent, 2 * _REACH)
    whole = np.floor(times).astype(int)
    place = (times - whole) * _PHASES
    below = np.minimum(place.astype(int), _PHASES - 1)
    part = place - below
    first = np.clip(whole + 1 + _REACH, 0, len(padded) - 2 * _REACH)
    is_near = (whole > -_REACH) & (whole < len(sent) + _REACH - 1)
    if np.ptp(times - np.arange(len(times))) < 1e-9:  # one fraction for all: a convolution
        kernel = _kernels()[below[0]] * (1 - part[0]) + _kernels()[below[0] + 1] * part[0]
        moved = np.convolve(padded, kernel[::-1], "valid")
        return np.where(is_near, moved[np.minimum(first, len(moved) - 1)], 0)
    kernel = _kernels()[below] * (1 - part)[:, None] + _kernels()[below + 1] * part[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH)[first]
    return np.where(is_near, np.einsum("nk,nk->n", windows, kernel), 0)


# ---- positions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Positions in a joint frame, counted from its first sample."""

    frame: FrameFormat

    def _shaped(self, n_chips: int) -> int:
        return (n_chips - 1) * self.frame.pulse.samples_per_chip + len(taps_of(self.frame))

    @property
    def preamble(self) -> int:
        return self.frame.guard_samples

    @property
    def guard(self) -> int:
        """The guard between preamble and node pilots."""
        return self.preamble + 2 * self.frame.n_chirp

    @property
    def pilots(self) -> int:
        """First sample of the shaped node pilots."""
        return self.guard + self.frame.guard_samples

    @property
    def n_chips(self) -> int:
        return self.n_symbol_chips + 2 * self.frame.n_node_pilot_chips + 2

    @property
    def n_symbol_chips(self) -> int:
        """Chips of all symbols, which follow each other without a gap."""
        return self.frame.n_symbols * self.frame.n_payload_chips

    @property
    def payload(self) -> int:
        """Centre of the first payload chip."""
        per_chip = self.frame.pulse.samples_per_chip
        first = self.frame.n_node_pilot_chips + 1
        return self.pilots + self.frame.pulse.span_chips * per_chip // 2 + first * per_chip

    @property
    def payload_end(self) -> int:
        return self.payload + self.n_symbol_chips * self.frame.pulse.samples_per_chip

    @property
    def idle(self) -> int:
        return self.pilots + self._shaped(self.n_chips) + self.frame.guard_samples

    @property
    def end(self) -> int:
        return self.idle + self._shaped(self.frame.n_idle_chips)

    @property
    def n_capture(self) -> int:
        return self.end + 2 * self.frame.guard_samples


# ---- nodes and what they send ----------------------------------------------------------------


@dataclass
class NodePath:
    """What the air does to one node, and what the plan believes of it.

    Attributes:
        gain: From a node's sample to the receiver's, at the reference tick.
        cfo_hz: Its carrier minus the receiver's.
        late: Arrival after the frame's time, in samples, that the plan does not know.
        reference_tick: When it was sounded.
        believed_gain: What the sounding said.
        believed_cfo_hz: The same.
        echoes: Delay in samples and complex gain over the first path.
        sends: Whether its burst leaves.
        change: On the gain, after the sounding.
    """

    gain: complex
    cfo_hz: float
    late: float
    reference_tick: int
    believed_gain: complex
    believed_cfo_hz: float
    echoes: list[tuple[float, complex]] = field(default_factory=list)
    sends: bool = True
    change: complex = 1.0


@dataclass
class Scene:
    """One round: who sends what over which paths, before anything goes wrong.

    Attributes:
        frame: Its format.
        scheme: Name of the scheme.
        seed: Of the round.
        symbols: One a node.
        nodes: One a node.
        rx_amplitude: Chip amplitude of a symbol of 1.
        noise_power: Of a sample.
        common_cfo_hz: Move of the receiver's carrier since the last node was sounded.
        frame_tick: Tick of the frame's first sample.
        others: Frames that are on the air too, with their arrival in samples.
        stated: Standard deviations that the plan states.
        lead: Node that sends the preamble; None for that of the scene's own plan.
    """

    frame: FrameFormat
    scheme: str
    seed: int
    symbols: NDArray[np.float64]
    nodes: list[NodePath]
    rx_amplitude: float
    noise_power: float
    common_cfo_hz: float = 0.0
    frame_tick: int = 1_000_000
    others: list[tuple[Scene, float]] = field(default_factory=list)
    stated: dict[str, float] = field(default_factory=dict)
    lead: int | None = None

    @property
    def layout(self) -> Layout:
        return Layout(self.frame)

    def plan(self) -> TransmitPlan:
        """The plan that the receiver knows."""
        return TransmitPlan(
            precoders=tuple(
                Precoder(self._precoder(n), 0.0, n.believed_cfo_hz, n.reference_tick)
                for n in self.nodes
            ),
            rx_amplitude=self.rx_amplitude,
            noise_power=self.noise_power / chip_energy(self.frame),
            path_errors=(self._errors(),) * len(self.nodes),
            symbol_mean_square=1.0 if self.scheme == "fsk-vote" else 1 / 3,
        )

    def _errors(self) -> PathErrors:
        return PathErrors(
            phase_std_rad=self.stated["phase_rad"],
            amplitude_std=self.stated["amplitude"],
            cfo_std_hz=self.stated["cfo_hz"],
            timing_std_s=self.stated["late"] / RATE_HZ,
        )

    def _precoder(self, node: NodePath) -> complex:
        return self.rx_amplitude / node.believed_gain

    def received(self, times: Times, rng: np.random.Generator) -> Waveform:
        """All nodes' frames at some times, in samples from the frame's first one."""
        total = np.zeros(len(times), np.complex128)
        for place, node in enumerate(self.nodes):
            if node.sends:
                total += self._received(place, node, times, rng)
        for other, arrival in self.others:
            total += other.received(times - arrival, rng)
        return total

    def _received(
        self, place: int, node: NodePath, times: Times, rng: np.random.Generator
    ) -> Waveform:
        sent = self._sent(place, node, rng)
        ticks = self.frame_tick - node.reference_tick + np.arange(len(sent))
        sent = sent * np.exp(-2j * np.pi * node.believed_cfo_hz * ticks / RATE_HZ)
        arrived = at_times(sent, times - node.late)
        for delay, gain in node.echoes:
            arrived = arrived + gain * at_times(sent, times - node.late - delay)
        seconds = (self.frame_tick - node.reference_tick + times) / RATE_HZ
        last = max(n.reference_tick for n in self.nodes)
        since = (self.frame_tick - last + times) / RATE_HZ
        turn = np.exp(2j * np.pi * (node.cfo_hz * seconds + self.common_cfo_hz * since))
        return node.gain * node.change * turn * arrived

    def _sent(self, place: int, node: NodePath, rng: np.random.Generator) -> Waveform:
        """A node's frame before it turns it; the lead adds the preamble."""
        frame, at, gain = self.frame, self.layout, self._precoder(node)
        made = PAYLOADS[self.scheme]
        payload = np.concatenate(
            [
                made(float(symbol), place, len(self.nodes), frame.n_payload_chips, rng)
                for symbol in np.atleast_1d(self.symbols[place])
            ]
        )
        payload = payload * bench_phases(len(payload), frame.bench)
        before, behind = pilot_code(frame, place, self.seed)
        chips = np.concatenate([before, [0], payload, [0], behind])
        sent = np.zeros(at.end, np.complex128)
        burst = shaped(gain * chips, frame)
        sent[at.pilots :][: len(burst)] = burst
        if place == (self.plan().lead_node if self.lead is None else self.lead):
            known = frame.known_amplitude * gain / abs(gain) * chirps(frame.n_chirp)
            sent[at.preamble :][: len(known)] = known
        return sent


STATED = {"phase_rad": 3e-3, "amplitude": 3e-3, "cfo_hz": 0.3, "late": 5e-3}


def draw_scene(
    rng: np.random.Generator,
    scheme: str,
    *,
    n_nodes: int = 3,
    snr_db: float = 25.0,
    frame: FrameFormat | None = None,
    stated: dict[str, float] | None = None,
    offset_hz: float = 0.0,
) -> Scene:
    """Draw nodes, paths, symbols and the errors of the sounding, as large as the plan states.

    Args:
        rng: Of the trial.
        scheme: Name.
        n_nodes: Nodes that send.
        snr_db: Power of a symbol of 1 over the noise of a chip.
        frame: The format.
        stated: Standard deviations of the plan.
        offset_hz: Largest carrier offset of a node; both signs occur.
    """
    frame, stated = frame or FRAME, stated or STATED
    level = 0.9 / n_nodes
    gains = level * rng.uniform(0.25, 1.0, n_nodes) * phases(n_nodes, rng)
    frame_tick = 1_000_000
    nodes, elapsed = [], rng.uniform(*ELAPSED_S) * RATE_HZ
    for place, gain in enumerate(gains):
        error = rng.normal(0, stated["amplitude"]) + 1j * rng.normal(0, stated["phase_rad"])
        cfo_hz = float(rng.uniform(-offset_hz, offset_hz))
        nodes.append(
            NodePath(
                gain=complex(gain),
                cfo_hz=cfo_hz,
                late=float(rng.normal(0, stated["late"])),
                reference_tick=frame_tick - round(elapsed + (n_nodes - 1 - place) * SLOT),
                believed_gain=complex(gain * (1 + error)),
                believed_cfo_hz=cfo_hz + float(rng.normal(0, stated["cfo_hz"])),
            )
        )
    rx_amplitude = 0.8 * float(np.abs(gains).min())
    several = (frame.n_symbols,) if frame.n_symbols > 1 else ()
    symbols = rng.uniform(-1, 1, (n_nodes, *several))
    noise = rx_amplitude**2 / 10 ** (snr_db / 10) * chip_energy(frame)
    return Scene(
        frame=frame,
        scheme=scheme,
        seed=int(rng.integers(2**31)),
        symbols=np.sign(symbols) if scheme == "fsk-vote" else symbols,
        nodes=nodes,
        rx_amplitude=rx_amplitude,
        noise_power=noise,
        frame_tick=frame_tick,
        stated=stated,
    )


def noise(n: int, power: float, rng: np.random.Generator) -> Waveform:
    return math.sqrt(power / 2) * (rng.normal(size=n) + 1j * rng.normal(size=n))


# ---- soundings -------------------------------------------------------------------------------


def sounding_burst(frame: FrameFormat) -> Waveform:
    """Preamble and pilot: Chu's sequence times phases that belong to the bench."""
    n_chips = frame.n_pilot_chips
    pilot = chu(n_chips) * quarter_turns((n_chips,), (3, frame.bench))
    return frame.known_amplitude * np.concatenate([chirps(frame.n_chirp), shaped(pilot, frame)])


@dataclass
class SoundingScene:
    """One node's slot in a sounding frame, with a guard on both sides.

    Attributes:
        frame: Format.
        gain: Of the path; its phase holds at ``due_tick``.
        cfo_hz: Node's carrier minus the receiver's.
        late: Arrival after the slot's start, in samples.
        noise_power: Of a sample.
        due_tick: Of the slot's start.
        sends: Whether the node's burst is there.
        others: Bursts that are on the air too: samples, gain, arrival in samples, offset in Hz.
    """

    frame: FrameFormat
    gain: complex
    cfo_hz: float
    late: float
    noise_power: float
    due_tick: int = 500_000
    sends: bool = True
    others: list[tuple[Waveform, complex, float, float]] = field(default_factory=list)

    @property
    def n_burst(self) -> int:
        return len(sounding_burst(self.frame))

    @property
    def n_slot(self) -> int:
        return self.n_burst + 2 * self.frame.guard_samples

    def received(self, times: Times) -> Waveform:
        """What arrives at some times, in samples from the slot's start."""
        burst = sounding_burst(self.frame)
        bursts = [(burst, self.gain * self.sends, self.late, self.cfo_hz), *self.others]
        total = np.zeros(len(times), np.complex128)
        for samples, gain, late, cfo_hz in bursts:
            turn = np.exp(2j * np.pi * cfo_hz * times / RATE_HZ)
            total += gain * turn * at_times(samples, times - late)
        return total

    def gain_at(self, tick: float) -> complex:
        """The path's gain at a tick of the receiver."""
        turn = np.exp(2j * np.pi * self.cfo_hz * (tick - self.due_tick) / RATE_HZ)
        return complex(self.gain * turn)


def draw_sounding(rng: np.random.Generator, *, snr_db: float = 25.0) -> SoundingScene:
    """Draw a path; ``snr_db`` is that of a chip of 1 over the noise of a chip."""
    frame = FRAME
    gain = complex(rng.uniform(0.1, 0.9) * phases(1, rng)[0])
    return SoundingScene(
        frame=frame,
        gain=gain,
        cfo_hz=float(rng.uniform(-6e4, 6e4)),
        late=float(rng.uniform(-10, 10)),
        noise_power=abs(gain) ** 2 / 10 ** (snr_db / 10) * chip_energy(frame),
    )


def planned_scene(
    plan: TransmitPlan, sounded: list[SoundingScene], scheme: str, rng: np.random.Generator
) -> Scene:
    """Return a round that nodes send by a plan, over the paths on which they were sounded."""
    frame_tick = max(s.due_tick + s.n_burst for s in sounded) + int(rng.integers(1_000, 5_000))
    nodes = [
        NodePath(
            gain=scene.gain_at(precoder.reference_tick),
            cfo_hz=scene.cfo_hz,
            late=scene.late - precoder.delay_s * RATE_HZ,
            reference_tick=precoder.reference_tick,
            believed_gain=plan.rx_amplitude / precoder.gain if precoder.gain else 1.0,
            believed_cfo_hz=precoder.cfo_hz,
            sends=precoder.gain != 0,
        )
        for precoder, scene in zip(plan.precoders, sounded, strict=True)
    ]
    symbols = rng.uniform(-1, 1, len(nodes))
    return Scene(
        frame=sounded[0].frame,
        scheme=scheme,
        seed=int(rng.integers(2**31)),
        symbols=np.sign(symbols) if scheme == "fsk-vote" else symbols,
        nodes=nodes,
        rx_amplitude=plan.rx_amplitude,
        noise_power=float(np.mean([s.noise_power for s in sounded])),
        frame_tick=frame_tick,
        lead=plan.lead_node,
    )


# ---- frames that repeat ----------------------------------------------------------------------


@dataclass(frozen=True)
class Subcarriers:
    """Which subcarrier carries what in a frame that repeats: pairs, dealt by a fixed generator."""

    n_chips: int
    n_nodes: int
    n_symbols: int = 1

    N_PILOT = 32
    N_IDLE = 64

    @property
    def n_averaged(self) -> int:
        return max(8 // self.n_symbols, 4)

    @property
    def n_repeats(self) -> int:
        return max(64 // self.n_symbols, 8)

    @property
    def n_carried(self) -> int:
        return self.n_symbols * self.n_chips

    @property
    def _n_used(self) -> int:
        return self.n_carried + self.n_nodes * self.N_PILOT + self.N_IDLE

    @property
    def n_period(self) -> int:
        n = 1
        while n < (self._n_used + 12) / 0.7:
            n *= 2
        return n

    @property
    def scale(self) -> float:
        """Of a chip in samples: root mean square 12 dB below full scale for one full half."""
        return float(10 ** (-12 / 20) / np.sqrt(self.n_carried / 2 + self.N_PILOT))

    def bins(self, first: int, count: int) -> NDArray[np.intp]:
        """Even members of some pairs, then their odd neighbours; three pairs around DC are free."""
        n_pairs = self._n_used // 2
        dealt = np.random.default_rng(0).permutation(n_pairs) - n_pairs // 2
        even = 2 * (dealt + np.where(dealt >= 0, 3, -3))[first // 2 : (first + count) // 2]
        return np.concatenate([even, even + 1])

    def pilot(self, node: int) -> NDArray[np.intp]:
        return self.bins(self.n_carried + node * self.N_PILOT, self.N_PILOT)


def repeated_pilot(bench: int, seed: int, node: int) -> Waveform:
    drawn = np.random.default_rng([bench, seed, node, 1]).random(Subcarriers.N_PILOT)
    return np.exp(2j * np.pi * drawn)


@dataclass
class CyclicNode:
    """A node that repeats: gain over the plan's, unknown start in samples, offset that is left."""

    change: complex
    start: float
    cfo_hz: float
    sends: bool = True
    seed: int = 0
    echoes: list[tuple[float, complex]] = field(default_factory=list)


@dataclass
class CyclicScene:
    """One round in which all nodes repeat.

    Attributes:
        scheme: Name of the scheme; votes are sent as energies.
        lay: Roles of the subcarriers.
        seed: Of the round.
        symbols: Of each node, one or several.
        nodes: One a node.
        rx_amplitude: Chip amplitude of a symbol of 1.
        noise_power: Of a sample.
        others: Rounds of other benches on the air.
        bench: Number of the bench.
        amplitude_std: Of a node's level, as the plan states it.
    """

    scheme: str
    lay: Subcarriers
    seed: int
    symbols: NDArray[np.float64]
    nodes: list[CyclicNode]
    rx_amplitude: float
    noise_power: float
    others: list[CyclicScene] = field(default_factory=list)
    bench: int = OURS
    amplitude_std: float = 3e-3
    start_tick: int = 2_000_000

    @property
    def n_window(self) -> int:
        return self.lay.n_averaged * self.lay.n_period

    def plan(self) -> TransmitPlan:
        noise = self.noise_power / (self.n_window * self.lay.scale**2)
        return TransmitPlan(
            precoders=tuple(
                Precoder(0.5 + 0j, reference_tick=self.start_tick - 100_000) for _ in self.nodes
            ),
            rx_amplitude=self.rx_amplitude,
            noise_power=noise,
            path_errors=(PathErrors(amplitude_std=self.amplitude_std),) * len(self.nodes),
            symbol_mean_square=1.0 if self.scheme == "fsk-vote" else 1 / 3,
        )

    def received(self, times: Times, rng: np.random.Generator) -> Waveform:
        total = np.zeros(len(times), np.complex128)
        for place, node in enumerate(self.nodes):
            if node.sends:
                total += self._received(place, node, times, rng)
        for other in self.others:
            total += other.received(times, rng)
        return total

    def _received(
        self, place: int, node: CyclicNode, times: Times, rng: np.random.Generator
    ) -> Waveform:
        lay = self.lay
        bins = np.zeros(lay.n_period, np.complex128)
        for which, symbol in enumerate(np.atleast_1d(self.symbols[place])):
            chips = energies(float(symbol), place, len(self.nodes), lay.n_chips, rng)
            bins[lay.bins(which * lay.n_chips, lay.n_chips)] = chips
        bins[lay.pilot(place)] = repeated_pilot(self.bench, node.seed or self.seed, place)
        cycles = np.fft.fftfreq(lay.n_period)
        path = np.ones(lay.n_period, np.complex128)
        for delay, gain in node.echoes:
            path += gain * np.exp(-2j * np.pi * cycles * delay)
        bins = bins * path * np.exp(-2j * np.pi * cycles * node.start)
        period = np.fft.ifft(bins) * lay.n_period * lay.scale
        n_periods = len(times) // lay.n_period + 4
        guard = lay.n_period  # so that times a little outside are inside
        if np.array_equal(times, np.arange(len(times))):
            wave = np.tile(period, n_periods)[: len(times)]
        else:
            wave = at_times(np.tile(period, n_periods), times + guard)
        turn = np.exp(2j * np.pi * node.cfo_hz * times / RATE_HZ)
        return self.rx_amplitude * node.change * turn * wave


def draw_cyclic(
    rng: np.random.Generator,
    scheme: str,
    n_nodes: int = 3,
    snr_db: float = 25.0,
    n_symbols: int = 1,
) -> CyclicScene:
    """Draw a round; offsets are what the grid of the correction leaves."""
    lay = Subcarriers(FRAME.n_payload_chips, n_nodes, n_symbols)
    left_hz = RATE_HZ / (2 * lay.n_repeats * lay.n_period)
    symbols = rng.uniform(-1, 1, (n_nodes, n_symbols) if n_symbols > 1 else n_nodes)
    rx_amplitude = float(rng.uniform(0.05, 0.3))
    chip_noise = rx_amplitude**2 / 10 ** (snr_db / 10)
    nodes = [
        CyclicNode(
            change=complex((1 + rng.normal(0, 3e-3)) * phases(1, rng)[0]),
            start=float(rng.uniform(0, lay.n_period)),
            cfo_hz=float(rng.uniform(-left_hz, left_hz)),
        )
        for _ in range(n_nodes)
    ]
    return CyclicScene(
        scheme=scheme,
        lay=lay,
        seed=int(rng.integers(1, 2**31)),
        symbols=np.sign(symbols) if scheme == "fsk-vote" else symbols,
        nodes=nodes,
        rx_amplitude=rx_amplitude,
        noise_power=chip_noise * lay.n_averaged * lay.n_period * lay.scale**2,
    )
