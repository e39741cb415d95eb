"""Virtual PlutoSDRs behind libiio's network protocol: what ``iiod`` of libiio 0.x speaks.

Lines of text with binary payloads over TCP, one server a board, on loopback only. A client
opens one connection for attributes and one more for each buffer. Checked against libiio
0.24, pyadi-iio 0.0.21 and the ``iio_*`` tools.
"""

import socketserver
import threading

import numpy as np

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC, Key, context_xml
from sdr_ota.radio.virtual.pluto_board import PlutoBoard, PlutoWorld

_NOT_THERE, _INVALID, _NO_DEVICE, _TIMED_OUT = -2, -22, -19, -110  # Linux's errno


class VirtualPlutos(ClosedByBlock):
    """Serves the boards of a world until it is closed.

    Args:
        world: The boards and their air.
        first_port: Port of node 0; the receiver comes last. 0 for any free ports.

    Attributes:
        node_uris: Where the nodes' boards answer.
        receiver_uri: Where the receiving board answers.
    """

    def __init__(self, world: PlutoWorld, first_port: int = 0) -> None:
        boards = (*world.nodes, world.receiver)
        self._servers: list[_BoardServer] = []
        try:
            for place, board in enumerate(boards):
                port = first_port + place if first_port else 0
                self._servers.append(_BoardServer(world, board, port))
        except OSError:
            self.close()
            raise
        uris = [f"ip:127.0.0.1:{server.server_address[1]}" for server in self._servers]
        self.node_uris, self.receiver_uri = tuple(uris[:-1]), uris[-1]
        for server in self._servers:
            server.is_serving = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            if server.is_serving:
                server.shutdown()
            server.server_close()


class _BoardServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, world: PlutoWorld, board: PlutoBoard, port: int) -> None:
        self.world, self.board, self.is_serving = world, board, False
        super().__init__(("127.0.0.1", port), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    """One client's connection; a buffer that it opened closes with it.

    The world's lock is held while a board is looked at or changed, never while bytes come or go: a
    client that is frozen in the middle of a command must not stop the other clients and boards.
    What was answered has happened.
    """

    server: _BoardServer
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._opened: str | None = None
        self._is_cyclic = False

    def handle(self) -> None:
        """Answer line after line until the client goes."""
        try:
            for line in self.rfile:
                words = line.decode("ascii", "replace").split()
                if words and not self._answer(words):
                    return
        except (ConnectionError, ValueError):
            return

    def finish(self) -> None:
        """Close what a client that died has left open."""
        self._close()
        super().finish()

    def _answer(self, words: list[str]) -> bool:
        name, *rest = words
        if name == "EXIT":
            return False
        command = getattr(self, f"_do_{name.lower()}", None)
        if command is None:
            self._say(_INVALID)
        else:
            command(rest)
        return True

    def _say(self, number: int, data: bytes | None = None) -> None:
        self.wfile.write(f"{number}\n".encode() + (b"" if data is None else data))

    def _do_version(self, words: list[str]) -> None:
        self.wfile.write(b"0.24.virtual\n")

    def _do_print(self, words: list[str]) -> None:
        board = self.server.board
        with self.server.world.lock:
            text = context_xml(board.values, board.serial).encode()
        self._say(len(text), text + b"\n")

    def _do_timeout(self, words: list[str]) -> None:
        self._say(0)

    def _do_gettrig(self, words: list[str]) -> None:
        self._say(_NOT_THERE)

    def _do_set(self, words: list[str]) -> None:
        if len(words) == 3 and words[1] == "BUFFERS_COUNT" and words[0] == ADC:
            with self.server.world.lock:
                self.server.board.n_kernel_buffers = int(words[2])
        self._say(0)

    def _do_open(self, words: list[str]) -> None:
        if words[0] not in {ADC, DAC}:
            self._say(_NO_DEVICE)
            return
        self._opened, self._is_cyclic = words[0], "CYCLIC" in words
        if self._opened == ADC:
            with self.server.world.lock:
                self.server.board.open_receiver()
        self._say(0)

    def _do_close(self, words: list[str]) -> None:
        self._close()
        self._say(0)

    def _close(self) -> None:
        if self._opened == DAC:
            with self.server.world.lock:
                self.server.board.stop_sending()
        self._opened = None

    def _do_read(self, words: list[str]) -> None:
        with self.server.world.lock:
            value = self.server.board.values.get(_key(words))
        if value is None:
            self._say(_NOT_THERE)
        else:
            self._say(len(value), value.encode() + b"\n")

    def _do_write(self, words: list[str]) -> None:
        *place, size = words
        text = self.rfile.read(int(size)).decode("ascii", "replace")
        key = _key(place)
        with self.server.world.lock:
            is_there = key in self.server.board.values
            is_taken = is_there and self.server.board.write(key, text)
        if is_there:
            self._say(int(size) if is_taken else _INVALID)
        else:
            self._say(_NOT_THERE)

    def _do_writebuf(self, words: list[str]) -> None:
        n_bytes = int(words[1])
        self._say(n_bytes)
        self.wfile.flush()
        data = self.rfile.read(n_bytes)
        if len(data) < n_bytes:
            raise ConnectionError("the client has gone in the middle of a buffer")
        codes = np.frombuffer(data, "<i2")
        with self.server.world.lock:
            self.server.board.send(codes, self._is_cyclic)
        self._say(n_bytes)

    def _do_readbuf(self, words: list[str]) -> None:
        n_bytes = int(words[1])
        with self.server.world.lock:
            codes = self.server.board.receive(n_bytes // 4)
        if codes is None:
            self._say(_TIMED_OUT)
        else:
            self._say(n_bytes, b"00000003\n" + codes.astype("<i2").tobytes())


def _key(words: list[str]) -> Key:
    """Return the attribute that a READ or WRITE line names."""
    device, *rest = words
    if rest[0] in {"INPUT", "OUTPUT"}:
        return device, f"{rest[0].lower()}:{rest[1]}", rest[2]
    if rest[0] in {"DEBUG", "BUFFER"}:
        return device, rest[0].lower(), rest[1]
    return device, "", rest[0]
