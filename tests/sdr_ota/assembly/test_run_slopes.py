"""Slopes of all examples along a run are those that its clients have sent."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdr_ota
from sdr_ota.assembly.run_slopes import slopes_of_run
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.sign_reversal import SignSetting
from sdr_ota.study.sign_study import study_signs

N_EXAMPLES, N_ROUNDS = 40, 3

SMALL: dict[str, Any] = {
    "run.rounds": N_ROUNDS,
    "run.evaluate_every": N_ROUNDS,
    "data.train_limit": N_EXAMPLES,
    "data.held_out_limit": 10,
    "clients.count": 4,
    "clients.examples_per_round": N_EXAMPLES,  # a batch is all that a client has
    "zo.learning_rate": 0.02,
    "link.scalar_limit": 100.0,
    "air.preset": "ideal",
    "air.snr_db": 120,
    "captures.every": 0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return sdr_ota.run(set={**SMALL, "run.folder": str(folder)}).folder


def test_the_mean_slope_is_what_was_broadcast_there_and_then(run: Path) -> None:
    rounds = read_run(run).rounds
    seeds = [result.seed for result in rounds]
    found = slopes_of_run(run, 1, seeds)
    assert [at.rounds_done for at in found] == [0, 1, 2, 3]
    for at, result in zip(found, rounds, strict=False):
        assert at.slopes.shape == (N_ROUNDS, N_EXAMPLES)
        mean = at.slopes[result.round].mean()
        # The air adds an error of -60 dB and less; float32 losses one of 1e-7 / 2^-10.
        assert mean == pytest.approx(result.mean_scalar, abs=2e-3 * max(1.0, abs(mean)))
    # The model moves: the same direction has another slope later on.
    first = [at.slopes[0].mean() for at in found]
    assert np.ptp(first) > 0.05


def test_a_study_of_runs_is_printed_and_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "study"
    study_signs([run], None, SignSetting(2, 50, 8), output)
    assert "largest share seen: 0." in capsys.readouterr().out
    lines = (output / "signs.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 2
    with pytest.raises(CommandFailed, match="not an empty folder"):
        study_signs([run], None, SignSetting(2, 50, 8), output)
    with pytest.raises(CommandFailed, match="a batch of 64 of 40 examples"):
        study_signs([run], None, SignSetting(1, 50, 64), None)


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    made_up = {"clients.source": "synthetic", "run.folder": str(tmp_path)}
    folder = sdr_ota.run(set={**SMALL, **made_up}).folder
    with pytest.raises(CommandFailed, match="no model: its clients were synthetic"):
        slopes_of_run(folder, None, [0])


def test_a_private_run_keeps_its_examples_slopes(tmp_path: Path) -> None:
    private = {"privacy.protect": "client", "run.rounds": 1, "run.folder": str(tmp_path)}
    folder = sdr_ota.run(set={**SMALL, **private}).folder
    with pytest.raises(CommandFailed, match="promised to protect"):
        slopes_of_run(folder, None, [0])


def test_what_is_no_run_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no run folder"):
        study_signs([tmp_path], None, SignSetting(1, 10, 1), None)
