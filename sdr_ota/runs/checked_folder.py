"""Read a run folder whose files do not contradict each other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sdr_ota.runs.checkpoint import Checkpoint, read_checkpoint
from sdr_ota.runs.consistency import JOURNAL, check_checkpoint, check_end, check_evaluations
from sdr_ota.runs.journal_check import check_journal, read_journal_pairs
from sdr_ota.runs.run_folder import RunRecord, read_run
from sdr_ota.runs.run_lock import is_in_use


def read_checked_run(folder: Path) -> tuple[RunRecord, Checkpoint | None]:
    """Read a run folder whose files do not contradict each other.

    Files that are missing contradict nothing: see `check_present`. While a process writes into
    the folder, only what its checkpoint knows is checked.

    Returns:
        The run, and its checkpoint; None where no round was finished.

    Raises:
        RunFolderError: With the file that is damaged, cut, older, or of another run.
    """
    is_live, saved = is_in_use(folder), read_checkpoint(folder)
    run, journal = read_run(folder), read_journal_pairs(folder)
    _check(_known(run, saved) if is_live else run, saved, journal, is_live)
    return run, saved


def _known(run: RunRecord, saved: Checkpoint | None) -> RunRecord:
    """Return a run as far as its checkpoint knows it."""
    n_rounds = saved.next_round if saved else 0
    known = [one for one in run.evaluations if one.rounds_done <= n_rounds]
    return replace(run, rounds=run.rounds[:n_rounds], evaluations=known)


def _check(
    run: RunRecord,
    saved: Checkpoint | None,
    journal: Sequence[tuple[int, float]],
    is_live: bool,
) -> None:
    check_end(run)
    check_evaluations(run)
    if saved is not None:
        check_checkpoint(run, saved.next_round)
    if (run.folder / JOURNAL).is_file():
        n_updates = sum(len(r.mean_scalars) for r in run.rounds)
        check_journal(run, journal[:n_updates] if is_live else journal)
