"""Which captures of a run are kept: every n-th round, the erased ones, up to a size."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.captures import CAPTURES, capture_name, write_capture
from sdr_ota.signal.iq_file import DATA, META

if TYPE_CHECKING:
    from sdr_ota.config.tables import CapturesTable


class CaptureFolder:
    """The captures of a run that goes on.

    Where the space is used up the oldest make room: who looks for a fault wants the last ones.

    Args:
        run: The run folder; its ``captures`` are made with the first one.
        rule: Which rounds are kept.
        link: Frame and scheme of the run.
        bench: Its radios.
    """

    def __init__(self, run: Path, rule: "CapturesTable", link: Link, bench: Bench) -> None:
        self._folder = run / CAPTURES
        self._rule = rule
        self._link = link
        self._bench = bench
        self._kept = deque((name, _size(self._folder, name)) for name in _names(self._folder))
        self._n_bytes = sum(size for _, size in self._kept)

    def keep_before(self, index: int) -> None:
        """Drop what a broken-off run kept of a round that is done again, and of later ones."""
        for draft in self._folder.glob("*.draft"):
            draft.unlink()
        while self._kept and self._kept[-1][0] >= capture_name(index):
            self._drop(*self._kept.pop())

    def observe(self, reception: Reception, result: RoundResult) -> None:
        """Keep a round if the rule says so.

        Raises:
            OSError: If it cannot be written.
        """
        if not self._is_wanted(result):
            return
        self._folder.mkdir(exist_ok=True)
        size = write_capture(self._folder, reception, result, self._link, self._bench)
        self._kept.append((capture_name(result.round), size))
        self._n_bytes += size
        while self._n_bytes > 1e6 * self._rule.max_megabytes:
            self._drop(*self._kept.popleft())

    def _is_wanted(self, result: RoundResult) -> bool:
        if result.erasure is not None and self._rule.erased:
            return True
        return self._rule.every > 0 and result.round % self._rule.every == 0

    def _drop(self, name: str, size: int) -> None:
        for ending in (META, DATA):  # without its metadata a recording is not there any more
            (self._folder / f"{name}{ending}").unlink(missing_ok=True)
        self._n_bytes -= size


def _names(folder: Path) -> list[str]:
    """Return the recordings there, halves of torn ones too, in the order of their rounds."""
    files = (path for ending in (META, DATA) for path in folder.glob(f"*{ending}"))
    return sorted({path.name.removesuffix(path.suffix) for path in files})


def _size(folder: Path, name: str) -> int:
    paths = (folder / f"{name}{ending}" for ending in (META, DATA))
    return sum(path.stat().st_size for path in paths if path.is_file())
