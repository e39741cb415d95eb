"""Which virtual boards run on this host: each server writes it down while it runs.

A file a server, held with a lock of the kernel's (flock), which goes with the process however it
ends; a file that nobody holds is what a killed server left, and is removed.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_log = logging.getLogger(__name__)


def folder() -> Path:
    """Return where this user's servers announce themselves."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - GNU Radio's interpreter has it not

    return user_cache_path("sdr-ota") / "virtual-boards"


@contextmanager
def announcing(receiver: str, nodes: Sequence[str], note: str = "") -> Iterator[None]:
    """Let `sdr-ota find` list virtual boards while the block runs.

    Args:
        receiver: Its address, as a config takes it.
        nodes: The transmitting boards' addresses.
        note: What a client needs besides; empty for nothing.
    """
    about = f"virtual board, process {os.getpid()}{note and '; '}{note}"
    boards = {receiver: f"receiver; {about}"} | {node: f"node; {about}" for node in nodes}
    path = folder() / f"{os.getpid()}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        _log.warning("sdr-ota find will not list these boards: %s", error)
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(boards, file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def announced_boards() -> Iterator[tuple[str, str]]:
    """Yield address and description of every virtual board whose server runs."""
    for path in sorted(folder().glob("*.json")):
        with suppress(OSError, ValueError), path.open() as file:
            if _is_held(file.fileno()):
                yield from json.load(file).items()
            else:
                path.unlink(missing_ok=True)


def _is_held(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
