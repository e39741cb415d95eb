"""A process that ends when the one that started it ends, however that happens."""

import os
import threading


def end_with_parent() -> None:
    """End this process as soon as its standard input closes, whatever else it does."""
    threading.Thread(target=_end_at_end_of_input, daemon=True).start()


def _end_at_end_of_input() -> None:
    # Not by sys.stdin: a thread that waits in there aborts an interpreter that shuts down, and
    # what it had to say of an error is lost.
    while os.read(0, 4096):
        pass
    os._exit(0)
