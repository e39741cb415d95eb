"""A foreign package beside an installed wheel of ours: everything of it is used, from outside."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugins.foreign_package import write_source

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 170

LINK = """
[run]
rounds = 4
[clients]
count = 2
source = "synthetic"
[link]
scheme = "louder"
scheme_parameters = { level = 0.75 }
[captures]
every = 1
"""

BENCH = """
[radio]
receiver = "driver=foreign-air,place=receiver"
nodes = ["driver=foreign-air,place=0", "driver=foreign_ota.radio:open_radio,place=1"]
transmit_allowed = true
[[band]]
name = "cable"
low_hz = 900e6
high_hz = 930e6
"""

AIR = """
[air]
preset = "quiet-room"
"""

TASK = """
[run]
rounds = 3
evaluate_every = 3
[data]
task = "mood"
train = "days.tsv"
held_out = "days.tsv"
[clients]
count = 2
examples_per_round = 2
[captures]
every = 1
"""

DAYS = "report\tmood\n" + "the sun is warm\tgood\nthe rain is cold\tbad\n" * 6

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the scripts of a new environment with both wheels; dependencies are this one's."""
    home = tmp_path_factory.mktemp("installed")
    foreign = write_source(home / "source")
    wheels = home / "wheels"
    for source in (ROOT, foreign):
        options = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels))
        pip("wheel", *options, str(source))
    venv.create(home / "venv", system_site_packages=True, with_pip=False)
    python = home / "venv" / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", *map(str, wheels.iterdir()))
    own = next((home / "venv" / "lib").glob("python*/site-packages"))
    (own / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python.parent


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--no-cache-dir", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=clean()
    )
    assert done.returncode == 0, done.stdout + done.stderr


def clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


@pytest.fixture
def ota(installed: Path, tmp_path: Path) -> Command:
    def command(*arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [installed / "sdr-ota", *arguments],
            cwd=tmp_path,
            env={**clean(), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    return command


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_wheels_are_what_is_imported(installed: Path, tmp_path: Path) -> None:
    code = "import sdr_ota, foreign_ota; print(sdr_ota.__file__); print(foreign_ota.__file__)"
    said = subprocess.run(
        [installed / "python", "-c", code],
        cwd=tmp_path,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert all(line.startswith(str(installed.parent)) for line in said.stdout.split())


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("radios", [BENCH, AIR], ids=["radio", "air"])
def test_a_link_runs_with_it_and_its_captures_replay(
    ota: Command, tmp_path: Path, radios: str
) -> None:
    (tmp_path / "link.toml").write_text(LINK + radios)
    ota("run", "link.toml")
    (run,) = (tmp_path / "runs").iterdir()
    for meta in (run / "captures").glob("*.sigmf-meta"):
        link = json.loads(meta.read_text())["global"]["ota:link"]
        assert (link["scheme"], link["scheme_parameters"]) == ("louder", {"level": 0.75})
    summary = json.loads(ota("replay", str(run), "--json").stdout)["summary"]
    assert (summary["both_decoded"], summary["largest_change"]) == (4, 0.0)
    assert summary["new_nmse_db"] < -10


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_model_learns_its_task(ota: Command, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "task.toml").write_text(TASK)
    (tmp_path / "days.tsv").write_text(DAYS)
    ota("run", "task.toml")
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "start.json").read_text())["config"]["data"]["task"] == "mood"
    ota("export", str(run), "--output", "model")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_doctor_lists_what_was_found_and_what_is_broken(ota: Command) -> None:
    said = " ".join(ota("doctor").stdout.split())
    assert "scheme 'louder' foreign_ota.scheme:Louder of foreign-ota 1.5" in said
    assert "radio 'foreign-air' foreign_ota.radio:open_radio of foreign-ota 1.5" in said
    assert "No module named 'a_module_that_nobody_has'" in said
    assert "mend or uninstall foreign-ota 1.5" in said


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_wrong_names_end_with_one_sentence(ota: Command, tmp_path: Path) -> None:
    (tmp_path / "link.toml").write_text(LINK + BENCH)
    for setting, words in (
        ("link.scheme=broken", "foreign_ota.broken:Scheme cannot be imported"),
        ("radio.receiver=driver=no-radio", "'no-radio' is no radio"),
        ("air.preset=no-air", "'no-air' is no air"),
    ):
        done = ota("run", "link.toml", "--set", setting, exit_code=2)
        assert words in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
