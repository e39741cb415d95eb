"""`sdr-ota run --seeds`: one experiment, a run for each seed, and what they have in common."""

import csv
import math
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean

import pytest

from sdr_ota.cli.run import run
from sdr_ota.config.load import config_of_tables
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.sweep.seeds import check_pays_for_all, read_seeds, run_seeds

LINK = ("clients.source=synthetic", "clients.count=2", "run.rounds=3", "captures.every=0")


def quietly(n_points: int, n_left: int, folder: Path):  # type: ignore[no-untyped-def]
    return nullcontext(lambda outcome: None)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs" / "demo-seeds" / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_seed_has_its_run_and_a_second_call_goes_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(demo=True, seeds="4,6-7", settings=list(LINK))
    said = capsys.readouterr().out
    first = rows(here)
    assert [row["run.seed"] for row in first] == ["4", "6", "7"]
    mean = fmean(10 ** (float(row["nmse_db"]) / 10) for row in first)  # of powers, not of decibels
    assert f"{10 * math.log10(mean):.1f}" in said
    starts = {p: read_run(p.parent).start for p in (here / "runs").rglob("start.json")}
    assert sorted(start["config"]["run"]["seed"] for start in starts.values()) == [4, 6, 7]
    written = {path: path.stat().st_mtime_ns for path in starts}
    run(demo=True, seeds="4,6-8", settings=list(LINK))
    assert [row["run.seed"] for row in rows(here)] == ["4", "6", "7", "8"]
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize("text", ["", "1-", "3-1", "a", "1,1", "0-1000", "-3", "1 2"])
def test_seeds_that_are_none_are_one_sentence(here: Path, text: str) -> None:
    with pytest.raises(ValueError, match="--seeds"):
        read_seeds(text)
    with pytest.raises(CommandFailed, match="--seeds"):
        run_seeds(None, LINK, text, quietly)
    assert not list(here.iterdir())


def test_seeds_do_not_go_with_resume(here: Path) -> None:
    with pytest.raises(CommandFailed, match="without --resume"):
        run(resume=here, seeds="1-2")


PRIVATE = {"privacy.protect": "record", "privacy.epsilon": 4.0, "data.train": "own.tsv"}


def test_private_runs_on_the_same_file_say_first_what_they_may_spend_together() -> None:
    config = config_of_tables({}, PRIVATE)
    with pytest.raises(CommandFailed, match=r"at most 12: .* privacy\.dataset_epsilon=12"):
        check_pays_for_all(config, 3)
    check_pays_for_all(config, 1)
    for allowed in (
        {"privacy.dataset_epsilon": 12.0},
        {"data.train": "builtin"},  # made-up reviews: nobody is in them
        {"privacy.protect": "nothing"},
    ):
        check_pays_for_all(config_of_tables({}, {**PRIVATE, **allowed}), 3)
