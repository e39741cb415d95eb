"""What GNU Radio Companion is told, so that it finds the blocks."""

from pathlib import Path

import pytest

from sdr_ota.assembly import companion as program
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
