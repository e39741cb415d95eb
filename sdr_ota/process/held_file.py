"""A file that one process at a time holds.

The lock is the kernel's (flock): it goes with the process that holds it, and with the children to
which it passed the open file, however they end.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def hold(path: Path) -> int | None:
    """Open a file, made if it is not there, and hold it until it is closed.

    Returns:
        Its descriptor; None if another process holds it, or another part of this one.

    Raises:
        OSError: If it cannot be opened for writing.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


@contextmanager
def waiting_for(path: Path) -> Iterator[None]:
    """Hold a file while the block runs, once nobody else does.

    Raises:
        OSError: If it cannot be opened for writing.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_held(path: Path) -> bool:
    """Return whether a process holds a file; False for one that cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
