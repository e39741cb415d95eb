"""When a bench was on the air in the last hour: files that all its processes share.

A file holds a span of frequency, as a ring of slots of six seconds. Each has its number since 1970
and the seconds on the air in it.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdr_ota.process.held_file import waiting_for

SLOT_S = 6.0
LONGEST_WINDOW_S = 3600.0

_N_SLOTS = round(LONGEST_WINDOW_S / SLOT_S) + 1
_SLOT = np.dtype([("number", "<i8"), ("on_air_s", "<f8")])


@dataclass(frozen=True)
class Span:
    """What a transmitter's converter spans.

    Attributes:
        low_hz: Its lower end.
        high_hz: Its upper end.
        is_virtual: Whether nothing of it is radiated, as from a virtual board.
    """

    low_hz: float
    high_hz: float
    is_virtual: bool = False

    @property
    def name(self) -> str:
        """As the file is called."""
        kind = "virtual" if self.is_virtual else "radiated"
        return f"{kind}_{self.low_hz:.0f}_{self.high_hz:.0f}.slots"


class AirTimeLog:
    """Reads and writes the seconds on the air.

    Args:
        folder: Of the files.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock

    def add(self, span: Span, seconds: float, at_s: float) -> None:
        """Add seconds on the air, or take back what was not used.

        Args:
            span: What was sent over.
            seconds: How long.
            at_s: When it began, in seconds since 1970.

        Raises:
            OSError: If it cannot be written down.
        """
        with waiting_for(self._folder / "lock"):
            self._put(span, seconds, at_s)

    def add_once_due(
        self, span: Span, seconds: float, at_s: float, due_s: Callable[[], float]
    ) -> float:
        """Add seconds on the air if they are due; no other process adds any between the two.

        Args:
            span: What is to be sent over.
            seconds: How long.
            at_s: When it begins, in seconds since 1970.
            due_s: Says when so much may be sent, by what is written down.

        Returns:
            Seconds until they are due; nothing was added where it is above 0.

        Raises:
            OSError: If it cannot be written down.
        """
        with waiting_for(self._folder / "lock"):
            left_s = due_s() - self._clock()
            if left_s <= 0:
                self._put(span, seconds, at_s)
        return left_s

    def _put(self, span: Span, seconds: float, at_s: float) -> None:
        path, number = self._folder / span.name, int(at_s // SLOT_S)
        place = number % _N_SLOTS * _SLOT.itemsize
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            kept = os.pread(file, _SLOT.itemsize, place).ljust(_SLOT.itemsize, b"\0")
            there = np.frombuffer(kept, _SLOT)[0]
            before_s = float(there["on_air_s"]) if there["number"] == number else 0.0
            slot = np.array((number, max(before_s + seconds, 0.0)), _SLOT)
            os.pwrite(file, slot.tobytes(), place)
        finally:
            os.close(file)

    def used(self, band: Span, window_s: float) -> Iterator[tuple[float, float]]:
        """Yield when slots end that overlap a window until now, and their seconds; oldest first.

        Args:
            band: All that was sent in it or beside it over a span that overlaps it counts.
            window_s: At most an hour.

        Raises:
            OSError: If it cannot be read.
        """
        oldest_s = self._clock() - window_s
        found: list[tuple[float, float]] = []
        pattern = f"{band.name.partition('_')[0]}_*_*.slots"
        for path in self._folder.iterdir():  # a glob is silent on a folder that may not be listed
            if not path.match(pattern):
                continue
            _, low, high = path.stem.split("_")
            if float(low) < band.high_hz and float(high) > band.low_hz:
                data = path.read_bytes()
                slots = np.frombuffer(data[: len(data) // _SLOT.itemsize * _SLOT.itemsize], _SLOT)
                ends_s = (slots["number"] + 1) * SLOT_S
                is_new = (ends_s > oldest_s) & (slots["on_air_s"] > 0)
                found += zip(ends_s[is_new], slots["on_air_s"][is_new], strict=True)
        yield from ((float(end_s), float(seconds)) for end_s, seconds in sorted(found))
