"""Read a run folder while it is being written: only what is new is read again."""

import os
from pathlib import Path

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.read_records import parse_lines, whole_lines
from sdr_ota.runs.run_folder import ROUNDS, RunRecord, check_order, read_run


class RunFollower:
    """Follows one run, which may go on, end, or be resumed meanwhile.

    Args:
        folder: The run folder.

    Raises:
        RunFolderError: If it is no run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.run: RunRecord = read_run(folder, rounds=())
        self.generation = 0
        """Grows whenever rounds were taken back: what was read before is void."""
        self._path = folder / ROUNDS
        self._rounds: list[RoundResult] = []
        self._inode = 0
        self._offset = 0
        self.update()

    def update(self) -> None:
        """Read what was written since the last time.

        Raises:
            RunFolderError: If the folder is gone or damaged.
        """
        self._read_rounds()
        # The other files are small and replaced as a whole.
        self.run = read_run(self.run.folder, rounds=self._rounds)

    def _read_rounds(self) -> None:
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            inode, size = status.st_ino, status.st_size
            if inode != self._inode or size < self._offset:  # a resumed run has rewritten it
                self.generation += bool(self._rounds)
                self._rounds, self._offset, self._inode = [], 0, inode
            file.seek(self._offset)
            lines = whole_lines(file.read(size - self._offset))
        n_before = len(self._rounds)
        new = list(parse_lines(lines, RoundResult, self._path, n_before + 1))
        self._rounds += check_order(new, self._path, n_before)
        self._offset += sum(len(line) + 1 for line in lines)
