"""Several seeds of one experiment: a run each, one table, means that are theirs."""

import csv
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.cli.run import seeds_command
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.sweep.seeds import read_seeds

LINK = ("clients.source=synthetic", "run.rounds=8", "link.scalar_limit=2")


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (3,)), ("1-4", (1, 2, 3, 4)), ("9, 2-3,0", (9, 2, 3, 0))]
)
def test_seeds_are_read(text: str, seeds: tuple[int, ...]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "write 1-5"), ("a", "write 1-5"), ("5-1", "write 1-5"), ("-3", "write 1-5"),
     ("1,1-2", "twice"), ("0-9999999", "allowed: 1000")],
)  # fmt: skip
def test_what_is_no_seed_is_wrong_use(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=said) as failed:
        seeds_command(None, [f"run.folder={tmp_path}"], text)
    assert failed.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_each_seed_is_a_run_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [*LINK, f"run.folder={tmp_path}"]
    seeds_command(None, settings, "4,6")
    folder = tmp_path / "demo-seeds"
    runs = sorted(folder.glob("*/*/start.json"))
    found = [read_run(path.parent) for path in runs]
    assert [run.start["config"]["run"]["seed"] for run in found] == [4, 6]
    with (folder / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run.seed"] for row in rows] == ["4", "6"]
    # Over all rounds of a run: its error over its mean squared sum.
    for run, row in zip(found, rows, strict=True):
        true = np.array([r.true_sum for r in run.rounds if r.erasure is None])
        decoded = np.array([r.decoded_sum for r in run.rounds if r.erasure is None])
        nmse_db = 10 * np.log10(np.sum((decoded - true) ** 2) / np.sum(true**2))
        assert float(row["nmse_db"]) == pytest.approx(nmse_db)
    assert (folder / "sweep.html").is_file()
    assert "±" in capsys.readouterr().out
    seeds_command(None, settings, "4,6")
    assert sorted(folder.glob("*/*/start.json")) == runs


def test_what_stands_around_private_runs_is_their_owners_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs repeat the reports of the runs, and the table has their figures."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    runs = tmp_path / "runs"
    settings = [
        f"run.folder={runs}", "run.rounds=1", "clients.source=synthetic", "clients.count=2",
        "privacy.protect=client",
    ]  # fmt: skip
    seeds_command(None, settings, "1")
    made = list((runs / "demo-seeds").rglob("*"))
    assert {"log.txt", "table.csv", "sweep.html"} <= {path.name for path in made}
    assert [path for path in made if path.stat().st_mode & 0o077] == []
