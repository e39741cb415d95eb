"""The commands as a user meets them: exit codes, what is printed where, what is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from matplotlib.image import imread

from sdr_ota.cli import commands
from sdr_ota.runs.run_folder import read_run
from sdr_ota.schemes import scheme_names

LINK_ONLY = ["--set", "clients.source=synthetic", "--set", "run.rounds=3"]
ENDLESS = ["--set", "run.rounds=100000"]


def _sdr_ota(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


@dataclass(frozen=True)
class Done:
    """A link of three rounds that has run, and what it printed."""

    run: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def link_run(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("link")
    done = _sdr_ota("run", "--demo", *LINK_ONLY, folder=folder)
    assert done.returncode == 0, done.stderr
    return Done(_only_run(folder), done.stdout, done.stderr)


def test_a_link_run_leaves_a_whole_folder_and_prints_a_table(link_run: Done) -> None:
    assert "NMSE of the decoded sum" in link_run.stdout
    assert "round 3 of 3" in link_run.stderr
    run = link_run.run
    record = read_run(run)
    assert [r.round for r in record.rounds] == [0, 1, 2]
    assert record.stop["ending"] == "success"
    assert record.start["config"]["clients"]["source"] == "synthetic"  # type: ignore[index]
    assert len(record.start["radios"]) == 6  # type: ignore[arg-type]
    plots = {path.name: imread(path) for path in (run / "plots").iterdir()}
    assert set(plots) == {
        "sums.png",
        "nmse.png",
        "carrier.png",
        "capture.png",
        "clipping.png",
    }  # nothing is learned
    for picture in plots.values():
        ink = (picture[..., :3].min(axis=2) < 0.5).mean()
        assert 0.005 < ink < 0.5  # axes and curves on white


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rounds(link_run: Done, tmp_path: Path) -> None:
    done = _sdr_ota("run", "--demo", *LINK_ONLY, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (read_run(run).rounds for run in (link_run.run, _only_run(tmp_path)))
    assert [r.decoded_sum for r in first] == [r.decoded_sum for r in second]
    assert len({r.decoded_sum for r in first}) == 3


def test_report_prints_the_table_and_json(link_run: Done, tmp_path: Path) -> None:
    run = str(link_run.run)
    assert "NMSE of the decoded sum" in _sdr_ota("report", run, folder=tmp_path).stdout
    figures = json.loads(_sdr_ota("report", run, "--json", folder=tmp_path).stdout)
    assert figures["rounds"] == 3
    assert figures["score_before"] is None
    assert figures["nmse_db"] < -20


def test_a_run_in_which_every_round_is_lost_has_failed(tmp_path: Path) -> None:
    deaf = ["--set", "air.snr_db=-60", "--set", "air.preset=ideal"]
    done = _sdr_ota("run", "--demo", *LINK_ONLY, *deaf, folder=tmp_path)
    assert done.returncode == 1
    assert "every round was erased" in done.stderr
    record = read_run(_only_run(tmp_path))
    assert record.stop["ending"] == "fail"
    assert [r.erasure for r in record.rounds] == ["no-plan"] * 3


@pytest.mark.slow
def test_a_run_that_fails_before_its_first_round_leaves_a_whole_folder(tmp_path: Path) -> None:
    done = _sdr_ota("run", "--demo", "--set", "data.train=nowhere.tsv", folder=tmp_path)
    assert done.returncode == 2
    assert "nowhere.tsv" in done.stderr
    assert "Traceback" not in done.stderr
    record = read_run(_only_run(tmp_path))
    assert record.stop["ending"] == "fail"
    assert record.start["config"]["data"]["train"] == "nowhere.tsv"  # type: ignore[index]


@pytest.mark.slow
def test_a_useless_sum_is_called_that(tmp_path: Path) -> None:
    pluto = ["--set", "air.preset=free-running-pluto", "--set", "run.rounds=40"]
    short = ["--set", "frame.samples_per_chip=2"]  # chips of 2 us, starts that scatter by 1 us
    done = _sdr_ota("run", "--demo", *LINK_ONLY, *pluto, *short, folder=tmp_path)
    assert "as theory expects" in " ".join(done.stdout.split())
    kept = [*pluto, "--set", "link.scheme=energy-difference"]
    done = _sdr_ota("run", "--demo", *LINK_ONLY, *kept, folder=tmp_path)
    assert "advice" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "give one of: a config file, --demo"),
        (["run", "missing.toml"], "cannot read missing.toml"),
        (["run", "--demo", "--set", "run.rounds=0"], "run.rounds = 0"),
        (["run", "--demo", "--set", "run.folder=/proc/nothing"], "cannot make run folder"),
        (["report", "nowhere"], "no start.json"),
        (["compare", "--chips", "32", "--nodes", "20"], "at least 4 chips a node"),
        (["fly"], "No such command"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = _sdr_ota(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_is_whole_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    # A job in the background may have been told to ignore Ctrl-C; its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "sdr_ota.cli", "run", "--demo", *LINK_ONLY, *ENDLESS],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/rounds.jsonl")) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.send_signal(number)
    try:
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in log
    assert "Traceback" not in log
    record = read_run(_only_run(tmp_path))
    assert record.stop["ending"] == "abort"
    assert len(record.rounds) >= 1


def test_the_list_of_commands_begins_with_what_a_newcomer_needs(tmp_path: Path) -> None:
    said = _sdr_ota("--help", folder=tmp_path, COLUMNS="80").stdout
    listed = re.findall(r"^  ([a-z][a-z-]+)  +[A-Z]", said, re.MULTILINE)
    assert listed[:3] == ["run", "plan", "report"]
    commands.register(every := typer.Typer())
    assert len(listed) == len(every.registered_commands)
    assert "..." not in said.partition("Begin here")[2]  # no summary is cut short


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from typer.testing import CliRunner\n"
        "from sdr_ota.cli.application import app\n"
        "assert CliRunner().invoke(app, ['run', '--help']).exit_code == 0\n"
        "print([m for m in ('torch', 'transformers', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.slow
def test_compare_prints_both_tables_and_saves_the_figure(tmp_path: Path) -> None:
    done = _sdr_ota("compare", "--trials", "10", "--figure", "picture.svg", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("measured / theory") == 2
    picture = (tmp_path / "picture.svg").read_text()
    n_curves = picture.count('<g id="line2d_')
    assert n_curves > 3 * len(scheme_names())  # theory and measured, twice, and the ticks


def test_presets_are_listed(tmp_path: Path) -> None:
    assert "free-running-pluto" in _sdr_ota("presets", folder=tmp_path).stdout
