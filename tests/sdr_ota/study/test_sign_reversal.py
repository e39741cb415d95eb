"""The share of wrong batch signs on a quadratic, where it is known in closed form."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sdr_ota.assembly.run_slopes import example_slopes, study_points
from sdr_ota.failure import CommandFailed
from sdr_ota.study.sign_figure import sign_drawing, sign_record
from sdr_ota.study.sign_reversal import SignSetting, largest_error, normal_reversal, sign_reversal
from sdr_ota.study.study_files import write_study
from zo_core.directions.generator import DirectionKind, direction
from zo_core.probing.estimator import Probe

N_WEIGHTS = 16
N_TARGETS = {"near": 19, "far": 11}
"""Examples of either kind: a batch's slope is a count of them, which is hypergeometric."""
SETTING = SignSetting(n_directions=12, n_batches=4000, batch=8, seed=3)


def quadratic_losses(model: nn.Module, targets: list[float]) -> torch.Tensor:
    """Loss of target a: |w - a|^2 / 2, whose slope along z is z . (w - a)."""
    offsets = model.weight[0].double() - torch.tensor(targets, dtype=torch.float64)[:, None]
    return (offsets**2).sum(dim=1) / 2


def quadratic() -> tuple[nn.Module, list[float]]:
    torch.manual_seed(5)
    model = nn.Linear(N_WEIGHTS, 1, bias=False).eval()
    return model, [0.3] * N_TARGETS["near"] + [-0.5] * N_TARGETS["far"]


def measured_slopes(kind: DirectionKind) -> np.ndarray:
    model, targets = quadratic()
    seeds = range(SETTING.n_directions)
    return example_slopes(model, quadratic_losses, targets, seeds, Probe(0.25, kind))


def wrong_share(near: float, far: float) -> float:
    """Return the chance that a batch's slope has the other sign, from counts of examples."""
    n_near, n_far = N_TARGETS.values()
    truth = n_near * near + n_far * far
    counts = np.arange(SETTING.batch + 1)
    sums = counts * near + (SETTING.batch - counts) * far
    chances = stats.hypergeom(n_near + n_far, n_near, SETTING.batch).pmf(counts)
    return float(chances[sums * truth < 0].sum())


@pytest.mark.parametrize("kind", list(DirectionKind))
def test_the_study_finds_the_closed_form_of_a_quadratic(kind: DirectionKind) -> None:
    model, targets = quadratic()
    weights = model.weight[0].detach().double().numpy()
    slopes = measured_slopes(kind)
    assert slopes.shape == (SETTING.n_directions, len(targets))
    found = sign_reversal("run", 0, slopes, SETTING)
    expected = []
    for seed in range(SETTING.n_directions):
        z = direction(seed, 0, N_WEIGHTS, kind).astype(np.float64)
        near, far = z @ (weights - 0.3), z @ (weights + 0.5)
        np.testing.assert_allclose(slopes[seed, [0, -1]], [near, far], atol=1e-4)
        expected.append(wrong_share(near, far))
    shares = np.array(expected)
    # 4.5 standard errors of a share of n batches; chances from 0 to near one half are among them.
    tolerance = 4.5 * np.sqrt(shares * (1 - shares) / SETTING.n_batches)
    assert np.all(np.abs(found.reversed_share - shares) <= tolerance)
    assert shares.max() > 0.2
    assert shares.min() < 0.01
    assert largest_error([found]) == found.reversed_share.max()


def test_many_different_examples_make_it_normal() -> None:
    rng = np.random.default_rng(1)
    slopes = rng.normal(0.1, 1.0, size=(6, 400)) * np.arange(1, 7)[:, None]
    setting = SignSetting(6, 20_000, 64, 0)
    found = sign_reversal("run", 5, slopes, setting)
    # Berry and Esseen: a sum of 64 lies within about 0.01 of a normal one for such slopes.
    np.testing.assert_allclose(found.reversed_share, normal_reversal(slopes, 64), atol=0.02)
    np.testing.assert_allclose(
        found.batch_projections.std(axis=1),
        slopes.std(axis=1) * math.sqrt((400 - 64) / 399 / 64),
        rtol=4.5 / math.sqrt(2 * 20_000),
    )


def test_a_batch_of_all_examples_is_never_wrong() -> None:
    slopes = np.random.default_rng(2).normal(size=(3, 20))
    whole = sign_reversal("run", 0, slopes, SignSetting(3, 10, 20))
    assert whole.reversed_share.tolist() == [0, 0, 0]
    assert normal_reversal(slopes, 20).tolist() == [0, 0, 0]


def test_what_cannot_be_counted_is_refused() -> None:
    slopes = np.ones((1, 4))
    with pytest.raises(CommandFailed, match="a batch of 5 of 4 examples"):
        sign_reversal("run", 0, slopes, SignSetting(1, 10, 5))
    slopes[0, 2] = np.nan
    with pytest.raises(CommandFailed, match="no finite slope"):
        sign_reversal("run", 0, slopes, SignSetting(1, 10, 2))


@pytest.mark.parametrize(
    ("every", "points"), [(None, [0, 10]), (4, [0, 4, 8, 10]), (5, [0, 5, 10]), (99, [0, 10])]
)
def test_a_run_is_looked_at_from_its_start_to_its_end(every: int | None, points: list[int]) -> None:
    assert study_points(10, every) == points


def test_the_study_leaves_its_numbers(tmp_path: Path) -> None:
    found = [
        sign_reversal(run, rounds, measured_slopes(DirectionKind.GAUSSIAN), SETTING)
        for run in ("a", "b")
        for rounds in (0, 7)
    ]
    record = sign_record(found, SETTING)
    write_study(record, sign_drawing(found), tmp_path)
    assert len(record.rows) == 4 * SETTING.n_directions
    assert {path.name for path in tmp_path.iterdir()} == {
        "signs.json", "signs.csv", "signs.svg", "signs.png",
    }  # fmt: skip
