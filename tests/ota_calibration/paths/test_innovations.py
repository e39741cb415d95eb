"""What soundings of every air are off their prediction is white, and as large as was expected.

Each air is sounded in 20 worlds of five nodes, as a run with default settings does it. A sum of n
independent squared normals has the mean n and the variance 2 n; their lagged products have the
variance n. Where an air's numbers lie beyond four of these standard deviations, the bound and its
reason stand here.
"""

import math
from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np
import pytest
from ota_calibration.paths.sounding import estimate_nodes

from sdr_ota.air.presets import PRESETS
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.planner import planner_of
from sdr_ota.config.load import config_of_tables
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.erasure import Erasure
from sdr_ota.rounds.given_symbols import sound_bench

N_WORLDS, N_SOUNDINGS, N_LEARNED = 20, 35, 15
REST_S = 0.19  # with the sounding's lead and frame a quarter of a second
QUANTITIES = ("phase", "level", "delay")

MEAN_SQUARES = {
    # Noises are looked for on a grid, an estimate's own variance is exact to some percent: what
    # is left between the two is systematic.
    **dict.fromkeys(product(PRESETS, QUANTITIES), (0.9, 1.1)),
    # The level of a fade is a magnitude: it turns at its dips, which no linear process does. A
    # smooth process that was fitted to the whole is quieter between them than it expects.
    ("free-running-pluto", "level"): (0.8, 1.1),
    ("lab-indoor", "level"): (0.8, 1.15),
    ("usrp-shared-clock", "level"): (0.8, 1.2),
    # The delay of a fade runs away in its dips, as its phase does.
    ("usrp-shared-clock", "delay"): (0.9, 1.4),
    ("usrp-shared-clock", "phase"): (0.9, 1.2),
    # Soundings are five coherence times apart: nothing of a path is left, and what is not there
    # has no normal distribution.
    ("harsh", "phase"): (0.7, 1.4),
    ("harsh", "level"): (0.9, 1.4),
    ("harsh", "delay"): (0.9, 1.3),
}

CORRELATIONS = {
    **dict.fromkeys(product(PRESETS, QUANTITIES), 0.05),
    # Four states do not hold a spectrum with an edge: the better the sounding, the more they owe.
    ("free-running-pluto", "level"): 0.2,
    ("lab-indoor", "level"): 0.25,
    ("usrp-shared-clock", "level"): 0.3,
    ("usrp-shared-clock", "delay"): 0.25,
    # A constant that is measured is taken to scatter a little, which it does not.
    ("ideal", "delay"): 0.1,
}


@cache
def innovations(preset: str) -> tuple[dict[str, np.ndarray], ...]:
    """Return each world's, shape ``(n_soundings, n_nodes)``; NaN where there is none."""
    return tuple(_world(preset, seed) for seed in range(1, N_WORLDS + 1))


def _world(preset: str, seed: int) -> dict[str, np.ndarray]:
    kept = [list(seen) for seen in _soundings(preset, seed)][N_LEARNED:]
    return {name: np.array([k[i] for k in kept]) for i, name in enumerate(QUANTITIES)}


def _soundings(preset: str, seed: int) -> Iterator[list[np.ndarray]]:
    changes = {"clients.source": "synthetic", "run.seed": seed, "air.preset": preset}
    config = config_of_tables({}, changes)
    air, link = simulated_air(config), link_of(config)
    tracker = planner_of(config, link).tracker
    with open_bench(config, air) as bench:
        for _ in range(N_SOUNDINGS):
            try:
                sounding = sound_bench(bench, link)
            except Erasure:  # as where interference saturates the receiver
                continue
            finally:
                air.pass_time(round(REST_S * air.sample_rate_hz))
            estimates = estimate_nodes(sounding, link)
            tracker.observe(estimates, sounding.late_nodes)
            is_seen = np.array([estimate is not None for estimate in estimates])
            yield [np.where(is_seen, tracker.innovations[name], np.nan) for name in QUANTITIES]


@pytest.mark.slow
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("preset", PRESETS)
def test_innovations_are_as_large_as_was_expected(preset: str, quantity: str) -> None:
    squares = np.concatenate([world[quantity].ravel() ** 2 for world in innovations(preset)])
    n = np.count_nonzero(np.isfinite(squares))
    chance = 4 * math.sqrt(2 / n)
    low, high = MEAN_SQUARES[preset, quantity]
    assert low - chance < np.nanmean(squares) < high + chance


@pytest.mark.slow
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("preset", PRESETS)
def test_innovations_are_white(preset: str, quantity: str) -> None:
    worlds = [world[quantity] for world in innovations(preset)]
    products = np.concatenate([(off[1:] * off[:-1]).ravel() for off in worlds])
    squares = np.concatenate([off.ravel() ** 2 for off in worlds])
    n = np.count_nonzero(np.isfinite(products))
    correlation = np.nanmean(products) / np.nanmean(squares)
    assert abs(correlation) < CORRELATIONS[preset, quantity] + 4 / math.sqrt(n)
