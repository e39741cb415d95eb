"""How far a world of processes may go: the receiver says how many samples it wants in all.

Nodes make no more than that, so nothing waits between them and the receiver while nobody listens:
what a node is asked for between two receptions happens at one and the same moment for all.
"""

import math

import zmq


class DemandSource:
    """The receiver's end.

    Args:
        address: ZeroMQ address that it publishes on.
    """

    def __init__(self, address: str) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(address)

    def say(self, n_samples: int) -> None:
        """Let the world go until so many samples have been made since it began.

        Repeated while nothing comes: a node that has only just connected has not heard it.
        """
        self._socket.send_string(str(n_samples))


class Demand:
    """A node's end.

    Args:
        address: Where the receiver publishes; empty for a node that makes as much as is taken.
    """

    def __init__(self, address: str) -> None:
        self._wanted = 0.0 if address else math.inf
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        if address:
            self._socket.setsockopt_string(zmq.SUBSCRIBE, "")
            self._socket.connect(address)

    def exceeds(self, n_samples: int, timeout_ms: int) -> bool:
        """Return whether more than so many samples are wanted; if not, wait a moment for it."""
        if n_samples >= self._wanted and self._socket.poll(timeout_ms):
            while self._socket.poll(0):
                self._wanted = max(self._wanted, float(self._socket.recv_string()))
        return n_samples < self._wanted
