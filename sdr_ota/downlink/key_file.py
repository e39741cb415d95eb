"""The run's key in a file, and beside it the numbers of messages under it, which outlive processes.

A server that starts again goes on counting: its nodes would take what it says for a replay. A node
that starts again knows which number it took last: old messages would else be new to it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdr_ota.downlink.sealing import LEAST_KEY_BYTES, MAX_SEQUENCE
from sdr_ota.process.held_file import hold

_OTHERS = 0o077


class KeyFileError(Exception):
    """A key cannot be used; the text says what to do."""


def read_key(path: Path) -> bytes:
    """Return the secret of a run.

    Args:
        path: A file of 32 random bytes or more that nobody but its owner may read or write.

    Raises:
        KeyFileError: If it is none.
    """
    how = f"make one with: (umask 077; head -c {LEAST_KEY_BYTES} /dev/urandom > {path})"
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read()
    except FileNotFoundError:
        raise KeyFileError(f"there is no key {path}; {how}") from None
    except OSError as denied:
        raise KeyFileError(
            f"cannot read the key {path}: {denied.strerror}; radio.key_file names a file that "
            "whoever starts this may read"
        ) from denied
    if mode & _OTHERS:
        raise KeyFileError(
            f"the key {path} has the mode {mode:04o}: others may read or change it; say chmod 600 "
            f"{path}, or, if they may have read it, {how}"
        )
    if len(secret) < LEAST_KEY_BYTES:
        raise KeyFileError(
            f"the key {path} has {len(secret)} bytes; at least {LEAST_KEY_BYTES} are asked for; "
            f"{how}"
        )
    return secret


@dataclass
class KeptNumber:
    """A number that is on the disk before it is used; see `kept_number`.

    Attributes:
        value: As it stands.
        file: Descriptor of its file.
    """

    value: int
    file: int

    def keep(self, value: int) -> None:
        """Write a number down.

        Raises:
            OSError: If it cannot be written.
        """
        os.pwrite(self.file, b"%020d\n" % value, 0)
        os.fdatasync(self.file)
        self.value = value


@contextmanager
def kept_number(path: Path, first: int) -> Iterator[KeptNumber]:
    """Open a number's file, made if it is not there, and hold it while the block runs.

    Args:
        path: The file.
        first: What the number is without one.

    Raises:
        KeyFileError: If another process holds it, or if it holds no number.
    """
    try:
        file = hold(path)
    except OSError as denied:
        raise KeyFileError(f"cannot write {path}: {denied.strerror}") from denied
    if file is None:
        raise KeyFileError(f"{path} is in use: another process speaks or listens under this key")
    try:
        text = os.pread(file, 100, 0)
        try:
            value = int(text) if text else first
        except ValueError:
            value = MAX_SEQUENCE + 1
        if not -1 <= value <= MAX_SEQUENCE:
            raise KeyFileError(
                f"{path} holds no number from -1 to {MAX_SEQUENCE}: make a new key for server and "
                "nodes, and remove it"
            )
        yield KeptNumber(value, file)
    finally:
        os.close(file)
