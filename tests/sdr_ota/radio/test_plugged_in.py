"""Each place is searched apart: one that cannot be searched hides none of the others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sdr_ota.radio import plugged_in as searched
from sdr_ota.radio.libiio_scan import ScanFailed, trouble
from sdr_ota.radio.plugged_in import plugged_in
from sdr_ota.radio.virtual import announcement
from sdr_ota.radio.virtual.announcement import announced_boards, announcing

BINDING = '''
"""Stands for pylibiio on a host with one board on USB and no Avahi."""
import os
version = (0, 25, "stand-in")
class _ContextInfoPtr: pass
entries = ["usb:1.5.5"]
_POINTER = lambda of: lambda: entries
_byref = lambda of: of
def _create_scan_context(way, flags): return way
def _get_context_info_list(way, into):
    if way == b"ip":
        os.write(2, b"ERROR: Unable to create Avahi DNS-SD client :Daemon not running\\n")
        raise OSError(26, "Text file busy")
    return 1 if way == b"usb" else 0
def _context_info_get_uri(entry): return entry.encode()
def _context_info_get_description(entry): return b"PlutoSDR, serial=1044"
'''


@pytest.fixture(autouse=True)
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test servers' announcements of its own, and no SoapySDR devices."""
    monkeypatch.setattr(announcement, "folder", lambda: tmp_path / "virtual-boards")
    monkeypatch.setattr(searched, "_soapy_devices", lambda device: iter(()))
    return tmp_path / "virtual-boards"


def with_binding(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "iio.py").write_text(text)
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def test_without_avahi_boards_on_usb_are_found_and_one_sentence_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with_binding(BINDING, tmp_path, monkeypatch)
    found, not_searched = plugged_in("")
    assert found == [("driver=pluto,uri=usb:1.5.5", "PlutoSDR, serial=1044")]
    (said,) = not_searched
    assert said.startswith("PlutoSDRs over Ethernet (ip) not searched: ")
    assert "apt-get install avahi-daemon" in said
    assert capfd.readouterr().err == ""  # libiio's own words are not shown


def test_what_fails_alike_everywhere_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_binding("raise OSError('libiio.so.0: no such file')", tmp_path, monkeypatch)
    found, (said,) = plugged_in("")
    assert not found
    assert "(usb), " in said
    assert said.endswith("(ip) not searched: libiio.so.0: no such file")


def test_a_failing_driver_of_another_kind_hides_no_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(device: str) -> None:
        raise ScanFailed("SoapySDR devices", "the module uhd crashed")

    with_binding(BINDING, tmp_path, monkeypatch)
    monkeypatch.setattr(searched, "_soapy_devices", broken)
    found, not_searched = plugged_in("")
    assert len(found) == 1
    assert not_searched[-1] == "SoapySDR devices not searched: the module uhd crashed"


def test_a_process_that_says_nothing_has_crashed() -> None:
    assert trouble("\n") == "libiio crashed"


def test_virtual_boards_are_listed_while_their_server_runs(boards: Path) -> None:
    with announcing("driver=pluto,uri=ip:127.0.0.1:2", ["driver=pluto,uri=ip:127.0.0.1:1"], "note"):
        listed = dict(announced_boards())
    assert list(listed) == ["driver=pluto,uri=ip:127.0.0.1:2", "driver=pluto,uri=ip:127.0.0.1:1"]
    assert all(about.endswith(f"process {os.getpid()}; note") for about in listed.values())
    assert not list(announced_boards())
    assert not list(boards.iterdir())


def test_what_a_killed_server_left_is_not_listed(boards: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path\n"
        "from sdr_ota.radio.virtual import announcement\n"
        f"announcement.folder = lambda: Path({str(boards)!r})\n"
        "with announcement.announcing('receiver', ['node']): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(boards.iterdir())  # it was there
    assert not list(announced_boards())
    assert not list(boards.iterdir())


def test_a_folder_that_cannot_be_written_stops_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(announcement, "folder", lambda: tmp_path / "file" / "below")
    with announcing("receiver", ["node"]):
        pass
    assert "will not list these boards" in caplog.text
