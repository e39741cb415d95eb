"""A cable that can be pulled: a TCP relay between a radio's client and its board."""

import contextlib
import socket
import threading

from sdr_ota.closed_by_block import ClosedByBlock

_POLL_S = 0.05


class Relay(ClosedByBlock):
    """Passes connections on to a board until it is cut.

    Args:
        target_port: Of the board, on loopback.

    Attributes:
        port: Where clients connect.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._is_cut, self._is_closed = threading.Event(), threading.Event()
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones, as when a USB cable is pulled."""
        self._is_cut.set()
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """Take connections again."""
        self._is_cut.clear()

    def close(self) -> None:
        """Cut for good."""
        self._is_closed.set()
        self.cut()
        _end(self._listener)

    def _accept(self) -> None:
        while not self._is_closed.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut.is_set():
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:  # the board itself is gone
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends |= {near, far}
            for way in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            _end(end)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
