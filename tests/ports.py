"""Ports that a process started later may listen at.

A server that is told port 0 gets a free one from the kernel and holds it. Where the port must be
known before the server starts, it must lie outside the range from which the kernel and Ray hand
out ports meanwhile.
"""

import random
import socket
from contextlib import ExitStack

LENT_BY_RAY = range(10002, 20000)
"""Ray gives its workers ports from here."""

LENT_BY_KERNEL = range(32768, 65536)
"""Linux's own choice ends at 60999, but where it ends is a setting."""

_OURS = range(20000, 30000)


def free_ports(n: int) -> int:
    """Return the first of ``n`` ports in a row on loopback at which nobody listens."""
    while True:
        first = random.choice(_OURS[:-n])
        try:
            with ExitStack() as held:
                for port in range(first, first + n):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return first
