"""What a run needs besides its records to continue where it stood, saved after every round.

The file is a Python pickle: resume only runs of your own.
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path

from sdr_ota.air import SimulatedAir
from sdr_ota.experiment import Planner, Position
from sdr_ota.replaced_file import replace_file

CHECKPOINT = "checkpoint.pickle"


@dataclass
class Standing:
    """The state of a run between two rounds, apart from the model's and the ledger's.

    Attributes:
        air: The simulated world.
        planner: What it learned from the soundings so far.
        position: Round and plan.
    """

    air: SimulatedAir
    planner: Planner
    position: Position = field(default_factory=Position)


def save_standing(standing: Standing, folder: Path) -> None:
    """Save a run's state; a crash at any moment leaves the old or the new one."""
    replace_file(folder / CHECKPOINT, pickle.dumps(standing))


def load_standing(folder: Path) -> Standing | None:
    """Return the state that was saved last; None where no round was finished."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    standing = pickle.loads(path.read_bytes())
    if not isinstance(standing, Standing):
        raise TypeError(f"{path} holds a {type(standing).__name__}, not the state of a run")
    return standing
