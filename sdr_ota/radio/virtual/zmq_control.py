"""How a virtual radio's process is asked for something: a question and an answer at a time.

Each is a message of JSON and a message of samples (complex64, often none), over a Unix
socket: when the process at the other end dies, the connection says so at once.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, TypeAlias

import numpy as np

from sdr_ota.process.parent_process import end_with_parent
from sdr_ota.types import Samples

Fields: TypeAlias = Mapping[str, Any]
"""What a question or an answer says, by name."""

Answerer: TypeAlias = Callable[[Fields, Samples], tuple[Fields, Samples]]
"""Answers a question; a `ValueError` becomes the answer ``refused``."""

PIECE = 2048
"""Samples of a node's message; a change of what is sent happens between two of them."""

NOTHING = np.zeros(0, np.complex64)
NOTHING.flags.writeable = False


def send_message(connection: Connection, fields: Fields, samples: Samples = NOTHING) -> None:
    """Send a question or an answer."""
    connection.send_bytes(json.dumps(fields).encode())
    connection.send_bytes(np.ascontiguousarray(samples, np.complex64).tobytes())


def receive_message(connection: Connection) -> tuple[Fields, Samples]:
    """Wait for a question or an answer.

    Raises:
        EOFError: If the other end has gone.
    """
    fields: Fields = json.loads(connection.recv_bytes())
    return fields, np.frombuffer(connection.recv_bytes(), np.complex64)


class ControlServer:
    """The answering end: one connection at a time, polled by the process between other work.

    Args:
        path: Of the socket.
        answer: Called for every question.
        on_gone: Called when whoever asked has gone.
    """

    def __init__(self, path: str, answer: Answerer, on_gone: Callable[[], None]) -> None:
        self._answer, self._on_gone = answer, on_gone
        self._listener = Listener(path, "AF_UNIX")
        self._waiting: list[Connection] = []
        self._connection: Connection | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            self._waiting.append(self._listener.accept())

    def serve(self, timeout_s: float) -> None:
        """Answer what has been asked, or wait that long for a question."""
        while self._waiting:  # whoever comes last is talked to
            self._connection = self._waiting.pop(0)
        if self._connection is None:
            time.sleep(timeout_s or 1e-4)
            return
        try:
            while self._connection.poll(timeout_s):
                self._serve_one(self._connection)
                timeout_s = 0.0
        except (EOFError, OSError):
            self._connection = None
            self._on_gone()

    def _serve_one(self, connection: Connection) -> None:
        fields, samples = receive_message(connection)
        try:
            answer, received = self._answer(fields, samples)
        except ValueError as wrong:
            answer, received = {"refused": str(wrong)}, NOTHING
        send_message(connection, answer, received)


def connect(path: str) -> Connection:
    """Connect to a process.

    Raises:
        OSError: If nobody listens there.
    """
    return Client(path, "AF_UNIX")


def process_arguments() -> dict[str, Any]:
    """Return what a radio's process was started with; from now on it ends with its parent."""
    end_with_parent()
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def say_ready() -> None:
    """Tell the parent that questions may come."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
