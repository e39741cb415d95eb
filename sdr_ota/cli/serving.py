"""What the commands that serve virtual radios have in common."""

import threading
from collections.abc import Sequence
from contextlib import suppress

from sdr_ota.radio.virtual.announcement import announcing


def serve_until_interrupted(receiver: str, nodes: Sequence[str], note: str = "") -> None:
    """Print the lines that a config's [radio] table needs; return at Ctrl-C.

    Args:
        receiver: Its address.
        nodes: Theirs.
        note: What a client needs besides, for `sdr-ota find`.
    """
    with announcing(receiver, nodes, note):
        print(f'receiver = "{receiver}"')
        print("nodes = [")
        for node in nodes:
            print(f'  "{node}",')
        print("]", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
