import json
from dataclasses import replace
from pathlib import Path

import pytest

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.run_folder import Evaluation, RunFolder, RunFolderError, read_run
from sdr_ota.runs.summary import summarise

GOOD = RoundResult(
    round=0,
    seed=2**64 - 1,
    loss=0.5,
    active_nodes=(0, 2),
    mean_scalar=0.25,
    decoded_sum=1.0,
    decoded_std=0.1,
    true_sum=0.8,
    theory_error=0.01,
    exchange_s=0.5,
    compute_s=0.5,
)
LOST = RoundResult(round=1, seed=5, erasure="late", detail="node-1 came late")


def _folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "runs")
    folder.write_start({"payload": "analog", "n_parameters": 1000, "air_s_per_round": 0.01})
    return folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.append_round(GOOD)
    folder.append_round(LOST)
    folder.append_evaluation(Evaluation(2, 0.75))
    folder.write_stop("success", "all rounds done", 2**20)
    run = read_run(folder.path)
    assert list(run.rounds) == [GOOD, LOST]
    assert list(run.evaluations) == [Evaluation(2, 0.75)]
    assert run.stop["ending"] == "success"


def test_a_line_is_on_disk_before_the_next_round(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.append_round(GOOD)
    assert json.loads((folder.path / "rounds.jsonl").read_text())["seed"] == GOOD.seed


def test_a_run_without_an_end_and_with_a_torn_line_can_be_read(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.append_round(GOOD)
    with (folder.path / "rounds.jsonl").open("a") as file:
        file.write('{"round": 1, "se')
    run = read_run(folder.path)
    assert list(run.rounds) == [GOOD]
    assert run.stop == {}


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder.path / "rounds.jsonl").write_text('{"round": 0, "se\n{"round": 1, "seed": 3}\n')
    with pytest.raises(RunFolderError, match="damaged"):
        read_run(folder.path)


@pytest.mark.parametrize("name", ["rounds.jsonl", "evaluations.jsonl", "stop.json", "start.json"])
@pytest.mark.parametrize("text", ["5\n", '{"a": 1', "[1]\n"])
def test_json_that_is_no_record_is_damage(tmp_path: Path, name: str, text: str) -> None:
    folder = _folder(tmp_path)
    (folder.path / name).write_text(text + "\n")
    with pytest.raises(RunFolderError, match=rf"{name}(, line 1)? is damaged"):
        read_run(folder.path)


@pytest.mark.parametrize("name", ["rounds.jsonl", "evaluations.jsonl"])
def test_a_record_that_lacks_something_is_damage(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path)
    (folder.path / name).write_text('{"a": 1}\n')
    with pytest.raises(RunFolderError, match=rf"{name}(, line 1)? is damaged"):
        read_run(folder.path)


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    assert len({RunFolder.create(tmp_path).path for _ in range(3)}) == 3


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no start\.json"):
        read_run(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunFolderError, match=r"run\.folder"):
        RunFolder.create(tmp_path / "runs")


def test_figures_of_a_run(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    results = [
        replace(GOOD, true_sum=1.0, decoded_sum=1.1, theory_error=0.04),
        LOST,
        replace(
            GOOD,
            round=2,
            detail="node 1 was not found",
            true_sum=-3.0,
            decoded_sum=-3.3,
            theory_error=0.06,
        ),
    ]
    for result in results:
        folder.append_round(result)
    folder.append_evaluation(Evaluation(0, 0.5))
    folder.append_evaluation(Evaluation(3, 0.9))
    summary = summarise(read_run(folder.path))
    assert summary.erasures == {"late": 1}
    assert summary.incomplete == 1
    assert summary.nmse_db == pytest.approx(-20.0)  # (0.01 + 0.09) / (1 + 9)
    assert summary.theory_nmse_db == pytest.approx(-20.0)  # (0.04 + 0.06) / (1 + 9)
    assert (summary.score_before, summary.score_after) == (0.5, 0.9)
    assert summary.bits_per_client == 3 * 16
    assert summary.gradient_bits_per_client == 3 * 1000 * 16
    assert summary.air_s == pytest.approx(0.03)
    assert summary.rounds_per_s == pytest.approx(1.5)
