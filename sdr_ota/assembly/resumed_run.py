"""Where a run goes on: what is left of it, and whether it may."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.config.digest import why_rounds_are_fixed
from sdr_ota.config.load import Config
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.checkpoint import Checkpoint, RunState, restore_run_state
from sdr_ota.runs.run_folder import RunRecord
from sdr_ota.runs.run_records import planned_rounds


@dataclass(frozen=True)
class ResumedRun:
    """A run that goes on.

    Attributes:
        run: As read from its folder.
        config: Its configuration, with the rounds that it is to have now.
        saved: Its checkpoint; None where no round was finished.
        more_rounds: Rounds added to its plan now.
    """

    run: RunRecord
    config: Config
    saved: Checkpoint | None
    more_rounds: int

    @property
    def next_round(self) -> int:
        """First round that is done again or for the first time."""
        return self.saved.next_round if self.saved else 0

    @property
    def n_updates(self) -> int:
        """How many updates of the model the rounds that are kept brought."""
        return sum(len(r.mean_scalars) for r in self.run.rounds[: self.next_round])

    def restore(self, standing: RunState[Any]) -> None:
        """Put the saved state into that of the process.

        Raises:
            RunFolderError: If it does not fit.
        """
        if self.saved is not None:
            restore_run_state(standing, self.saved, self.run.folder)


def resumed_run(folder: Path, more_rounds: int = 0) -> ResumedRun | None:
    """Return what is left of a run; None if nothing is.

    Args:
        folder: Of the run; nobody else may write into it now.
        more_rounds: Rounds to add to its plan.

    Raises:
        RunFolderError: If its files contradict each other.
        ConfigError: If this version cannot use its configuration.
        CommandFailed: If it may not have more rounds.
    """
    run, config, saved = checked_run(folder)
    if more_rounds and (why := why_rounds_are_fixed(config)):
        raise CommandFailed(
            f"{folder} cannot have {more_rounds} rounds more: {why}; start a new run with "
            f"--set run.rounds={planned_rounds(run.start) + more_rounds}",
            WRONG_USE,
        )
    if not more_rounds and _is_done(run, saved):
        return None
    n_rounds = planned_rounds(run.start) + more_rounds
    table = config.run.model_copy(update={"rounds": n_rounds})
    return ResumedRun(run, config.model_copy(update={"run": table}), saved, more_rounds)


def _is_done(run: RunRecord, saved: Checkpoint | None) -> bool:
    """Return whether a run has ended for good: with success, or after its last round."""
    if run.stop.get("ending") == "success":
        return True
    return bool(run.stop) and saved is not None and saved.next_round >= planned_rounds(run.start)
