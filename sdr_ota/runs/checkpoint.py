"""What a run needs besides its records to continue where it stood, saved after every round.

The file is a Python pickle: resume only runs of your own.
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.round import Position
from sdr_ota.runs.replaced_file import replace_file

CHECKPOINT = "checkpoint.pickle"


@dataclass
class RunState:
    """The state of a run between two rounds, apart from the model's and the ledger's.

    Attributes:
        air: The simulated world.
        planner: What it learned from the soundings so far.
        position: Round and plan.
    """

    air: SimulatedAir
    planner: Any
    position: Position = field(default_factory=Position)


def save_run_state(standing: RunState, folder: Path) -> None:
    """Save a run's state; a crash at any moment leaves the old or the new one."""
    replace_file(folder / CHECKPOINT, pickle.dumps(standing))


def load_run_state(folder: Path) -> RunState | None:
    """Return the state that was saved last; None where no round was finished.

    Raises:
        CommandFailed: If it cannot be read, or another version has written it.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        standing = pickle.loads(path.read_bytes())
    except Exception as wrong:  # a damaged pickle may raise anything
        raise CommandFailed(_unreadable(path, wrong)) from wrong
    if not isinstance(standing, RunState):
        raise CommandFailed(_unreadable(path, f"it holds a {type(standing).__name__}"))
    return standing


def _unreadable(path: Path, why: object) -> str:
    return (
        f"cannot go on from {path}: {why}; it is damaged, or another version of sdr-ota has "
        "written it: resume with that version"
    )
