"""Folders that a command fills: what somebody has put there before is left alone."""

from pathlib import Path

from sdr_ota.failure import WRONG_USE, CommandFailed


def check_new_folder(path: Path) -> None:
    """Make sure that a folder is not there yet, or empty.

    Raises:
        CommandFailed: If it is neither.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise CommandFailed(f"{path} is not an empty folder; choose a new one", WRONG_USE)
