"""What a run needs besides its records to continue where it stood, saved after every round.

``checkpoint.json`` holds plain data and names the file of its arrays, ``checkpoint-000012.npz``;
the JSON is written last, so that a crash at any moment leaves an old pair or a new one. Both are
protected by SHA-256 digests, and reading them runs no code.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt, TypeAdapter

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.rounds.round import Position
from sdr_ota.runs.plain_data import Arrays, from_plain, to_plain
from sdr_ota.runs.read_records import RunFolderError, read_object
from sdr_ota.runs.replaced_file import replace_file

CHECKPOINT = "checkpoint.json"

_FORMAT = "sdr-ota-checkpoint-2"
_ARRAYS = "checkpoint-*.npz"
_MOST_BITS = 128
"""Of a whole number: what a random generator's state has."""


class Stateful(Protocol):
    """What can hand out its state as plain data, and take it back."""

    def snapshot(self) -> Mapping[str, object]:
        """Return the state: nested mappings, lists, numbers, texts, arrays."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises KeyError, TypeError or ValueError if it is none."""
        ...


_Planner = TypeVar("_Planner", bound=Stateful)


@dataclass
class RunState(Generic[_Planner]):
    """The state of a run between two rounds, apart from the model's and the ledger's.

    Attributes:
        air: The simulated world.
        planner: What it learned from the soundings so far.
        position: Round and plan.
    """

    air: SimulatedAir
    planner: _Planner
    position: Position = field(default_factory=Position)

    def snapshot(self) -> dict[str, object]:
        """Return the whole state as plain data."""
        return {
            "air": self.air.snapshot(),
            "planner": self.planner.snapshot(),
            "position": asdict(self.position),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises KeyError, TypeError or ValueError if it is none."""
        self.air.restore(state["air"])
        self.planner.restore(state["planner"])
        self.position = TypeAdapter(Position).validate_python(state["position"])


class Checkpoint(BaseModel):
    """What ``checkpoint.json`` holds.

    Attributes:
        format: Name and version of the format.
        next_round: Rounds that were done.
        config_digest: Of the configuration that they were done with.
        ledger_digest: What the privacy ledger held by then; None without a promise.
        arrays: Name of the file of the arrays.
        arrays_sha256: Of that file.
        state: The snapshot of a `RunState`, arrays and complex numbers replaced.
        sha256: Of all the rest, as canonical JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = _FORMAT
    next_round: PositiveInt
    config_digest: str
    ledger_digest: str | None
    arrays: str
    arrays_sha256: str
    state: dict[str, Any]
    sha256: str = ""

    def digest(self) -> str:
        """Return what ``sha256`` must be."""
        rest = json.dumps(self.model_dump(exclude={"sha256"}), sort_keys=True)
        return sha256(rest.encode()).hexdigest()


def save_run_state(
    standing: RunState[Any], folder: Path, config_digest: str, ledger_digest: str | None = None
) -> None:
    """Save a run's state; a crash at any moment leaves the old or the new one.

    Raises:
        OSError: If it cannot be written.
    """
    arrays: Arrays = {}
    state: Any = to_plain(standing.snapshot(), arrays)
    packed = io.BytesIO()
    # Not compressed: that took more time than all else that a round writes, and saved 0.3 MB.
    np.savez(packed, **arrays)  # type: ignore[arg-type] # `allow_pickle` is none of our names
    name = _ARRAYS.replace("*", f"{standing.position.next_round:06d}")
    unsigned = Checkpoint(
        next_round=standing.position.next_round,
        config_digest=config_digest,
        ledger_digest=ledger_digest,
        arrays=name,
        arrays_sha256=sha256(packed.getvalue()).hexdigest(),
        state=state,
    )
    signed = {**unsigned.model_dump(), "sha256": unsigned.digest()}
    replace_file(folder / name, packed.getvalue())
    replace_file(folder / CHECKPOINT, json.dumps(signed, allow_nan=False).encode() + b"\n")
    for old in folder.glob(_ARRAYS):
        if old.name != name:
            old.unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return what was saved last; None where no round was finished.

    Raises:
        RunFolderError: If it is damaged, or another version has written it.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    read = read_object(path, Checkpoint, most_bits=_MOST_BITS)
    if read.format != _FORMAT or read.sha256 != read.digest():
        raise RunFolderError(_unreadable(path, "its content does not have its checksum"))
    if Path(read.arrays).name != read.arrays or not (folder / read.arrays).is_file():
        raise RunFolderError(_unreadable(path, f"its arrays, {read.arrays}, are missing"))
    return read


def restore_run_state(standing: RunState[Any], saved: Checkpoint, folder: Path) -> None:
    """Put a saved state into a new `RunState` of the same configuration.

    Raises:
        RunFolderError: If it does not fit.
    """
    path = folder / saved.arrays
    content = path.read_bytes()
    if sha256(content).hexdigest() != saved.arrays_sha256:
        raise RunFolderError(_unreadable(path, "its content does not have its checksum"))
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            state = from_plain(saved.state, dict(arrays))
        standing.restore(TypeAdapter(dict[str, Any]).validate_python(state))
    except (ArithmeticError, LookupError, TypeError, ValueError, zipfile.BadZipFile) as wrong:
        raise RunFolderError(_unreadable(folder / CHECKPOINT, repr(wrong))) from wrong


def _unreadable(path: Path, why: object) -> str:
    return (
        f"cannot go on from {path}: {why}; it is damaged, or another version of sdr-ota has "
        "written it: resume with that version"
    )
