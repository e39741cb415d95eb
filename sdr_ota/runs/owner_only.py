"""Files that nobody but their owner may read: what private runs leave behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OTHERS = 0o077


@contextmanager
def owner_only(wanted: bool) -> Iterator[None]:
    """Let what is made in the block be readable by its owner only.

    Folders get the mode 0700 and files 0600, whoever of this process makes them.

    Args:
        wanted: False leaves everything as the user has it.
    """
    before = os.umask(_OTHERS)
    os.umask(before | _OTHERS if wanted else before)
    try:
        yield
    finally:
        os.umask(before)
