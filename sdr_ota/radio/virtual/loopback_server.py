"""A TCP server that bad clients cannot break: on loopback only, with limits on what it takes.

A client may be silent for ever between two commands, as libiio's are. In the middle of a command
it has ``PATIENCE_S``; a line has a longest length, a server a largest number of clients.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

LOOPBACK = "127.0.0.1"
MOST_CLIENTS = 64
LONGEST_LINE = 1024
PATIENCE_S = 60.0
"""For the rest of a command, or for taking an answer."""


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Serves clients of this host, a thread each.

    Args:
        port: 0 for any free one.
        handler: What answers a client.

    Attributes:
        closing: Set when it is closed: whoever waits for the clock goes on.
    """

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, port: int, handler: type["LineConnection"]) -> None:
        self.closing = threading.Event()
        self._is_serving = False
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__((LOOPBACK, port), handler)

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._is_serving = True
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        if self._is_serving:
            self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client if there is a place for it."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a client and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class LineConnection(socketserver.StreamRequestHandler):
    """One client, which sends lines with binary data behind some of them."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer line after line until the client goes, or says what cannot be followed."""
        with suppress(OSError, OutOfStep):  # it has gone; it has stopped in the middle
            for words in self._lines():
                if not self.answer(words):
                    return

    def _lines(self) -> Iterator[list[str]]:
        while True:
            self.connection.settimeout(None)
            line = self.rfile.readline(LONGEST_LINE)
            if not line.endswith(b"\n"):
                return
            self.connection.settimeout(PATIENCE_S)
            words = line.decode("ascii", "replace").split()
            if words:
                yield words

    def answer(self, words: list[str]) -> bool:
        """Answer a line; False where the client has said farewell."""
        raise NotImplementedError

    def read_exactly(self, n_bytes: int) -> bytes:
        """Return what the client sends behind a line.

        Raises:
            OutOfStep: If it goes before all of it is there.
        """
        data = self.rfile.read(n_bytes)
        if len(data) < n_bytes:
            raise OutOfStep
        return data

    def finish(self) -> None:
        """Close the connection, whatever state it is in."""
        with suppress(OSError):
            super().finish()


class OutOfStep(Exception):  # noqa: N818 - it ends a connection and is nobody's fault here
    """Nobody knows where the client's next line begins."""
