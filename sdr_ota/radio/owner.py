"""A device has one owner: the process that opened it, until that has let go of it or ended.

A file a device in the bench's folder, held with a lock of the kernel's, says who that is. A process
that only reads (`sdr-ota find`, `sdr-ota probe`) takes no lock.
"""

import json
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.process.held_file import hold, is_held
from sdr_ota.radio.base import RadioError
from sdr_ota.radio.bench_folder import bench_folder

_FOLDER = "radios"
_LONGEST_COMMAND = 200
_PATIENCE_S, _RETRY_S = 10.0, 0.1
"""How long is waited for what a dead owner left to switch its device off."""


class RadioInUse(RadioError):  # noqa: N818 - it is the answer, not a fault
    """Another process uses the device; the text names it."""


class OwnedDevice(ClosedByBlock):
    """A device of which this process is the owner, until it is closed.

    A process may open a device several times: two transmitters of a USRP are two radios.

    Args:
        serial: What tells the device from all others of this host.
        address: Where it answers: who finds it busy can say by whom.

    Raises:
        RadioInUse: If another process is its owner.
        RadioError: If that cannot be written down.
    """

    def __init__(self, serial: str, address: str) -> None:
        self._is_open = True
        try:
            self._path = bench_folder(_FOLDER) / f"{quote(serial, safe=' ')[:200]}.json"
            with _lock:
                if self._path not in _files:
                    _files[self._path] = _OwnersFile(self._path, address)
                _files[self._path].n_users += 1
        except OSError as error:
            raise RadioError(
                f"{serial}: cannot write down who uses it: {error}; set XDG_STATE_HOME to a "
                "folder that can be written"
            ) from error
        except _HeldByOther:
            raise RadioInUse(f"{serial} {_by_whom(self._path)}") from None

    def fileno(self) -> int:
        """Return the descriptor that holds the device; a child that has it holds it too."""
        return _files[self._path].fileno

    def close(self) -> None:
        """Let go of the device; the last of this process lets go for all."""
        if not self._is_open:
            return
        self._is_open = False
        with _lock:
            _files[self._path].n_users -= 1
            if not _files[self._path].n_users:
                _files.pop(self._path).close()


class _HeldByOther(Exception):  # noqa: N818
    """Another process holds the file."""


class _OwnersFile:
    """The file of a device that this process owns, for all that it opened there."""

    def __init__(self, path: Path, address: str) -> None:
        file = _held_once_free(path)
        if file is None:
            raise _HeldByOther
        self.fileno, self.n_users = file, 0
        owner = {"pid": os.getpid(), "command": _command(), "address": address}
        os.ftruncate(file, 0)
        os.write(file, json.dumps(owner).encode())

    def close(self) -> None:
        with suppress(OSError):
            os.ftruncate(self.fileno, 0)
        os.close(self.fileno)


_files: dict[Path, _OwnersFile] = {}
_lock = Lock()


def user_at(address: str) -> str:
    """Return which process uses the device of an address; empty if none is known to."""
    with suppress(OSError):
        for path in bench_folder(_FOLDER).iterdir():
            if _owner(path).get("address") == address and is_held(path):
                return _by_whom(path)
    return ""


def _held_once_free(path: Path) -> int | None:
    """Hold a file; wait a little where its owner has ended and its watchdog has not."""
    until_s = time.monotonic() + _PATIENCE_S
    while (file := hold(path)) is None:
        if _is_alive(_owner(path).get("pid")) or time.monotonic() > until_s:
            return None
        time.sleep(_RETRY_S)
    return file


def _by_whom(path: Path) -> str:
    owner = _owner(path)
    return (
        f"is in use by process {owner.get('pid', '?')} ({owner.get('command', 'unknown')}): wait "
        "until that has ended, or end it"
    )


def _owner(path: Path) -> dict[str, object]:
    """Return what a device's file says; nothing where it cannot be read."""
    with suppress(OSError, ValueError):
        owner = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(owner, dict):
            return owner
    return {}


def _is_alive(pid: object) -> bool:
    """Return whether a process is there; a file that names none is just being written."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        return not select.select([process], [], [], 0)[0]  # readable once it has ended
    finally:
        os.close(process)


def _command() -> str:
    program, *words = sys.orig_argv
    whole = " ".join((Path(program).name, *words))
    return " ".join(whole.split())[:_LONGEST_COMMAND]
