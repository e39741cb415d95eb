"""Whether the files of a run folder belong together: pure checks, each of two of them.

Files are written in an order: a round goes into the journal, then into ``rounds.jsonl``, then the
checkpoint is replaced. So the journal may be ahead of the rounds, and the rounds of the checkpoint,
by what lies between two ends of a group of probes; nothing else is left by a crash. All else means
that a file was changed, replaced, or lost.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.checkpoint import CHECKPOINT
from sdr_ota.runs.read_records import RunFolderError
from sdr_ota.runs.run_folder import EVALUATIONS, ROUNDS, RunRecord
from sdr_ota.runs.run_records import n_symbols_of, planned_rounds

JOURNAL = "journal.jsonl"
ALL_DONE = "all rounds done"
"""Why a run ended that has all its rounds; written to and read from ``stop.json``."""


def probes_per_step(run: RunRecord) -> int:
    """Return how many updates make one step: a checkpoint is saved between two steps only."""
    if not has_model(run):
        return 1
    zo = run.start.get("config", {}).get("zo", {})
    return (positive_count(zo.get("directions_per_step")) or 1) * n_symbols_of(run.start)


def positive_count(value: object) -> int | None:
    """Return a value of a configuration if it counts something."""
    return value if isinstance(value, int) and value > 0 else None


def has_model(run: RunRecord) -> bool:
    """Return whether a model learned in a run, so that it has a journal."""
    return str(run.start.get("config", {}).get("clients", {}).get("source")) == "model"


def missing_files(run: RunRecord) -> tuple[str, ...]:
    """Return the files that a run with these rounds has written and that are not there."""
    wanted = [JOURNAL] if run.rounds and has_model(run) else []
    wanted += [CHECKPOINT] if len(run.rounds) > _n_unsaved(run.rounds, probes_per_step(run)) else []
    wanted += [ROUNDS] if run.stop.get("why") == ALL_DONE else []
    return tuple(name for name in wanted if not (run.folder / name).is_file())


def check_present(run: RunRecord) -> None:
    """Refuse a folder that lacks a file.

    Raises:
        RunFolderError: With the file.
    """
    if gone := missing_files(run):
        raise RunFolderError(
            f"{run.folder / gone[0]} is missing, so the run cannot be used further; put the file "
            "back from a copy of the same run, or start a new one"
        )


def check_end(run: RunRecord) -> None:
    """Refuse rounds that are fewer than the record of the run's end says.

    Raises:
        RunFolderError: If lines are missing.
    """
    planned = planned_rounds(run.start)
    if run.stop.get("why") == ALL_DONE and len(run.rounds) != planned > 0:
        raise contradiction(run.folder / ROUNDS, f"holds {len(run.rounds)} rounds", "stop.json",
                             f"that all {planned} are done")  # fmt: skip


def check_evaluations(run: RunRecord) -> None:
    """Refuse evaluations of rounds that are not there.

    Raises:
        RunFolderError: If rounds are missing or the evaluations are another run's.
    """
    last = max((evaluation.rounds_done for evaluation in run.evaluations), default=0)
    if last > len(run.rounds):
        raise contradiction(run.folder / ROUNDS, f"holds {len(run.rounds)} rounds", EVALUATIONS,
                             f"that {last} were done")  # fmt: skip


def check_checkpoint(run: RunRecord, next_round: int) -> None:
    """Refuse rounds and a checkpoint that are not of one moment.

    Args:
        run: As read.
        next_round: Rounds that the checkpoint knows.

    Raises:
        RunFolderError: If one of the two is older, cut, or another run's.
    """
    n_rounds = len(run.rounds)
    if n_rounds < next_round:
        raise contradiction(run.folder / ROUNDS, f"holds {n_rounds} rounds", CHECKPOINT,
                             f"that {next_round} were done")  # fmt: skip
    n_unsaved = _n_unsaved(run.rounds[next_round:], probes_per_step(run))
    if n_rounds > next_round + n_unsaved:
        raise contradiction(run.folder / CHECKPOINT, f"is older: it knows {next_round} rounds",
                             ROUNDS, f"that {n_rounds} were done")  # fmt: skip


def _n_unsaved(rounds: Sequence[RoundResult], probes_per_step: int) -> int:
    """Return how many rounds after a checkpoint a crash may leave without a further one."""
    n_updates = 0
    for index, result in enumerate(rounds, 1):
        n_updates += len(result.mean_scalars)
        if n_updates % probes_per_step == 0:
            return index
    return len(rounds)


def check_seeds(run: RunRecord, seed_of: Callable[[int], int]) -> None:
    """Refuse rounds that were announced with other seeds than the configuration gives.

    Args:
        run: As read.
        seed_of: Returns the seed of a round.

    Raises:
        RunFolderError: With the first such round.
    """
    for result in run.rounds:
        if result.seed != seed_of(result.round):
            raise RunFolderError(
                f"{run.folder / ROUNDS}, line {result.round + 1} is not of this run: its seed is "
                f"{result.seed}, and the configuration gives {seed_of(result.round)}"
            )


def check_limit(run: RunRecord, is_private: bool) -> None:
    """Refuse a limit of scalars that is not the one that the rounds were sent with.

    Args:
        run: As read.
        is_private: Whether a promise makes room for noise above the limit.

    Raises:
        RunFolderError: With the first round of another limit.
    """
    limit = run.start.get("scalar_limit")
    for result in () if is_private or limit is None else run.rounds:
        if result.largest_scalar not in {None, limit}:
            raise contradiction(
                run.folder / ROUNDS, f"holds a round {result.round} of scalars up to "
                f"{result.largest_scalar:g}", "start.json", f"scalar_limit = {limit:g}",
            )  # fmt: skip


def check_config(run: RunRecord, found: str, known: str, place: Path) -> None:
    """Refuse a configuration that was changed after the run began.

    Args:
        run: As read.
        found: Digest of the configuration in ``start.json``.
        known: Digest of the one that a file was written with; empty where it says none.
        place: That file.

    Raises:
        RunFolderError: If they differ.
    """
    if known and found != known:
        raise RunFolderError(
            f"the configuration in {run.folder / 'start.json'} is not the one that {place.name} "
            "was written with: two experiments would end up in one table; take the file back, or "
            "start a new run with the changed configuration"
        )


def contradiction(one: Path, says: str, other: str, but: str) -> RunFolderError:
    """Return the error that says how two files of a folder disagree."""
    return RunFolderError(
        f"{one} {says}, but {other} says {but}; a file was cut, replaced, or is of another run: "
        "nothing was changed, put the right one back"
    )
