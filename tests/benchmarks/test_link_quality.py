"""The noise that is injected has the error that was asked for; no figure is judged."""

import argparse
import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sdr_ota.assembly.learning import Learning
from zo_core.language.held_out import HeldOutResult

OPTIONS = argparse.Namespace(rounds=400, target=0.8, seeds=1)


class Client:
    """Has Gaussian scalars, and notes what it was told."""

    loss, example_scalars = math.nan, ()

    def __init__(self) -> None:
        self.told: list[float] = []
        self.means: list[float] = []

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        (seed,) = seeds
        self.means.append(float(np.random.default_rng(seed).standard_normal()))
        return (self.means[-1],)

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        self.told.extend(mean_scalars)


@pytest.fixture
def link_quality(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("link_quality")


@pytest.mark.parametrize("is_shrunk", [False, True])
def test_noise_and_factor_are_those_asked_for(link_quality: ModuleType, is_shrunk: bool) -> None:
    client = Client()
    learning = Learning([client], evaluate=lambda: HeldOutResult(0.5, 0.7))
    done = link_quality._learned(learning, 3.0, is_shrunk, 1, OPTIONS)
    assert (done.rounds_needed, done.final_accuracy, len(client.told)) == (None, 0.5, 400)
    # Noise over mean: its level is known from 20 probes, deviation sqrt(2 / 20), to 4 of them.
    assert abs(done.measured_nmse_db - 3.0) < 10 * math.log10(1 + 4 * math.sqrt(2 / 20))
    factor = 1 / (1 + 10**0.3) if is_shrunk else 1.0
    means = np.array(client.means[link_quality.N_PROBES :])
    slope = float(client.told @ means / (means @ means))
    deviation = factor * math.sqrt(10**0.3 / 400)  # of the fit, by the noise
    assert abs(slope - factor) < 5 * deviation


def test_a_run_ends_where_the_target_is_reached(link_quality: ModuleType) -> None:
    scores = iter([0.6, 0.79, 0.81, 0.9])
    learning = Learning([Client()], evaluate=lambda: HeldOutResult(next(scores), 0.7))
    done = link_quality._learned(learning, -math.inf, False, 1, OPTIONS)
    assert (done.rounds_needed, done.final_accuracy) == (30, 0.81)
    assert done.measured_nmse_db == -math.inf


def test_runs_that_never_reach_the_target_count_as_slower_than_all(
    link_quality: ModuleType,
) -> None:
    needed = [40, None, None, 90, None]
    runs = [link_quality.Run(0.0, False, k, n, 0.8, 0.1) for k, n in enumerate(needed)]
    row = link_quality.lines(runs, OPTIONS)[-1]
    assert "> 400 (40 to > 400) | 2 of 5" in row
