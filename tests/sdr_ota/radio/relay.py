"""A cable that can be pulled: a TCP relay between a radio's client and its board."""

import contextlib
import socket
import threading

from sdr_ota.process.closed_by_block import ClosedByBlock


class Relay(ClosedByBlock):
    """Passes connections on to a board until it is cut.

    Args:
        target_port: Of the board, on loopback.

    Attributes:
        port: Where clients connect.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._may_pass = threading.Event()
        self._listener: socket.socket | None = None
        self.port = 0
        self._may_pass.set()
        self.mend()

    def mend(self) -> None:
        """Take connections again, at the port of before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones, as when a board loses its power."""
        if self._listener is not None:
            _end(self._listener)
            self._listener = None
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def stall(self) -> None:
        """Keep all connections and pass nothing on, as when an Ethernet cable is pulled."""
        self._may_pass.clear()

    def flow(self) -> None:
        """Pass on what was held back and whatever follows."""
        self._may_pass.set()

    def close(self) -> None:
        """Cut for good."""
        self.cut()
        self.flow()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:  # the board itself is gone
            near.close()
            return
        with self._lock:
            self._ends |= {near, far}
        for source, sink in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._may_pass.wait()
                sink.sendall(data)
        for end in (source, sink):
            _end(end)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
