"""Clients of the virtual radios' servers that know no protocol: lines from a seed."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

ANSWER_S = 30.0
"""Nobody is held up so long, however busy this host is."""

NUMBERS = (
    "-1", "0", "1", "3", "+4", "4.5", "1e3", "nan", "inf", "-inf", "0x10", "\u0663", "", "abc",
    str(2**31), str(2**63), str(10**30), "-" + "9" * 400, "9" * 5000,
)  # fmt: skip
"""Lengths and values: negative, huge, odd, zero, none."""


@dataclass(frozen=True)
class Words:
    """What lines are made of.

    Attributes:
        good: Lines that a server understands, some with data behind them.
        others: More words that may stand in a line.
    """

    good: Sequence[str]
    others: Sequence[str]

    def lines(self, seed: int, n_lines: int) -> Iterator[bytes]:
        """Yield lines: most are good ones of which a word, a letter or the end went wrong."""
        rng = np.random.default_rng(seed)
        for _ in range(n_lines):
            yield self._line(rng) if rng.random() < 0.9 else rng.bytes(int(rng.integers(200)))

    def _line(self, rng: np.random.Generator) -> bytes:
        words = str(rng.choice(self.good)).split(" ")
        pool = [*self.others, *NUMBERS]
        for _ in range(int(rng.integers(3))):
            words[int(rng.integers(len(words)))] = pool[int(rng.integers(len(pool)))]
        if rng.random() < 0.1:
            words = words[: int(rng.integers(len(words)))]
        line = " ".join(words).encode()
        if line and rng.random() < 0.1:
            place = int(rng.integers(len(line)))
            line = line[:place] + rng.bytes(1) + line[place + 1 :]
        return line + (b"" if rng.random() < 0.05 else b"\n")


def hammer(port: int, lines: Iterator[bytes], greeting: bytes, is_fine: Callable[[], None]) -> None:
    """Send lines, a few a connection, and look now and then whether others are still served.

    Args:
        port: The server's.
        lines: What is sent.
        greeting: Sent first, so that more commands mean something.
        is_fine: Fails where a good client is not served.
    """
    silent: list[socket.socket] = []
    for n_sent, line in enumerate(lines):
        if n_sent % 5 == 0:
            client = socket.create_connection(("127.0.0.1", port), ANSWER_S)
            client.setblocking(False)
            silent.append(client)
            with suppress(OSError):
                client.send(greeting)
        with suppress(OSError):
            client.send(line)
        with suppress(OSError):
            client.recv(2**20)
        if len(silent) > 20:  # half open: they say nothing more, and go without a word
            silent.pop(0).close()
        if n_sent % 200 == 199:
            is_fine()
    for client in silent:
        client.close()
    is_fine()


def ask(port: int, line: bytes) -> bytes:
    """Return the first bytes that a good client is answered."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
        client.sendall(line)
        return client.recv(2**20)


def memory_mib() -> float:
    """Return how much memory this process has in use."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
