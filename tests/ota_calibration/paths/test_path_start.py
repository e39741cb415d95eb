"""A tracker that begins with the rates of calibration records is right from its first soundings.

Paths are simulated by plain formulas: phases walk at a known rate, gains fade as the sum of many
waves that come from all around. Each world has five nodes with one reference, as a bench has.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from ota_calibration.measure.measurement import Measurement
from ota_calibration.paths.path_start import PathStart
from ota_calibration.paths.tracker import PathTracker

from sdr_ota.types import ChannelEstimate

RATE_HZ, GAP_S, AHEAD_S = 1e6, 0.25, 0.055
N_WORLDS, N_NODES, N_FIRST, N_WAVES = 20, 5, 6, 40
GAIN_STD, CFO_STD_HZ, DELAY_STD_S = 3e-3, 1.0, 1e-9


@dataclass(frozen=True)
class Motion:
    """What is imposed on all nodes.

    Attributes:
        walk: Growth of the phase's variance, in rad^2/s.
        scattered: Power of the scattered waves over that of the fixed one.
        doppler_hz: Largest of their Doppler shifts.
    """

    walk: float
    scattered: float
    doppler_hz: float

    @property
    def change_per_s(self) -> float:
        """Root mean square of the level's slope: half of the waves' power moves along the phase."""
        return math.sqrt(self.scattered / 2) * 2 * math.pi * self.doppler_hz / math.sqrt(2)

    def records(self) -> PathStart:
        """Return what a calibration of three of the nodes would have brought, 20 % off."""

        def measured(name: str, value: float) -> list[Measurement]:
            values = (0.8 * value, value, 1.2 * value)
            return [Measurement(name, v, 0.2 * value, "", "", 8) for v in values]

        walks = measured("phase_walk_rad2_per_s", self.walk)
        changes = measured("gain_change_per_s", self.change_per_s)
        return PathStart.measured({"phase_walk_rad2_per_s": walks, "gain_change_per_s": changes})


def gains(motion: Motion, times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return true gains, shape ``(n_times, N_NODES)``."""
    steps = np.diff(times_s, prepend=times_s[0])[:, None]
    drawn = rng.standard_normal((len(times_s), N_NODES))
    walked = np.cumsum(np.sqrt(motion.walk * steps) * drawn, axis=0)
    angles, phases = rng.uniform(0, 2 * np.pi, (2, N_WAVES, N_NODES))
    turns = 2 * np.pi * motion.doppler_hz * times_s[:, None, None] * np.cos(angles) + phases
    waves = np.exp(1j * turns).sum(axis=1) * math.sqrt(motion.scattered / N_WAVES)
    return (1 + waves) * np.exp(1j * (walked + rng.uniform(0, 6, N_NODES)))


@dataclass(frozen=True)
class FirstRounds:
    """What came of the first rounds of many worlds.

    Attributes:
        score: Mean of the negative logarithm of what was expected of the gains at the payloads, up
            to a constant: Gaussian in phase and level (Gneiting, Raftery, Strictly proper scoring
            rules, J. American Statistical Association 102, 2007).
        error: Mean square of the relative error of the gain at the payload.
        phase: Mean of the squared normalised innovations.
        level: The same.
    """

    score: float
    error: float
    phase: float
    level: float


def first_rounds(motion: Motion, start: PathStart) -> FirstRounds:
    """Sound and predict many worlds."""
    worlds = [_world(motion, start, np.random.default_rng(seed)) for seed in range(N_WORLDS)]
    score, error, phase, level = np.mean([np.mean(world, axis=(1, 2)) for world in worlds], axis=0)
    return FirstRounds(float(score), float(error), float(phase), float(level))


def _world(motion: Motion, start: PathStart, rng: np.random.Generator) -> np.ndarray:
    """Return score, squared error and squared innovations, shape ``(4, N_FIRST - 1, N_NODES)``."""
    tracker = PathTracker(RATE_HZ, shares_reference=True, start=start)
    times_s = (np.arange(N_FIRST)[:, None] * GAP_S + [0.0, AHEAD_S]).ravel() + 1.0
    true, seen = gains(motion, times_s, rng), []
    for index in range(N_FIRST):
        tracker.observe(_seen(true[2 * index], times_s[2 * index], rng))
        off = [tracker.innovations[name] ** 2 for name in ("phase", "level")]
        forecast = tracker.forecast(AHEAD_S)
        told = [e for e in forecast.estimates if e is not None]
        then = [e.gain * np.exp(2j * np.pi * e.cfo_hz * AHEAD_S) for e in told]
        ratio = np.array(then) / true[2 * index + 1]
        phase, level = forecast.variances(AHEAD_S)
        score = np.angle(ratio) ** 2 / phase + np.log(phase)
        score = score + (np.abs(ratio) - 1) ** 2 / level + np.log(level)
        seen.append([score / 2, np.abs(ratio - 1) ** 2, *off])
    return np.moveaxis(np.array(seen[1:]), 1, 0)  # the first sounding has no innovation


def _seen(true: np.ndarray, time_s: float, rng: np.random.Generator) -> list[ChannelEstimate]:
    tick, noise = round(time_s * RATE_HZ), rng.standard_normal((4, N_NODES))
    received = true + GAIN_STD / math.sqrt(2) * (noise[0] + 1j * noise[1])
    return [
        ChannelEstimate(
            complex(received[k]), GAIN_STD, DELAY_STD_S * float(noise[2, k]), DELAY_STD_S,
            CFO_STD_HZ * float(noise[3, k]), CFO_STD_HZ, 1e-6, tick,
        )
        for k in range(N_NODES)
    ]  # fmt: skip


STILL = Motion(0.25, 1e-6, 0.01)
FADING = Motion(0.05, 0.2, 0.1)
FAST = Motion(0.006, 0.2, 0.28)  # phase noise and coherence time of the preset usrp-shared-clock


LEAST_LEVEL = {STILL: 1.0, FADING: 0.7, FAST: 0.9}
"""Mean square of innovations: that a record may be a factor of two off is expected, too."""


@pytest.mark.parametrize("motion", [STILL, FADING, FAST])
def test_records_make_first_predictions_better_and_honest(motion: Motion) -> None:
    usual, begun = (first_rounds(motion, start) for start in (PathStart(), motion.records()))
    assert begun.score < usual.score - 0.3  # a node and round: 1.35 times the likelihood
    assert begun.error < 1.15 * usual.error
    chance = 4 * math.sqrt(2 / (N_WORLDS * (N_FIRST - 1) * N_NODES))
    assert 0.9 - chance < begun.phase < 1.1 + chance
    assert LEAST_LEVEL[motion] - chance < begun.level < 1.1 + chance
    assert usual.level < 0.6  # without records, changes of every size are waited for


def test_a_record_of_another_day_is_unlearned() -> None:
    """Its nodes stood a hundred times as still: six soundings are enough to see it."""
    wrong = Motion(FAST.walk, FAST.scattered, FAST.doppler_hz / 100).records()
    begun, usual = first_rounds(FAST, wrong), first_rounds(FAST, PathStart())
    assert begun.error < 2 * usual.error
