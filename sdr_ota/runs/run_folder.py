"""The run folder: what was known before, every round, and how it ended.

    start.json         resolved config, versions, radios, settings in force
    rounds.jsonl       one `RoundResult` a line, each on disk before the next round
    soundings.jsonl    what each sounding showed of every node
    evaluations.jsonl  held-out score after so many rounds
    stop.json          success, abort or fail, and why

All of it is there whatever happens; a last line torn by a crash is skipped. A file ``reserve``
keeps room for stop.json while the run goes on: a full disk must not hide how it ended.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.replaced_file import replace_file

_Record = TypeVar("_Record")

Ending: TypeAlias = Literal["success", "abort", "fail"]

_RESERVE = "reserve"
_RESERVE_BYTES = 8192


class RunFolderError(OSError):
    """A run folder cannot be made, written or read."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good the model is after some rounds.

    Attributes:
        rounds_done: Rounds before this evaluation.
        score: Of the held-out examples; start.json names it (accuracy, F1).
    """

    rounds_done: int
    score: float


@dataclass(frozen=True)
class RunRecord:
    """A run folder as read; ``stop`` is empty while the run goes on or after a crash."""

    folder: Path
    start: Mapping[str, object]
    rounds: Sequence[RoundResult]
    evaluations: Sequence[Evaluation]
    stop: Mapping[str, object]


class RunFolder:
    """A folder being written. Make one with `RunFolder.create`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path) -> "RunFolder":
        """Make a new folder named by the time.

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
            return cls(path)
        raise RunFolderError(f"a thousand runs began in this second in {parent}")

    def write_start(self, start: Mapping[str, object]) -> None:
        """Write what is known before the first round."""
        (self.path / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
        self._write_json("start.json", {"began_at": _now(), **start})

    def keep_rounds(self, n_rounds: int) -> int:
        """Cut the records to the first rounds; what a crash tore off or left half done goes.

        Returns:
            How many of the rounds kept moved the model.
        """
        rounds = self._lines("rounds.jsonl")[:n_rounds]
        evaluations = self._lines("evaluations.jsonl") if n_rounds else []
        kept = [e for e in evaluations if _evaluation(e).rounds_done <= n_rounds]
        soundings = [s for s in self._lines("soundings.jsonl") if _whole(s["round"]) < n_rounds]
        for name, records in (
            ("rounds.jsonl", rounds),
            ("evaluations.jsonl", kept),
            ("soundings.jsonl", soundings),
        ):
            if (self.path / name).exists():
                self._rewrite(name, records)
        (self.path / "stop.json").unlink(missing_ok=True)
        return sum(r["mean_scalar"] is not None for r in rounds)

    def append_round(self, result: RoundResult) -> None:
        """Write one round."""
        self._append("rounds.jsonl", asdict(result))

    def append_sounding(self, sounding: Mapping[str, object]) -> None:
        """Write what a sounding showed of every node."""
        self._append("soundings.jsonl", sounding)

    def append_evaluation(self, evaluation: Evaluation) -> None:
        """Write one evaluation."""
        self._append("evaluations.jsonl", asdict(evaluation))

    def write_stop(self, ending: Ending, why: str, peak_memory_bytes: int) -> None:
        """Write how the run ended."""
        (self.path / _RESERVE).unlink(missing_ok=True)
        record = {"ended_at": _now(), "ending": ending, "why": why}
        self._write_json("stop.json", {**record, "peak_memory_bytes": peak_memory_bytes})

    def _lines(self, name: str) -> list[dict[str, object]]:
        return _read_lines(self.path / name)

    def _rewrite(self, name: str, records: Sequence[Mapping[str, object]]) -> None:
        self._replace(name, "".join(json.dumps(record) + "\n" for record in records))

    def _replace(self, name: str, text: str) -> None:
        replace_file(self.path / name, text.encode())

    def _append(self, name: str, record: Mapping[str, object]) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _write_json(self, name: str, record: Mapping[str, object]) -> None:
        self._replace(name, json.dumps(record, indent=2, default=str) + "\n")


def read_run(folder: Path, rounds: Sequence[RoundResult] | None = None) -> RunRecord:
    """Read a run folder, finished or not.

    Args:
        folder: The run folder.
        rounds: Its rounds, if they have been read before; None to read them.

    Raises:
        RunFolderError: If it is no run folder.
    """
    if not (folder / "start.json").is_file():
        raise RunFolderError(f"{folder} is no run folder: it has no start.json")
    return RunRecord(
        folder=folder,
        start=_read_json(folder / "start.json"),
        rounds=_read_records(folder / "rounds.jsonl", round_of) if rounds is None else rounds,
        evaluations=_read_records(folder / "evaluations.jsonl", _evaluation),
        stop=_read_json(folder / "stop.json"),
    )


def _read_json(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from None


def _read_lines(path: Path) -> list[dict[str, object]]:
    """Read JSON lines; the last one may be torn."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    whole = [line for line in lines if line.endswith("\n")]
    try:
        return [dict(json.loads(line)) for line in whole]
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from None


def _read_records(
    path: Path, record_of: Callable[[Mapping[str, object]], _Record]
) -> list[_Record]:
    """Read the records of a file; lines that are none are damage."""
    try:
        return [record_of(line) for line in _read_lines(path)]
    except TypeError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from None


def round_of(line: Mapping[str, object]) -> RoundResult:
    """Return the result that a line holds; keys that this version does not know are left out."""
    known = {field.name for field in fields(RoundResult)}
    values: dict[str, object] = {key: value for key, value in line.items() if key in known}
    nodes = values.get("active_nodes")
    values["active_nodes"] = tuple(nodes) if isinstance(nodes, list) else ()
    return RoundResult(**values)  # type: ignore[arg-type]


def _whole(value: object) -> int:
    """Return a JSON number that counts."""
    return int(str(value))


def _evaluation(line: Mapping[str, object]) -> Evaluation:
    return Evaluation(**line)  # type: ignore[arg-type]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
