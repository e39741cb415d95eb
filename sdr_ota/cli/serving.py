"""What the commands that serve virtual radios have in common."""

import threading
from collections.abc import Sequence
from contextlib import suppress


def print_addresses(receiver: str, nodes: Sequence[str]) -> None:
    """Print the lines that a config's [radio] table needs."""
    print(f'receiver = "{receiver}"')
    print("nodes = [")
    for node in nodes:
        print(f'  "{node}",')
    print("]", flush=True)


def until_interrupted() -> None:
    """Return at Ctrl-C."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
