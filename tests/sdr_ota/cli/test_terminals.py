"""Terminals of any encoding are written to, and whoever interrupts a command is told so."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.cli import application, start
from sdr_ota.failure import CommandFailed
from sdr_ota.printable import let_every_terminal_show


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "1 ± 2 … – größe"),
        ("latin-1", "1 ± 2 ... - größe"),
        ("ascii", r"1 +- 2 ... - gr\xf6\xdfe"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_a_plainer_way(encoding: str, shown: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    let_every_terminal_show(stream, io.StringIO())
    stream.write("1 ± 2 … – größe")
    stream.flush()
    assert raw.getvalue().decode(encoding) == shown


def test_a_name_that_is_no_text_is_written_all_the_same() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    let_every_terminal_show(stream)
    stream.write(os.fsdecode(b"run-\xff"))
    stream.flush()
    assert raw.getvalue() == rb"run-\udcff"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_command_ends_well_on_a_terminal_of_another_encoding(
    encoding: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "größe–☂.npy", np.full(1000, 0.1 + 0j, np.complex64))
    done = subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "listen", "größe–☂.npy", "--once",
         "--sample-rate-hz", "1e6"],
        cwd=tmp_path, capture_output=True, timeout=100, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"-20.0 dBFS" in done.stdout and rb"-\u2602.npy" in done.stdout


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["while libraries are loaded", "in a command"])
def test_an_interrupt_is_said(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if place == "in a command":
        monkeypatch.setattr("sdr_ota.assembly.plan.plan_run", interrupt)
        monkeypatch.setattr(sys, "argv", ["sdr-ota", "plan"])
    else:
        monkeypatch.setattr(application, "run_application", interrupt)
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "sdr-ota: interrupted\n"


def test_a_command_that_says_so_itself_says_it_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise CommandFailed("interrupted; the transmitter is off", 130)

    monkeypatch.setattr("sdr_ota.assembly.plan.plan_run", fail)
    monkeypatch.setattr(sys, "argv", ["sdr-ota", "plan"])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "sdr-ota: interrupted; the transmitter is off\n"


def test_nothing_slow_is_loaded_before_an_interrupt_can_be_said() -> None:
    code = (
        "import sys, sdr_ota.cli.start; "
        "print([m for m in ('typer', 'rich', 'numpy', 'pydantic') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
