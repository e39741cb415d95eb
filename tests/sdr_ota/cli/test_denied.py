"""What the file system denies is a sentence, and it is said before work is done for nothing.

Root may do anything: where a mode would deny, a file stands where a folder should.
"""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sdr_ota.cli.application import run_application
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.new_folder import check_may_write, check_new_folder
from zo_core.data.examples import DataError, read_examples


def _ended(
    command: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(sys, "argv", ["sdr-ota", *command])
    with pytest.raises(SystemExit) as ended:
        run_application()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["calibrate", "gain", "--output", "file/x"],
        ["calibrate", "gain", "--set", "calibration.folder=file/x"],
        ["calibrate", "gain", "--keep-captures", "file/x"],
        ["compare", "--figure", "file/x.png"],
        ["compare", "--output", "file/x"],
        ["dataset", "file/x"],
    ],
)
def test_what_cannot_be_written_is_refused_before_it_is_made(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    code, said = _ended(command, monkeypatch, capsys)
    assert (code, len(said.splitlines())) == (WRONG_USE, 1)
    assert "cannot be written: file does not allow it; choose another place" in said


def test_a_mode_that_denies_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_may_write(tmp_path / "a" / "b")
    check_new_folder(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(CommandFailed, match=f"{tmp_path} does not allow it"):
        check_may_write(tmp_path / "a" / "b")

    def closed(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", closed)
    with pytest.raises(CommandFailed, match="cannot be written"):
        check_may_write(tmp_path)


@pytest.mark.parametrize("step", ["is_file", "open"])
def test_data_that_may_not_be_read_are_a_sentence(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.tsv"
    path.write_text("sentence\tlabel\na\t1\n")

    def denied(self: Path, *_: object, **__: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, step, denied)
    with pytest.raises(DataError, match=r"cannot read .*own\.tsv: Permission denied"):
        read_examples(path, ["sentence"], "label")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.json"), "x.json: No space left"),
        (OSError(errno.EROFS, "Read-only file system"), "the system refuses: Read-only"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "gone"), "gone: No such"),
    ],
)
def test_whatever_the_system_denies_has_no_trace(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(*_: object) -> None:
        raise error

    monkeypatch.setattr("sdr_ota.assembly.plan.plan_run", denied)
    code, text = _ended(["plan"], monkeypatch, capsys)
    assert code == 1 and said in text and "Traceback" not in text
    monkeypatch.setenv("SDR_OTA_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["sdr-ota", "plan"])
    with pytest.raises(type(error)):
        run_application()
