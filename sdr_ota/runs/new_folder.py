"""Where a command may put its results, looked at before it works or transmits for them."""

import os
from pathlib import Path

from sdr_ota.failure import WRONG_USE, CommandFailed


def check_new_folder(path: Path) -> None:
    """Make sure that a folder is not there yet, or empty, and may be written.

    What somebody has put there before is left alone.

    Raises:
        CommandFailed: If it is neither, or may not be written.
    """
    check_may_write(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise CommandFailed(f"{path} is not an empty folder; choose a new one", WRONG_USE)


def check_may_write(path: Path) -> None:
    """Make sure that a file or folder could be made, or changed if it is there.

    Raises:
        CommandFailed: If it could not; naming what forbids it.
    """
    place = path
    try:
        while not place.exists():
            place = place.parent
        is_allowed = os.access(place, os.W_OK | os.X_OK if place.is_dir() else os.W_OK)
        is_allowed = is_allowed and (place == path or place.is_dir())
    except OSError:  # a folder on the way may not be looked into
        is_allowed = False
    if not is_allowed:
        raise CommandFailed(
            f"{path} cannot be written: {place} does not allow it; choose another place", WRONG_USE
        )
