"""A file that names code does not make it run: runs, captures and what may be named again."""

import json
import sys
from pathlib import Path

import pytest

from sdr_ota.cli.replay import replay
from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.config.load import ConfigError, load_config, restore_config
from sdr_ota.config.recorded_plugins import references_in
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.named_run import NamedRun
from sdr_ota.report.run_page import report_sections
from sdr_ota.runs.captures import CaptureError, read_capture, stored_captures
from sdr_ota.runs.run_folder import read_run
from sdr_ota.study.sweep.point import Processes
from tests.plugins.conftest import forget

MARKED = "import pathlib\npathlib.Path({path!r}).write_text('ran')\n"


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that leaves a mark when it is imported; return where."""
    mark, home = tmp_path / "mark", tmp_path / "trap"
    home.mkdir()
    (home / "trap_module.py").write_text(MARKED.format(path=str(mark)))
    monkeypatch.syspath_prepend(str(home))
    return mark


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("link", "scheme", "trap_module:Scheme"),
        ("link", "scheme", " trap_module:Scheme "),
        ("air", "preset", "trap_module:AIR"),
        ("data", "task", "trap_module:TASK"),
        ("radio", "receiver", "driver=trap_module:Radio,a=b"),
        ("radio", "nodes", ["driver=pluto,uri=x", "a=b, driver = trap_module:Radio"]),
    ],
)
def test_a_recorded_configuration_imports_nothing(
    trap: Path, table: str, key: str, value: object
) -> None:
    tables = load_config(None, []).model_dump()
    tables[table][key] = value
    with pytest.raises(ConfigError, match=r"'trap_module:\w+'.*SDR_OTA_PLUGINS=trap_module"):
        restore_config(tables)
    assert not trap.exists()


def test_the_user_may_name_it_again(trap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = load_config(None, []).model_dump()
    tables["link"]["scheme"] = "trap_module:Scheme"
    monkeypatch.setenv("SDR_OTA_PLUGINS", "another:One, trap_module:Scheme")
    with pytest.raises(ConfigError, match="trap_module has no Scheme"):
        restore_config(tables)
    assert trap.exists()
    sys.modules.pop("trap_module")


@pytest.mark.parametrize("tables", [None, [], {"radio": 3, "link": ["x"]}, {"radio": {"nodes": 1}}])
def test_damaged_tables_are_left_to_the_validation(tables: object) -> None:
    with pytest.raises(ConfigError, match="cannot continue"):
        restore_config(tables)


def run_in(folder: Path, scheme: str) -> Path:
    settings = ["clients.source=synthetic", "run.rounds=3", "captures.every=1"]
    run_command(None, [*settings, f"link.scheme={scheme}", f"run.folder={folder}"])
    (run,) = folder.iterdir()
    return run


def largest_change(
    run: Path, capsys: pytest.CaptureFixture[str], settings: tuple[str, ...] = ()
) -> float:
    capsys.readouterr()
    replay(run, settings, as_json=True)
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert summary["both_decoded"] == 3
    return float(summary["largest_change"])


def test_captures_of_an_installed_plugin_replay(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_in(tmp_path / "runs", "louder")
    forget()
    assert largest_change(run, capsys) == 0.0


def test_captures_of_a_module_replay_once_it_is_named_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lone_scheme.py").write_text(
        "from sdr_ota.schemes.coherent import Coherent\n\n\nclass Mine(Coherent):\n    pass\n"
    )
    name = "lone_scheme:Mine"
    run = run_in(tmp_path / "runs", name)
    sys.modules.pop("lone_scheme")
    with pytest.raises(CaptureError, match=rf"names the code '{name}'.*SDR_OTA_PLUGINS={name}"):
        read_capture(stored_captures(run)[0])
    for command in (lambda: replay(run, (), True), lambda: resume_command(run)):
        with pytest.raises(CommandFailed, match=rf"SDR_OTA_PLUGINS={name}") as refused:
            command()
        assert refused.value.exit_code == WRONG_USE
    assert "lone_scheme" not in sys.modules
    assert largest_change(run, capsys, (f"link.scheme={name}",)) == 0.0
    sys.modules.pop("lone_scheme")
    monkeypatch.setenv("SDR_OTA_PLUGINS", name)
    assert largest_change(run, capsys) == 0.0
    sys.modules.pop("lone_scheme")


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "pathlib:Path"])
def test_a_capture_that_names_a_loaded_module_makes_nothing_of_it(
    site: Path, tmp_path: Path, name: str
) -> None:
    run = run_in(tmp_path / "runs", "louder")
    meta = stored_captures(run)[0]
    meta.write_text(meta.read_text().replace('"louder"', f'"{name}"'))
    with pytest.raises(CaptureError, match="is no scheme"):
        read_capture(meta)


def test_a_point_of_a_sweep_that_goes_on_may_import_what_the_sweep_names(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["link.scheme=foreign_ota.scheme:Louder", "air.preset=foreign_ota.air:QUIET"]
    plugins = references_in(load_config(None, settings).model_dump())
    assert plugins == ("foreign_ota.scheme:Louder", "foreign_ota.air:QUIET")
    monkeypatch.setenv("SDR_OTA_PLUGINS", "another:One")
    show = [sys.executable, "-c", "import os; print(os.environ['SDR_OTA_PLUGINS'])"]
    with (tmp_path / "log").open("w+b") as log:
        assert Processes().run(show, tmp_path, log, plugins) == 0
    said = (tmp_path / "log").read_text().strip()
    assert said == "another:One,foreign_ota.scheme:Louder,foreign_ota.air:QUIET"


def test_a_report_says_why_it_shows_no_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shy_scheme.py").write_text(
        "from sdr_ota.schemes.coherent import Coherent\n\n\nclass Mine(Coherent):\n    pass\n"
    )
    run = run_in(tmp_path / "runs", "shy_scheme:Mine")
    sys.modules.pop("shy_scheme")
    report_sections([NamedRun("one", read_run(run))])
    assert "SDR_OTA_PLUGINS=shy_scheme:Mine" in caplog.text
    assert "shy_scheme" not in sys.modules
