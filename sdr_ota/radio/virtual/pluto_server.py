"""Virtual PlutoSDRs behind libiio's network protocol: what ``iiod`` of libiio 0.x speaks.

Lines of text with binary payloads over TCP, one server a board, on loopback only. A client
opens one connection for attributes and one more for each buffer. Checked against libiio
0.24, pyadi-iio 0.0.21 and the ``iio_*`` tools.
"""

import errno

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.virtual.loopback_server import LineConnection, LoopbackServer, OutOfStep
from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC, REGISTERS, SCANS, Key, context_xml
from sdr_ota.radio.virtual.pluto_board import PlutoBoard, PlutoWorld
from sdr_ota.radio.virtual.pluto_buffers import ReceiveBuffer, TransmitBuffer

MOST_SAMPLES = 2**24
"""In all kernel buffers of all clients of a board together: what its memory could hold."""

MOST_KERNEL_BUFFERS = 64
LONGEST_TEXT = 2**16
"""Bytes that are written to an attribute: a table of filter taps takes two thousand."""


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
        self._servers: list[_BoardServer] = []
        try:
            for place, board in enumerate(world.boards):
                port = first_port + place if first_port else 0
                self._servers.append(_BoardServer(world, board, port))
        except OSError:
            self.close()
            raise
        uris = [f"ip:127.0.0.1:{server.server_address[1]}" for server in self._servers]
        self.node_uris, self.receiver_uri = tuple(uris[:-1]), uris[-1]
        for server in self._servers:
            server.start()

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            server.close()


class _BoardServer(LoopbackServer):
    def __init__(self, world: PlutoWorld, board: PlutoBoard, port: int) -> None:
        self.world, self.board = world, board
        self.n_held = 0
        """Samples in kernel buffers."""
        super().__init__(port, _Connection)


class _Refused(Exception):  # noqa: N818 - it is an answer
    """A command is answered with one of Linux's error numbers.

    Attributes:
        number: Which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Connection(LineConnection):
    """One client's connection; a buffer that it opened closes with it.

    The world's lock is held while a board is looked at or changed, never while bytes come or go: a
    client that is frozen in the middle of a command must not stop the other clients and boards.
    What was answered has happened.
    """

    server: _BoardServer

    def setup(self) -> None:
        super().setup()
        self._buffer: ReceiveBuffer | TransmitBuffer | None = None
        self._n_samples = self._n_held = self._sample_bytes = self._mask = 0

    def finish(self) -> None:
        """Close what a client that died has left open."""
        self._close()
        super().finish()

    def answer(self, words: list[str]) -> bool:
        """Answer a command, an unknown or malformed one with an error number."""
        name, *rest = words
        if name == "EXIT":
            return False
        command = getattr(self, f"_do_{name.lower()}", None)
        try:
            if command is None:
                raise _Refused(errno.EINVAL)
            command(rest)
        except _Refused as refused:
            self._say(-refused.number)
        return True

    def _say(self, number: int, data: bytes = b"") -> None:
        self.wfile.write(f"{number}\n".encode() + data)

    def _do_version(self, words: list[str]) -> None:
        self.wfile.write(b"0.24.virtual\n")

    def _do_print(self, words: list[str]) -> None:
        board = self.server.board
        with self.server.world.lock:
            text = context_xml(board.rules, board.about()).encode()
        self._say(len(text), text + b"\n")

    def _do_timeout(self, words: list[str]) -> None:
        self._say(0)

    def _do_gettrig(self, words: list[str]) -> None:
        self._say(-errno.ENOENT)

    def _do_set(self, words: list[str]) -> None:
        match words:
            case [device, "BUFFERS_COUNT", count]:
                number = _whole(count, MOST_KERNEL_BUFFERS)
                if device == ADC:
                    with self.server.world.lock:
                        self.server.board.n_kernel_buffers = number
            case _:
                raise _Refused(errno.EINVAL)
        self._say(0)

    def _do_open(self, words: list[str]) -> None:
        if not words or words[0] not in {ADC, DAC}:
            raise _Refused(errno.ENODEV)
        if len(words) not in {3, 4} or words[3:] not in ([], ["CYCLIC"]):
            raise _Refused(errno.EINVAL)
        if self._buffer is not None:
            raise _Refused(errno.EBUSY)
        device, samples, mask = words[:3]
        branches = _branches(device, mask)
        with self.server.world.lock:
            board = self.server.board
            self._n_samples = _whole(samples, MOST_SAMPLES)
            self._hold(self._n_samples * (board.n_kernel_buffers if device == ADC else 1))
            if device == ADC:
                self._buffer = ReceiveBuffer(board, branches, self._n_samples)
            else:
                self._buffer = TransmitBuffer(board, branches, words[3:] == ["CYCLIC"])
        self._mask, self._sample_bytes = sum(1 << k for k in branches), 2 * len(branches)
        self._say(0)

    def _hold(self, n_samples: int) -> None:
        if self.server.n_held + n_samples > MOST_SAMPLES:
            raise _Refused(errno.ENOMEM)
        self.server.n_held += n_samples
        self._n_held = n_samples

    def _do_close(self, words: list[str]) -> None:
        if self._buffer is None:
            raise _Refused(errno.EBADF)
        self._close()
        self._say(0)

    def _close(self) -> None:
        if self._buffer is not None:
            with self.server.world.lock:
                self._buffer.close()
                self.server.n_held -= self._n_held
        self._buffer = None

    def _do_read(self, words: list[str]) -> None:
        key = self._key(words)
        with self.server.world.lock:
            value = self.server.board.read(key)
        if value is None:
            raise _Refused(errno.EINVAL)
        self._say(len(value), value.encode() + b"\n")

    def _do_write(self, words: list[str]) -> None:
        *place, size = words or [""]
        try:
            n_bytes = _whole(size, LONGEST_TEXT)
        except _Refused as refused:
            self._say(-refused.number)
            raise OutOfStep from refused
        text = self.read_exactly(n_bytes).decode("ascii", "replace")
        key, board = self._key(place), self.server.board
        if board.rules[key] is None and key[1:] != REGISTERS:
            raise _Refused(errno.EACCES)
        with self.server.world.lock:
            is_taken = board.write(key, text)
        if not is_taken:
            raise _Refused(errno.EINVAL)
        self._say(n_bytes)

    def _do_writebuf(self, words: list[str]) -> None:
        n_bytes = self._buffer_bytes(words)
        buffer = self._buffer
        if not isinstance(buffer, TransmitBuffer):
            raise _Refused(errno.EBADF)
        self._say(n_bytes)
        data = self.read_exactly(n_bytes)
        self._wait(buffer)
        with self.server.world.lock:
            buffer.write(data)
        self._say(n_bytes)

    def _do_readbuf(self, words: list[str]) -> None:
        n_bytes = self._buffer_bytes(words)
        buffer = self._buffer
        if not isinstance(buffer, ReceiveBuffer):
            raise _Refused(errno.EBADF)
        self._wait(buffer)
        data = buffer.read(n_bytes // self._sample_bytes, self.server.world.lock)
        if data is None:
            raise _Refused(errno.ETIMEDOUT)
        self._say(n_bytes, f"{self._mask:08x}\n".encode() + data)

    def _wait(self, buffer: ReceiveBuffer | TransmitBuffer) -> None:
        """Wait for a kernel buffer where the world keeps pace."""
        self.server.closing.wait(buffer.s_until_ready())

    def _buffer_bytes(self, words: list[str]) -> int:
        """Return how many bytes a client wants to move: whole samples of its open buffer."""
        if len(words) != 2 or self._buffer is None:
            raise _Refused(errno.EBADF)
        n_bytes = _whole(words[1], self._n_samples * self._sample_bytes)
        if n_bytes % self._sample_bytes:
            raise _Refused(errno.EINVAL)
        return n_bytes

    def _key(self, words: list[str]) -> Key:
        """Return the attribute that a READ or WRITE line names."""
        match words:
            case [device, ("INPUT" | "OUTPUT") as way, channel, name]:
                key = device, f"{way.lower()}:{channel}", name
            case [device, ("DEBUG" | "BUFFER") as kind, name]:
                key = device, kind.lower(), name
            case [device, name]:
                key = device, "", name
            case _:
                raise _Refused(errno.EINVAL)
        if key not in self.server.board.rules:
            raise _Refused(errno.ENOENT)
        return key


def _whole(text: str, most: int) -> int:
    """Return a number of things, from 1 to a largest one; all else is invalid."""
    if not (text.isascii() and text.isdigit() and len(text) < 16 and 1 <= int(text) <= most):
        raise _Refused(errno.EINVAL)
    return int(text)


def _branches(device: str, mask: str) -> tuple[int, ...]:
    """Return which of I and Q a mask of hexadecimal digits enables; one at least."""
    try:
        bits = int(mask, 16) if len(mask) == 8 else 0
    except ValueError:
        bits = 0
    places = [index for (there, _), (index, _) in SCANS.items() if there == device]
    enabled = tuple(index for index in places if bits >> index & 1)
    if not enabled:
        raise _Refused(errno.EINVAL)
    return enabled
