"""What a client's open buffer gets from a virtual PlutoSDR, and what it gives.

Where a world keeps pace, samples come and go as fast as the clock on the wall says: a receive
buffer is full only when its time has passed, a transmit buffer has room only when the converter
has played one. A client that is too slow leaves marks in the cores' status registers.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC
from sdr_ota.radio.virtual.pluto_board import OVERFLOW, UNDERFLOW, PlutoBoard

Branches = tuple[int, ...]
"""Which of I (0) and Q (1) a client has enabled."""

Clock = Callable[[], float]


class ReceiveBuffer:
    """One client's receive buffer.

    Args:
        board: Whose.
        branches: What the client gets of every sample.
        n_samples: Size of a kernel buffer.
        clock: Seconds, for the pace.
    """

    def __init__(
        self, board: PlutoBoard, branches: Branches, n_samples: int, clock: Clock = time.monotonic
    ) -> None:
        self._board, self._branches, self._clock = board, list(branches), clock
        self._duration_s = n_samples / board.rate_hz(ADC)
        self._full_s = clock() + self._duration_s
        self._queue = np.zeros((0, 2), np.int16)
        board.open_receiver(self)

    def s_until_ready(self) -> float:
        """Return how long it takes until the next kernel buffer is full."""
        return max(self._full_s - self._clock(), 0.0) if self._board.is_paced else 0.0

    def check(self) -> None:
        """Mark samples that were lost because all kernel buffers were full."""
        kept_s = self._board.n_kernel_buffers * self._duration_s
        lost_s = self._clock() - self._full_s - kept_s
        if self._board.is_paced and lost_s * self._board.rate_hz(ADC) >= 1:
            self._full_s += lost_s
            self._board.mark(ADC, OVERFLOW, lost_s)

    def read(self, n_samples: int, lock: AbstractContextManager[object]) -> bytes | None:
        """Return the oldest samples; as many kernel buffers as there are wait behind them.

        None if they wait for a pulse and none comes.

        Args:
            n_samples: How many.
            lock: The world's; held for no more than one kernel buffer at a time.
        """
        with lock:
            self.check()
            if not self._board.await_pulse():
                return None
            is_full = self._fill(n_samples)
        while not is_full:
            with lock:
                is_full = self._fill(n_samples)
        codes, self._queue = self._queue[:n_samples], self._queue[n_samples:]
        self._full_s += self._duration_s
        return codes[:, self._branches].astype("<i2").tobytes()

    def _fill(self, n_samples: int) -> bool:
        """Fill a kernel buffer if one is empty; return whether all are full."""
        wanted = n_samples * self._board.n_kernel_buffers
        if len(self._queue) < wanted:
            self._queue = np.concatenate([self._queue, self._board.captured(n_samples)])
        return len(self._queue) >= wanted

    def close(self) -> None:
        """Give the kernel buffers back."""
        self._board.forget(self)


class TransmitBuffer:
    """One client's transmit buffer; the board plays the newest one.

    Args:
        board: Whose.
        branches: What the client gives of every sample; the other branch is zero.
        is_cyclic: Whether what is written is repeated until the buffer is closed.
        clock: Seconds, for the pace.
    """

    def __init__(
        self, board: PlutoBoard, branches: Branches, is_cyclic: bool, clock: Clock = time.monotonic
    ) -> None:
        self._board, self._branches, self._clock = board, list(branches), clock
        self._is_cyclic = is_cyclic
        self._dry_s: float | None = None
        self._duration_s = 0.0
        board.open_transmitter(self)

    def s_until_ready(self) -> float:
        """Return how long it takes until a kernel buffer is free."""
        if self._dry_s is None or not self._board.is_paced:
            return 0.0
        free_s = self._dry_s - self._board.n_kernel_buffers * self._duration_s
        return max(free_s - self._clock(), 0.0)

    def check(self) -> None:
        """Mark that the converter has had nothing to play."""
        if self._dry_s is not None and self._board.is_paced and self._clock() > self._dry_s:
            self._board.mark(DAC, UNDERFLOW, 0.0)

    def write(self, data: bytes) -> None:
        """Hand samples to the converter."""
        self.check()
        given: NDArray[np.int16] = np.frombuffer(data, "<i2").reshape(-1, len(self._branches))
        codes = np.zeros((len(given), 2), np.int16)
        codes[:, self._branches] = given
        if not self._is_cyclic:
            self._duration_s = len(codes) / self._board.rate_hz(DAC)
            self._dry_s = max(self._dry_s or 0.0, self._clock()) + self._duration_s
        self._board.send(codes, self._is_cyclic)

    def close(self) -> None:
        """Take what it plays off the air, if it still plays."""
        self._board.forget(self)
