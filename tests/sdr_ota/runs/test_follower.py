"""A run folder that is being written, cut short and written again."""

from pathlib import Path

import pytest

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.follower import RunFollower
from sdr_ota.runs.run_folder import RunFolder, RunFolderError, read_run


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder.create(tmp_path)
    made.write_start({"config": {}})
    return made


def _append(folder: RunFolder, first: int, last: int, loss: float = 0.0) -> None:
    for index in range(first, last):
        folder.append_round(RoundResult(round=index, seed=index, loss=loss))


def test_new_rounds_are_read_as_they_come(folder: RunFolder) -> None:
    follower = RunFollower(folder.path)
    assert list(follower.run.rounds) == []
    for n_rounds in (1, 4, 5):
        _append(folder, len(follower.run.rounds), n_rounds)
        follower.update()
        assert list(follower.run.rounds) == list(read_run(folder.path).rounds)
        assert len(follower.run.rounds) == n_rounds
    folder.write_stop("success", "all rounds done", 1)
    follower.update()
    assert follower.run.stop["ending"] == "success"
    assert follower.generation == 0


def test_half_a_line_waits_for_its_other_half(folder: RunFolder) -> None:
    _append(folder, 0, 2)
    path = folder.path / "rounds.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    follower = RunFollower(folder.path)
    assert len(follower.run.rounds) == 1
    with path.open("ab") as file:
        file.write(whole[-10:])
    follower.update()
    assert list(follower.run.rounds) == list(read_run(folder.path).rounds)
    assert len(follower.run.rounds) == 2


def test_a_resumed_run_takes_rounds_back_and_begins_a_generation(folder: RunFolder) -> None:
    _append(folder, 0, 5)
    follower = RunFollower(folder.path)
    folder.keep_rounds(3)
    _append(folder, 3, 8, loss=1.0)  # longer than before: the size alone would not tell
    follower.update()
    assert follower.generation == 1
    assert [r.loss for r in follower.run.rounds] == [0.0] * 3 + [1.0] * 5


def test_only_new_bytes_are_read_again(folder: RunFolder) -> None:
    _append(folder, 0, 3)
    follower = RunFollower(folder.path)
    path = folder.path / "rounds.jsonl"
    with path.open("r+b") as file:  # in place: what was read once is not looked at again
        file.write(b"#")
    _append(folder, 3, 4)
    follower.update()
    assert [r.round for r in follower.run.rounds] == [0, 1, 2, 3]


def test_damage_and_absence_are_named(folder: RunFolder, tmp_path: Path) -> None:
    follower = RunFollower(folder.path)
    (folder.path / "rounds.jsonl").write_text("not json\n")
    with pytest.raises(RunFolderError, match="damaged"):
        follower.update()
    with pytest.raises(RunFolderError, match="no run folder"):
        RunFollower(tmp_path / "nothing")
