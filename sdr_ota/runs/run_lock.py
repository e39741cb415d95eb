"""One process at a time may write into a run folder.

The lock is the kernel's (flock): it goes with the process that holds it, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sdr_ota.runs.read_records import RunFolderError

LOCK = "lock"


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs.

    Raises:
        RunFolderError: If another process holds it, or the folder cannot be written.
    """
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise RunFolderError(f"cannot write {folder / LOCK}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"{folder} is in use by another process, which still writes its rounds; wait "
                "until it has ended, or end it, before the run is resumed"
            ) from None
        yield
    finally:
        os.close(file)


def is_in_use(folder: Path) -> bool:
    """Return whether a process writes into a run folder now."""
    with suppress(OSError):
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
    return False
