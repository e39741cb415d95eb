"""Commands write into the run folder or a named output, never beside the user's files."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sdr_ota.cli.application import run_application

BENCH = """[clients]
count = 2
source = "synthetic"
[run]
rounds = 2
[captures]
every = 1
"""
SWEEP = '[base]\nclients.source = "synthetic"\nrun.rounds = 2\n[grid]\nclients.count = [2]\n'

QUICK = ("--trials", "10", "--nodes", "2", "--chips", "32")


Row = tuple[Sequence[str], set[str]]

WRITES: list[Row] = [
    (["run", "{user}/bench.toml"], {"runs"}),
    (["plan", "{user}/bench.toml"], set()),
    (["audit", "{user}/bench.toml", "--set", "privacy.protect=client", "--runs", "100"], set()),
    (["report", "{run}"], set()),
    (["report", "{run}", "--format", "svg"], set()),
    (["report", "{run}", "{other}"], set()),
    (["report", "{run}", "{other}", "--output", "page.html"], {"page.html"}),
    (["report", "{run}", "{other}", "--output", "page.html", "--format", "svg"],
     {"page.html", "plots"}),
    (["replay", "{run}"], set()),
    (["decode", "{run}/captures/round-000000.sigmf-meta"], set()),
    (["listen", "{run}/captures/round-000000.sigmf-meta", "--once"], set()),
    (["compare", *QUICK], set()),
    (["compare", *QUICK, "--figure", "figure.png"], {"figure.png"}),
    (["compare", *QUICK, "--output", "new"], {"new"}),
    (["dataset", "new", "--preset", "ideal", "--nodes", "2", "--captures-per-setting", "1",
      "--predictions", "1"], {"new"}),
    (["calibrate", "noise-floor", "{user}/bench.toml", "--output", "new"], {"new"}),
    (["sweep", "{user}/sweep.toml", "--jobs", "1", "--output", "new"], {"new"}),
    (["presets"], set()),
    (["doctor"], set()),
]  # fmt: skip


def end_of(command: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command, which must do what it is for; `doctor` may find something missing."""
    monkeypatch.setattr(sys, "argv", ["sdr-ota", *command])
    with pytest.raises(SystemExit) as ended:
        run_application()
    assert not ended.value.code or command[0] == "doctor"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: a bench, a sweep, two runs."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "bench.toml").write_text(BENCH)
    (folder / "sweep.toml").write_text(SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        patch.chdir(folder)
        end_of(["run", str(folder / "bench.toml")], patch)
    (run,) = (folder / "runs").iterdir()
    shutil.copytree(run, folder / "other")
    return folder


@pytest.mark.parametrize(
    ("command", "expected"), [pytest.param(*row, id=" ".join(row[0])) for row in WRITES]
)
def test_nothing_new_lies_where_nobody_named_it(
    command: Sequence[str],
    expected: set[str],
    user: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (run,) = sorted((user / "runs").iterdir())[:1]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = files(user)
    end_of([w.format(user=user, run=run, other=user / "other") for w in command], monkeypatch)
    assert {path.name for path in tmp_path.iterdir()} == expected
    beside = {name for name in files(user) - before if not name.startswith("runs/")}
    assert not beside
