"""A receiver live on a terminal: figures and a spectrum, in the width that there is."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sdr_ota.receiver.reading import Reading
from sdr_ota.report.level_words import level_rows
from sdr_ota.signal.spectrum import Spectrum

N_LINES = 8
"""Height of a spectrum."""

WIDEST, _SCALE = 72, 6
"""Columns of a spectrum, and of the scale before it."""

_BARS = " ▁▂▃▄▅▆▇█"


class LevelView:
    """What stands on the terminal, drawn anew with every reading.

    Args:
        name: What is listened to.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: tuple[float, Reading] | None = None
        self._most_dbfs = -math.inf

    def take(self, at_s: float, reading: Reading) -> None:
        """Take a reading."""
        self._last = at_s, reading
        self._most_dbfs = max(self._most_dbfs, reading.level.peak_dbfs)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        if self._last is None:
            yield Text("waiting for samples")
            return
        at_s, reading = self._last
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="bold", no_wrap=True)
        rows.add_column()
        for name, words in level_rows(reading).items():
            more = f" (largest {self._most_dbfs:.1f})" if name == "peak" else ""
            rows.add_row(name, words + more, style="red" if _is_bad(name, reading) else "")
        rows.add_row("time", f"{at_s:.1f} s")
        n_columns = max(min(options.max_width - 4 - _SCALE, WIDEST), 10)
        spectrum = Text("\n".join(spectrum_lines(reading.spectrum, n_columns)))
        spectrum.no_wrap = True
        body = Group(Text(self._name), rows, spectrum)
        yield Panel(body, expand=False, width=min(options.max_width, WIDEST + _SCALE + 4))


def _is_bad(name: str, reading: Reading) -> bool:
    return name == "clipped" and reading.level.clipped_share > 0


def spectrum_lines(spectrum: Spectrum, n_columns: int) -> Iterator[str]:
    """Yield a spectrum as lines of characters with its scale in dBFS and in kHz.

    Args:
        spectrum: With at least as many bins as columns, or columns repeat.
        n_columns: Without the scale's.
    """
    columns_dbfs = _columns(spectrum.power_dbfs, n_columns)
    top = 10 * math.ceil(float(columns_dbfs.max()) / 10)
    bottom = min(10 * math.floor(float(np.median(columns_dbfs)) / 10) - 10, top - 30)
    steps = (columns_dbfs - bottom) / (top - bottom) * N_LINES * (len(_BARS) - 1)
    for line in reversed(range(N_LINES)):
        filled = np.clip(np.rint(steps - line * (len(_BARS) - 1)), 0, len(_BARS) - 1)
        scale = {N_LINES - 1: f"{top:d}", 0: f"{bottom:d}"}.get(line, "")
        yield f"{scale:>{_SCALE - 1}} " + "".join(_BARS[int(one)] for one in filled)
    yield " " * _SCALE + _frequencies(spectrum, n_columns)


def _columns(power_dbfs: NDArray[np.float64], n_columns: int) -> NDArray[np.float64]:
    """Return the strongest bin of each column."""
    edges = np.arange(n_columns) * len(power_dbfs) // n_columns
    return np.asarray(np.maximum.reduceat(power_dbfs, edges))


def _frequencies(spectrum: Spectrum, n_columns: int) -> str:
    low, high = f"{spectrum.freqs_hz[0] / 1e3:+.0f}", f"{-spectrum.freqs_hz[0] / 1e3:+.0f} kHz"
    middle = max(n_columns // 2 - len(low), 1)
    return f"{low}{'0':>{middle}}{high:>{max(n_columns - n_columns // 2, 1)}}"
