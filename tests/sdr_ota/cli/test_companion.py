"""What GNU Radio Companion is told, so that it finds the blocks."""

from pathlib import Path

import pytest

from sdr_ota.assembly import companion as program
from sdr_ota.assembly import installation
from sdr_ota.cli.companion import companion
from sdr_ota.failure import CommandFailed


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(program, "user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "sdr-ota"


def test_the_environment_names_the_blocks_and_nothing_but_our_packages(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    companion(None, environment=True)
    said = dict(
        line.removeprefix("export ").split("=")
        for line in capsys.readouterr().out.split("\n")
        if line
    )
    assert list(Path(said["GRC_BLOCKS_PATH"]).glob("ota_*.block.yml"))
    packages = Path(said["PYTHONPATH"])
    assert packages.is_relative_to(cache)
    assert {path.name for path in packages.iterdir()} == {"sdr_ota", "ota_flowgraphs"}
    assert (packages / "ota_flowgraphs" / "receiver.grc").is_file()


def test_a_missing_file_or_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/true")
    with pytest.raises(CommandFailed, match="flowgraphs of this project lie in"):
        companion(tmp_path / "none.grc", environment=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CommandFailed, match="apt-get install gnuradio"):
        companion(None, environment=False)


def without_gtk(name: str) -> str:
    return f"import sys; sys.exit('ValueError: Namespace {name} not available')"


def test_a_window_that_cannot_be_opened_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/true")
    monkeypatch.setattr(program, "_DISPLAY", "raise SystemExit('no display can be opened')")
    with pytest.raises(CommandFailed, match=r"no display can be opened\. Start it on a desktop"):
        companion(None, environment=False)
    monkeypatch.setattr(program, "_WINDOW", without_gtk("Gtk"))
    with pytest.raises(CommandFailed, match=r"Namespace Gtk not available.*gir1\.2-gtk-3\.0"):
        companion(None, environment=False)


def test_the_doctor_says_what_the_companion_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_WINDOW", without_gtk("Gtk"))
    (found,) = [f for f in installation._gnuradio() if f.name == "GNU Radio Companion"]
    assert found.said == "ValueError: Namespace Gtk not available"
    assert "gir1.2-gtk-3.0" in found.cure


def test_setup_installs_what_the_companion_needs() -> None:
    assert program.missing_for_a_window() == ""
    setup = (Path(__file__).parents[3] / "scripts" / "setup.sh").read_text()
    assert set(program.INSTALL.removeprefix("apt-get install ").split()) <= set(setup.split())
