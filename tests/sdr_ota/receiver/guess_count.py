"""How often a receiver guesses: accepts a round whose error its deviation does not explain.

Run as a program it prints the table of all faults and schemes::

    python -m tests.sdr_ota.receiver.guess_count KIND [trials [text of a row]]

KIND is timed, mixed (timed frames in many worlds), several (frames of four symbols), cyclic,
repeated (cyclic frames of four symbols), sounding, or sounded (sums planned from soundings of
which one has a fault).
"""

from __future__ import annotations

import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from ota_calibration.paths.sounding import estimate_nodes, make_plan

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.rounds.decoding import decode, expected_squared_errors
from sdr_ota.rounds.exchange import Link, ReceivedSounding, Reception, Slot
from sdr_ota.schemes import load_scheme
from sdr_ota.types import ChannelEstimate
from tests.sdr_ota.receiver.air_faults import FAULTS, WIDE, Fault
from tests.sdr_ota.receiver.cyclic_faults import CYCLIC_FAULTS, CyclicFault
from tests.sdr_ota.receiver.cyclic_faults import times_of as cyclic_times
from tests.sdr_ota.receiver.independent_air import (
    FRAME,
    PAYLOADS,
    RATE_HZ,
    SLOT,
    STATED,
    TAIL,
    Scene,
    SoundingScene,
    draw_cyclic,
    draw_scene,
    draw_sounding,
    noise,
    planned_scene,
)
from tests.sdr_ota.receiver.sounding_faults import SOUNDING_FAULTS, SoundingFault
from tests.sdr_ota.receiver.sounding_faults import times_of as sounding_times

STDS = 5.0
"""An error is a guess beyond so many of its own deviations, and of theory's."""

MAX_CFO_HZ = 7e4


@dataclass
class Count:
    """What became of some trials.

    Attributes:
        accepted: Rounds with a sum.
        guesses: Seeds of those with a sum that is wrong, with its error and its deviation.
        erased: By reason.
        ratios: Error over stated deviation of the accepted rounds.
        theory_ratios: Error over theory's.
    """

    accepted: int = 0
    guesses: list[tuple[int, float, float]] = field(default_factory=list)
    erased: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    theory_ratios: list[float] = field(default_factory=list)

    @property
    def trials(self) -> int:
        return self.accepted + sum(self.erased.values())

    def __add__(self, more: Count) -> Count:
        return Count(
            self.accepted + more.accepted,
            self.guesses + more.guesses,
            self.erased + more.erased,
            self.ratios + more.ratios,
            self.theory_ratios + more.theory_ratios,
        )

    def __str__(self) -> str:
        return f"{len(self.guesses)}/{self.accepted}/{self.trials - self.accepted}"


World = Callable[[np.random.Generator], dict[str, Any]]


def one_world(rng: np.random.Generator) -> dict[str, Any]:
    """Three nodes, 25 dB, a plan that knows its paths well."""
    return {}


def any_world(rng: np.random.Generator) -> dict[str, Any]:
    """One to eight nodes, 5 to 45 dB, plans that know their paths well and badly."""
    return {
        "n_nodes": int(rng.integers(1, 9)),
        "snr_db": float(rng.uniform(5, 45)),
        "stated": STATED if rng.random() < 0.5 else WIDE,
        "offset_hz": 1e4,
    }


def four_symbols(rng: np.random.Generator) -> dict[str, Any]:
    """As `one_world`, in frames that carry four symbols of each node."""
    return {"frame": replace(FRAME, n_symbols=4)}


def reception_of(
    fault: Fault, scheme: str, name: str, trial: int, world: World = one_world
) -> tuple[Reception, Scene]:
    """Return what the receiver has of a trial, with the symbols, which decoding does not use."""
    rng = np.random.default_rng([zlib.crc32(f"{name}/{scheme}".encode()), trial])
    scene = draw_scene(rng, scheme, **world(rng) | dict[str, Any](fault.draw))
    plan = scene.plan()
    fault.scene(scene, rng)
    lay = scene.layout
    times = np.arange(lay.n_capture + TAIL) - float(scene.frame.guard_samples)
    heard = scene.received(fault.times(times, scene, rng), rng)
    samples = fault.samples(heard + noise(len(heard), scene.noise_power, rng), scene, rng)
    capture = Capture(
        samples[: lay.n_capture].astype(np.complex64),
        scene.frame_tick - scene.frame.guard_samples,
    )
    return Reception(capture, RATE_HZ, plan, scene.seed, symbols=scene.symbols), scene


def judged(trials: Iterable[tuple[int, Reception, Link]]) -> Count:
    """Decode some trials and judge each sum by what it states of itself and by theory."""
    found = Count()
    for trial, reception, link in trials:
        symbols = reception.symbols
        assert symbols is not None
        try:
            exchange = decode(replace(reception, symbols=None), link)
        except Erasure as erased:
            found.erased[erased.reason] += 1
            continue
        except (ArithmeticError, ValueError, LookupError, np.linalg.LinAlgError) as crash:
            found.erased[type(crash).__name__] += 1
            found.guesses.append((trial, np.inf, 0.0))  # no sum and no reason: as bad as a guess
            continue
        found.accepted += 1
        sent = symbols.reshape(len(symbols), -1)[list(reception.plan.active_nodes)]
        error = np.abs([s.value for s in exchange.sums] - sent.sum(axis=0))
        own = np.array([s.std for s in exchange.sums])
        theory = np.sqrt(expected_squared_errors(exchange, reception, link) or (0.0,))
        found.ratios.extend((error / own).tolist())
        found.theory_ratios.extend((error / theory).tolist())
        over = error / (STDS * np.maximum(own, theory))
        worst = int(np.argmax(over))
        if not over[worst] <= 1:
            found.guesses.append((trial, float(error[worst]), float(own[worst])))
    return found


def count(name: str, scheme: str, trials: Iterable[int], world: World = one_world) -> Count:
    """Decode trials of one row and one scheme, timed frames."""

    def made() -> Iterable[tuple[int, Reception, Link]]:
        for trial in trials:
            reception, scene = reception_of(FAULTS[name], scheme, name, trial, world)
            yield trial, reception, Link(scene.frame, load_scheme(scheme), MAX_CFO_HZ)

    return judged(made())


def count_cyclic(name: str, scheme: str, trials: Iterable[int], n_symbols: int = 1) -> Count:
    """Decode trials of one row and one scheme, frames that repeat."""
    frame = replace(FRAME, n_symbols=n_symbols)
    fault, link = CYCLIC_FAULTS[name], Link(frame, load_scheme(scheme), MAX_CFO_HZ)

    def made() -> Iterable[tuple[int, Reception, Link]]:
        for trial in trials:
            rng = np.random.default_rng([zlib.crc32(f"cyclic {name}/{scheme}".encode()), trial])
            scene = draw_cyclic(rng, scheme, n_symbols=n_symbols, **dict[str, Any](fault.draw))
            plan = scene.plan()
            fault.scene(scene, rng)
            heard = scene.received(cyclic_times(fault, scene.n_window + TAIL), rng)
            heard = heard + noise(len(heard), scene.noise_power, rng)
            samples = fault.samples(heard, scene, rng)[: scene.n_window]
            capture = Capture(samples.astype(np.complex64), scene.start_tick)
            sent = scene.symbols
            yield trial, Reception(capture, RATE_HZ, plan, scene.seed, True, sent), link

    return judged(made())


LEAST_STDS = {"gain": 3e-3, "cfo_hz": 1.0, "late": 5e-3}
"""What no sounding needs to know better: of a relative gain, an offset, an arrival in samples."""


SOUNDED_NODES = 3


def count_sounded(name: str, scheme: str, trials: Iterable[int]) -> Count:
    """Decode sums planned from soundings, of which the last one has a fault that has gone since."""

    def made() -> Iterable[tuple[int, Reception, Link]]:
        for trial in trials:
            rng = np.random.default_rng([zlib.crc32(f"sounded {name}/{scheme}".encode()), trial])
            draw = dict[str, Any](SOUNDING_FAULTS[name].draw)
            scenes = [draw_sounding(rng, **draw) for _ in range(SOUNDED_NODES)]
            for place, scene in enumerate(scenes):
                scene.due_tick += place * SLOT
                scene.cfo_hz /= 6
            link = Link(scenes[0].frame, load_scheme(scheme), MAX_CFO_HZ)
            rows = [SOUNDING_FAULTS["nothing"]] * (SOUNDED_NODES - 1) + [SOUNDING_FAULTS[name]]
            estimates = [sounded(f, s, link, rng) for f, s in zip(rows, scenes, strict=True)]
            if all(estimate is None for estimate in estimates):
                continue  # no plan, no round
            plan = make_plan(estimates, peak_amplitude=0.5, truncation_db=20.0)
            for scene in scenes:
                scene.sends, scene.others = True, []
            joint = planned_scene(plan, scenes, scheme, rng)
            lay, guard = joint.layout, joint.frame.guard_samples
            heard = joint.received(np.arange(lay.n_capture) - float(guard), rng)
            heard = heard + noise(len(heard), joint.noise_power, rng)
            capture = Capture(heard.astype(np.complex64), joint.frame_tick - guard)
            yield trial, Reception(capture, RATE_HZ, plan, joint.seed, symbols=joint.symbols), link

    return judged(made())


def sounded(
    fault: SoundingFault, scene: SoundingScene, link: Link, rng: np.random.Generator
) -> ChannelEstimate | None:
    """Send one node's sounding burst and estimate its path."""
    fault.scene(scene, rng)
    heard = scene.received(sounding_times(fault, scene, TAIL))
    heard = heard + noise(len(heard), scene.noise_power, rng)
    samples = fault.samples(heard, scene, rng)[: scene.n_slot].astype(np.complex64)
    slot = Slot(samples, scene.due_tick - scene.frame.guard_samples, scene.due_tick)
    return estimate_nodes(ReceivedSounding((slot,), RATE_HZ), link)[0]


def count_soundings(name: str, trials: Iterable[int]) -> Count:
    """Estimate the path of trials of one row: a guess is 5 deviations off in one of its parts."""
    fault, found = SOUNDING_FAULTS[name], Count()
    for trial in trials:
        rng = np.random.default_rng([zlib.crc32(f"sounding {name}".encode()), trial])
        scene = draw_sounding(rng, **dict[str, Any](fault.draw))
        link = Link(scene.frame, load_scheme("coherent"), MAX_CFO_HZ)
        try:
            estimate = sounded(fault, scene, link, rng)
        except Erasure as erased:
            found.erased[erased.reason] += 1
            continue
        if estimate is None:
            found.erased["not-found"] += 1
            continue
        found.accepted += 1
        error = off_stds(estimate, scene)
        found.ratios.append(error)
        if not error <= STDS:
            found.guesses.append((trial, error, 1.0))
    return found


def off_stds(estimate: ChannelEstimate, scene: SoundingScene) -> float:
    """Return the largest of an estimate's three errors, in its deviations."""
    if not scene.sends:
        return float("inf")
    gain = scene.gain_at(estimate.measured_tick)
    gain_std = max(estimate.gain_std, LEAST_STDS["gain"] * abs(gain))
    late_std = max(estimate.delay_std_s * RATE_HZ, LEAST_STDS["late"])
    return max(
        abs(estimate.gain - gain) / gain_std,
        abs(estimate.cfo_hz - scene.cfo_hz) / max(estimate.cfo_std_hz, LEAST_STDS["cfo_hz"]),
        abs(estimate.delay_s * RATE_HZ - scene.late) / late_std,
    )


Counting = Callable[[str, str, Iterable[int]], Count]


def table(kind: str, n_trials: int, wanted: str) -> Iterator[str]:
    """Yield guesses/accepted/erased of every fault and scheme, and why rounds were erased."""
    rows, schemes, counting = TABLES[kind]
    yield (
        f"{kind}: guesses/accepted/erased of {n_trials}; behind them the share of "
        "accepted sums within 1.96 of their deviations, and reasons of the erased"
    )
    yield f"{'fault':34}" + "".join(f"{scheme:>20}" for scheme in schemes)
    for name in (name for name in rows if wanted in name):
        counts = [counting(name, scheme, range(n_trials)) for scheme in schemes]
        why: Counter[str] = sum((c.erased for c in counts), Counter())
        reasons = ", ".join(f"{reason} {n}" for reason, n in why.most_common())
        cells = "".join(f"{c!s:>20}" for c in counts)
        is_bad = any(c.guesses for c in counts)
        is_bad |= rows[name].must_accept and any(c.erased for c in counts)
        ratios = [ratio for c in counts for ratio in c.ratios]
        covered = f"{np.mean(np.array(ratios) < 1.96):4.0%}" if ratios else "   -"
        yield f"{'!' if is_bad else ' '}{name:33}{cells}  {covered}  {reasons}"


Row = Fault | CyclicFault | SoundingFault

TABLES: dict[str, tuple[Mapping[str, Row], tuple[str, ...], Counting]] = {
    "timed": (FAULTS, tuple(PAYLOADS), count),
    "mixed": (FAULTS, tuple(PAYLOADS), partial(count, world=any_world)),
    "several": (FAULTS, ("coherent", "energy-difference"), partial(count, world=four_symbols)),
    "cyclic": (CYCLIC_FAULTS, ("energy-difference", "fsk-vote"), count_cyclic),
    "repeated": (
        CYCLIC_FAULTS,
        ("energy-difference", "fsk-vote"),
        partial(count_cyclic, n_symbols=4),
    ),
    "sounded": (SOUNDING_FAULTS, tuple(PAYLOADS), count_sounded),
    "sounding": (SOUNDING_FAULTS, ("-",), lambda n, _, trials: count_soundings(n, trials)),
}

if __name__ == "__main__":
    asked = sys.argv[1:] or ["timed"]
    for line in table(asked[0], int((asked[1:] or ["200"])[0]), " ".join(asked[2:])):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
