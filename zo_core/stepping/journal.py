"""The list of (seed, scalar) is the fine-tuned model: write it, read it, replay it.

A journal is a text file of JSON lines. The first names the weights it starts from and the
directions it uses; every further one is an update, about a hundred bytes whatever the size
of the model. Replaying the updates onto the same weights gives the fine-tuned model bit for
bit. A line is flushed as it is written; a last line torn by a crash is left out when the
file is read and cut off when writing goes on.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from zo_core.directions.fingerprint import direction_fingerprint, weight_checksum
from zo_core.directions.generator import DirectionKind
from zo_core.stepping.rules import Update, UpdateRule, curvature_of, take_step

_FORMAT = "zo-journal-2"
_FINGERPRINT_SEED = 1
_Record = TypeVar("_Record")


class JournalError(ValueError):
    """A journal cannot be read, or does not belong to these weights or this machine."""


@dataclass(frozen=True)
class JournalHeader:
    """First line of a journal.

    Attributes:
        base_checksum: `weight_checksum` of the weights before the first update.
        kind: Distribution of the directions.
        fingerprint: `direction_fingerprint` of seed 1 on the device that wrote the journal.
        rule: What is made of the updates.
        format: Name and version of this file format.
        experiment: Names what the updates belong to, such as a digest of a configuration.
    """

    base_checksum: str
    kind: DirectionKind
    fingerprint: str
    rule: UpdateRule = field(default_factory=UpdateRule)
    format: str = _FORMAT
    experiment: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Checksum of the weights after so many updates: finds where two models drifted apart."""

    n_updates: int
    checksum: str


@dataclass(frozen=True)
class Journal:
    """A journal as read: its header, its updates in order, its checkpoints."""

    header: JournalHeader
    updates: tuple[Update, ...]
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True)
class _Number:
    update: int


class JournalWriter:
    """Appends updates to a journal, one flushed line each; a context manager."""

    def __init__(self, path: Path, n_updates: int) -> None:
        self.n_updates = n_updates
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, update: Update, moved_share: float | None = None) -> None:
        """Write one update.

        Args:
            update: What all clients took.
            moved_share: Share of the 16-bit weights that it changed (`take_step`); for the
                reader, no replay needs it.
        """
        said = {} if moved_share is None else {"moved_share": round(moved_share, 4)}
        self._write({"update": self.n_updates, **asdict(update), **said})
        self.n_updates += 1

    def append_checkpoint(self, model: torch.nn.Module) -> None:
        """Write the checksum of the weights as they are after the updates so far."""
        self._write(asdict(Checkpoint(self.n_updates, weight_checksum(model))))

    def _write(self, record: dict[str, object]) -> None:
        self._file.write(json.dumps(record, allow_nan=False) + "\n")
        self._file.flush()


def start_journal(
    path: Path,
    model: torch.nn.Module,
    kind: DirectionKind,
    rule: UpdateRule | None = None,
    experiment: str = "",
) -> JournalWriter:
    """Start a journal for a model that is about to be fine-tuned.

    Args:
        path: File to create.
        model: Model with the weights that the journal will start from.
        kind: Distribution of the directions of the run.
        rule: What is made of the updates; None for plain steps.
        experiment: As in `JournalHeader`.

    Raises:
        FileExistsError: The file exists.
    """
    fingerprint = _fingerprint(model)
    checksum = weight_checksum(model)
    header = JournalHeader(checksum, kind, fingerprint, rule or UpdateRule(), experiment=experiment)
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(asdict(header)) + "\n")
    return JournalWriter(path, n_updates=0)


def continue_journal(path: Path, n_updates: int | None = None) -> JournalWriter:
    """Go on with a journal; a last line that a crash has torn is cut off.

    Args:
        path: The journal.
        n_updates: Updates that count; later lines are cut off too. None for all.

    Raises:
        JournalError: The file is not a journal, is damaged before its last line, or holds
            fewer updates.
    """
    kept = len(read_journal(path).updates) if n_updates is None else n_updates
    with path.open("r+b") as file:
        file.truncate(_end_of_update(path, kept))
    return JournalWriter(path, kept)


def _end_of_update(path: Path, n_updates: int) -> int:
    """Return how many bytes of a journal its header and first updates take, checksums with them."""
    end = found = 0
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True)):
        is_update = number > 0 and b"checksum" not in line
        if not line.endswith(b"\n") or (is_update and found == n_updates):
            break
        found += is_update
        end += len(line)
    if found < n_updates:
        raise JournalError(
            f"{path} holds {found} updates where {n_updates} are needed to go on; the file is not "
            "the run's own, or was cut"
        )
    return end


def first_disagreement(one: Journal, other: Journal) -> int | None:
    """Return after how many updates two clients of a run differ for the first time.

    Args:
        one: Journal of one client.
        other: Of another; the shorter of the two decides how far they are compared.

    Returns:
        0 where they started from other weights; the number of the first update that
        differs, or after which the checksums of the weights do; None where none does.
    """
    if one.header != other.header:
        return 0
    pairs = zip(one.updates, other.updates, strict=False)
    differ = [count for count, (a, b) in enumerate(pairs, start=1) if a != b]
    sums = {c.n_updates: c.checksum for c in one.checkpoints}
    drifted = [
        c.n_updates for c in other.checkpoints if sums.get(c.n_updates, c.checksum) != c.checksum
    ]
    return min([*differ, *drifted], default=None)


def read_journal(path: Path) -> Journal:
    """Read a journal; a last line that a crash has torn is left out.

    Raises:
        JournalError: The file is not a journal, or is damaged before its last line.
    """
    content = path.read_bytes()
    lines = content[: _n_whole_bytes(content)].splitlines()
    if not lines:
        raise JournalError(f"{path} is not a journal: it has no complete first line")
    header = _parse(JournalHeader, lines[0], f"{path} line 1")
    if header.format != _FORMAT:
        raise JournalError(f"{path} has format {header.format}; this program reads {_FORMAT}")
    updates: list[Update] = []
    checkpoints: list[Checkpoint] = []
    for number, line in enumerate(lines[1:], start=2):
        place = f"{path} line {number}"
        if b"checksum" in line:
            checkpoints.append(_parse(Checkpoint, line, place))
        else:
            updates.append(_parse_update(line, len(updates), place))
    return Journal(header, tuple(updates), tuple(checkpoints))


def check_base(model: torch.nn.Module, journal: Journal) -> None:
    """Refuse a model that has other weights than a journal starts from.

    Raises:
        JournalError: With both checksums.
    """
    _check_same("base weights", journal.header.base_checksum, weight_checksum(model))


def replay(model: torch.nn.Module, journal: Journal, n_taken: int = 0) -> None:
    """Take all updates of a journal, in order: base weights become fine-tuned, bit for bit.

    Args:
        model: Model with the base weights and the same trainable parameters as in the run.
        journal: What to replay.
        n_taken: Updates that the weights have taken already; a checksum of the journal
            must say what they are then.

    Raises:
        JournalError: The model has other weights than the journal starts from, this machine
            makes other directions, or the weights differ from a checkpoint.
    """
    for _ in replay_steps(model, journal, n_taken):
        pass


def replay_steps(model: torch.nn.Module, journal: Journal, n_taken: int = 0) -> Iterator[int]:
    """Replay a journal, and stop after every update: the model is then that of its moment.

    Takes and raises what `replay` does.

    Yields:
        How many updates the weights have taken: ``n_taken`` first.
    """
    _check_same("directions", journal.header.fingerprint, _fingerprint(model))
    header = journal.header
    expected = {checkpoint.n_updates: checkpoint.checksum for checkpoint in journal.checkpoints}
    start = expected.get(n_taken, "none") if n_taken else header.base_checksum
    what = f"weights after {n_taken} updates" if n_taken else "base weights"
    _check_same(what, start, weight_checksum(model))
    curvature = curvature_of(model, header.rule, header.kind, journal.updates[:n_taken])
    yield n_taken
    for count in range(n_taken + 1, len(journal.updates) + 1):
        take_step(model, journal.updates[:count], header.rule, header.kind, curvature)
        if count in expected:
            _check_same(f"weights after {count} updates", expected[count], weight_checksum(model))
        yield count


def _fingerprint(model: torch.nn.Module) -> str:
    """Return the fingerprint of the directions where a model's weights live."""
    device = next(model.parameters()).device
    return direction_fingerprint(_FINGERPRINT_SEED, str(device))


def _n_whole_bytes(content: bytes) -> int:
    return content.rfind(b"\n") + 1


def _parse_update(line: bytes, n_before: int, place: str) -> Update:
    update = _parse(Update, line, place)
    number = _parse(_Number, line, place).update
    if number != n_before:
        raise JournalError(
            f"{place}: update {number} follows {n_before} updates; a line is missing"
        )
    return update


def _parse(record: type[_Record], line: bytes, place: str) -> _Record:
    try:
        from_json(line, allow_inf_nan=False)
        parsed: _Record = _adapter(record).validate_json(line, strict=True)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = ".".join(str(part) for part in first["loc"]) + f": {first['msg']}"
    except ValueError as error:
        why = str(error)
    else:
        return parsed
    raise JournalError(
        f"{place} is not a {record.__name__.lstrip('_')}: {why}; the file is damaged or not a "
        "journal, take a copy that is whole"
    )


@cache
def _adapter(record: type) -> TypeAdapter[Any]:
    return TypeAdapter(record)


def _check_same(what: str, expected: str, found: str) -> None:
    if expected != found:
        raise JournalError(
            f"the {what} do not match the journal: expected checksum {expected}, found {found}; "
            "replay needs the model, format and trainable parameters of the run"
        )
