"""One process at a time may write into a run folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdr_ota.process.held_file import hold, is_held
from sdr_ota.runs.read_records import RunFolderError

LOCK = "lock"


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs.

    Raises:
        RunFolderError: If another process holds it, or the folder cannot be written.
    """
    try:
        file = hold(folder / LOCK)
    except OSError as error:
        raise RunFolderError(f"cannot write {folder / LOCK}: {error.strerror}") from None
    if file is None:
        raise RunFolderError(
            f"{folder} is in use by another process, which still writes its rounds; wait "
            "until it has ended, or end it, before the run is resumed"
        )
    try:
        yield
    finally:
        os.close(file)


def is_in_use(folder: Path) -> bool:
    """Return whether a process writes into a run folder now."""
    return is_held(folder / LOCK)
