"""The run folder: what was known before, every round, and how it ended.

    start.json         resolved config, versions, radios, settings in force
    rounds.jsonl       one `RoundResult` a line, each on disk before the next round
    soundings.jsonl    what each sounding showed of every node
    evaluations.jsonl  held-out score, loss and scores by label after so many rounds
    stop.json          success, abort or fail, and why

All of it is there whatever happens; a last line torn by a crash is skipped. A file ``reserve``
keeps room for stop.json while the run goes on: a full disk must not hide how it ended.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.read_records import RunFolderError, read_lines, read_object, whole_lines
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.runs.run_records import (
    Ending,
    Evaluation,
    RunStart,
    RunStop,
    SoundingLine,
    check_round,
)
from sdr_ota.runs.strict_json import strict_json

__all__ = [
    "Ending",
    "Evaluation",
    "RunFolder",
    "RunFolderError",
    "RunRecord",
    "read_evaluations",
    "read_rounds",
    "read_run",
]

ROUNDS = "rounds.jsonl"
EVALUATIONS = "evaluations.jsonl"
SOUNDINGS = "soundings.jsonl"

_RESERVE = "reserve"
_RESERVE_BYTES = 8192


@dataclass(frozen=True)
class RunRecord:
    """A run folder as read; ``stop`` is empty while the run goes on or after a crash."""

    folder: Path
    start: Mapping[str, Any]
    rounds: Sequence[RoundResult]
    evaluations: Sequence[Evaluation]
    stop: Mapping[str, Any]


class RunFolder:
    """A folder being written. Make one with `RunFolder.create`.

    Args:
        path: Of a folder that is there.

    Attributes:
        has_begun: Whether this process has written into it: before, its end is not ours to tell.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.has_begun = False

    @classmethod
    def create(cls, parent: Path) -> "RunFolder":
        """Make a new folder named by the time.

        Who may read it follows from the process's umask; see `owner_only`.

        Raises:
            RunFolderError: If it cannot be made or written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
            path = parent / (stamp + suffix)
            try:
                path.mkdir(parents=True)
            except FileExistsError as taken:
                if not path.is_dir():
                    raise RunFolderError(f"cannot make run folder {path}: {taken}") from None
                continue
            except OSError as error:
                raise RunFolderError(
                    f"cannot make run folder {path}: {error.strerror}; choose another with "
                    "--set run.folder=DIR"
                ) from None
            folder = cls(path)
            folder.has_begun = True
            return folder
        raise RunFolderError(f"a thousand runs began in this second in {parent}")

    def write_start(self, start: Mapping[str, object]) -> None:
        """Write what is known before the first round; what is there already stays as it is."""
        self._keep_room()
        said = self._said("start.json", RunStart)
        self._write_json("start.json", {"began_at": _now(), **start, **said})

    def write_resume(self, resume: Mapping[str, object]) -> None:
        """Add a line to ``resumes`` in the start record, with the end that was written before."""
        self._keep_room()
        start = self._said("start.json", RunStart)
        line = {"at": _now(), "ended_before": self._said("stop.json", RunStop) or None, **resume}
        self._write_json("start.json", {**start, "resumes": [*start.get("resumes", []), line]})
        (self.path / "stop.json").unlink(missing_ok=True)

    def keep_rounds(self, n_rounds: int) -> int:
        """Cut the records to the first rounds; what a crash tore off or left half done goes.

        Returns:
            How many of the rounds kept moved the model.

        Raises:
            RunFolderError: If one of the files is damaged.
        """
        rounds = read_rounds(self.path)[:n_rounds]
        evaluations = read_evaluations(self.path) if n_rounds else []
        soundings = read_lines(self.path / SOUNDINGS, SoundingLine)
        for name, is_kept in (  # the rounds last: none of the others may know more than they
            (EVALUATIONS, [e.rounds_done <= n_rounds for e in evaluations]),
            (SOUNDINGS, [s.round < n_rounds for s in soundings]),
            (ROUNDS, [True] * len(rounds)),
        ):
            if (self.path / name).exists():
                self._keep_lines(name, is_kept)
        return sum(len(r.mean_scalars) for r in rounds)

    def append_round(self, result: RoundResult) -> None:
        """Write one round."""
        self._append(ROUNDS, asdict(result))

    def append_sounding(self, sounding: Mapping[str, object]) -> None:
        """Write what a sounding showed of every node."""
        self._append(SOUNDINGS, sounding)

    def append_evaluation(self, evaluation: Evaluation) -> None:
        """Write one evaluation."""
        self._append(EVALUATIONS, asdict(evaluation))

    def write_stop(self, ending: Ending, why: str, peak_memory_bytes: int) -> None:
        """Write how the run ended."""
        (self.path / _RESERVE).unlink(missing_ok=True)
        record = {"ended_at": _now(), "ending": ending, "why": why}
        self._write_json("stop.json", {**record, "peak_memory_bytes": peak_memory_bytes})

    def _keep_room(self) -> None:
        self.has_begun = True
        (self.path / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))

    def _said(self, name: str, kind: type[RunStart | RunStop]) -> dict[str, Any]:
        """Return what a file of the folder says already; nothing if it is not there."""
        return _read_json(self.path / name, kind)

    def _keep_lines(self, name: str, is_kept: Sequence[bool]) -> None:
        """Keep lines as they are; whatever follows those that are spoken of goes."""
        content = (self.path / name).read_bytes()
        lines = zip(whole_lines(content), is_kept, strict=False)
        kept = b"".join(line + b"\n" for line, is_one in lines if is_one)
        if kept != content:
            replace_file(self.path / name, kept)

    def _replace(self, name: str, text: str) -> None:
        replace_file(self.path / name, text.encode())

    def _append(self, name: str, record: Mapping[str, object]) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(strict_json(record) + "\n")

    def _write_json(self, name: str, record: Mapping[str, object]) -> None:
        self._replace(name, strict_json(record, indent=2) + "\n")


def read_run(folder: Path, rounds: Sequence[RoundResult] | None = None) -> RunRecord:
    """Read a run folder, finished or not; every record is checked by itself.

    Args:
        folder: The run folder.
        rounds: Its rounds, if they have been read before; None to read them.

    Raises:
        RunFolderError: If it is no run folder, or a file of it is damaged.
    """
    if not (folder / "start.json").is_file():
        raise RunFolderError(f"{folder} is no run folder: it has no start.json")
    return RunRecord(
        folder=folder,
        start=_read_json(folder / "start.json", RunStart),
        rounds=read_rounds(folder) if rounds is None else rounds,
        evaluations=read_evaluations(folder),
        stop=_read_json(folder / "stop.json", RunStop),
    )


def read_evaluations(folder: Path) -> list[Evaluation]:
    """Return the evaluations of a run folder.

    Raises:
        RunFolderError: If a line is damaged.
    """
    return read_lines(folder / EVALUATIONS, Evaluation)


def read_rounds(folder: Path) -> list[RoundResult]:
    """Return the rounds of a run folder.

    Raises:
        RunFolderError: If a line is damaged, missing, or there twice.
    """
    path = folder / ROUNDS
    return check_order(read_lines(path, RoundResult), path)


def check_order(rounds: list[RoundResult], path: Path, first: int = 0) -> list[RoundResult]:
    """Return rounds that are whole and follow each other.

    Args:
        rounds: As read.
        path: Of their file, for messages.
        first: Index that the first must have.

    Raises:
        RunFolderError: With the line that is damaged or out of order.
    """
    for index, result in enumerate(rounds, first):
        place = f"{path}, line {index + 1}"
        check_round(result, place)
        if result.round != index:
            raise RunFolderError(
                f"{place} is damaged: it is round {result.round} where round {index} belongs; "
                "lines are missing, or two runs have written into one folder"
            )
    return rounds


def _read_json(path: Path, kind: type[RunStart | RunStop]) -> dict[str, Any]:
    """Return what a JSON file holds, checked; nothing if it is not there."""
    if not path.is_file():
        return {}
    read_object(path, kind, is_finite=False)  # old start records hold ranges without an end
    return dict(json.loads(path.read_bytes()))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
