"""Whether the files of a run folder belong together: pure checks, each of two of them.

Files are written in an order: a round goes into the journal, then into ``rounds.jsonl``, then the
checkpoint is replaced. So the journal may be ahead of the rounds, and the rounds of the checkpoint,
by what lies between two ends of a group of probes; nothing else is left by a crash. All else means
that a file was changed, replaced, or lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.checkpoint import CHECKPOINT, Checkpoint, read_checkpoint
from sdr_ota.runs.read_records import RunFolderError, parse_lines, parse_record, whole_lines
from sdr_ota.runs.run_folder import EVALUATIONS, ROUNDS, RunRecord, read_run
from sdr_ota.runs.run_lock import is_in_use
from sdr_ota.runs.run_records import JournalLine, JournalStart, planned_rounds

JOURNAL = "journal.jsonl"
ALL_DONE = "all rounds done"
"""Why a run ended that has all its rounds; written to and read from ``stop.json``."""


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
        n_updates = sum(r.mean_scalar is not None for r in run.rounds)
        check_journal(run, journal[:n_updates] if is_live else journal)


def probes_per_step(run: RunRecord) -> int:
    """Return how many updates make one step: a checkpoint is saved between two steps only."""
    zo = run.start.get("config", {}).get("zo", {}) if has_model(run) else {}
    return _count(zo.get("directions_per_step")) or 1


def _count(value: object) -> int | None:
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
        raise _contradiction(run.folder / ROUNDS, f"holds {len(run.rounds)} rounds", "stop.json",
                             f"that all {planned} are done")  # fmt: skip


def check_evaluations(run: RunRecord) -> None:
    """Refuse evaluations of rounds that are not there.

    Raises:
        RunFolderError: If rounds are missing or the evaluations are another run's.
    """
    last = max((evaluation.rounds_done for evaluation in run.evaluations), default=0)
    if last > len(run.rounds):
        raise _contradiction(run.folder / ROUNDS, f"holds {len(run.rounds)} rounds", EVALUATIONS,
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
        raise _contradiction(run.folder / ROUNDS, f"holds {n_rounds} rounds", CHECKPOINT,
                             f"that {next_round} were done")  # fmt: skip
    n_unsaved = _n_unsaved(run.rounds[next_round:], probes_per_step(run))
    if n_rounds > next_round + n_unsaved:
        raise _contradiction(run.folder / CHECKPOINT, f"is older: it knows {next_round} rounds",
                             ROUNDS, f"that {n_rounds} were done")  # fmt: skip


def _n_unsaved(rounds: Sequence[RoundResult], probes_per_step: int) -> int:
    """Return how many rounds after a checkpoint a crash may leave without a further one."""
    n_updates = 0
    for index, result in enumerate(rounds, 1):
        n_updates += result.mean_scalar is not None
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


def check_journal(run: RunRecord, journal: Sequence[tuple[int, float]]) -> None:
    """Refuse a journal whose updates are not those of the rounds.

    Args:
        run: As read.
        journal: Seed and scalar of every update.

    Raises:
        RunFolderError: With the first update that is missing, or not of this run.
    """
    path, good = run.folder / JOURNAL, [r for r in run.rounds if r.mean_scalar is not None]
    pool = _count(run.start.get("config", {}).get("zo", {}).get("seed_pool"))
    for number, (result, update) in enumerate(zip(good, journal, strict=False)):
        if update != (result.seed if pool is None else result.seed % pool, result.mean_scalar):
            raise _contradiction(path, f"has an update {number} that is not that of the round",
                                 ROUNDS, f"in line {result.round + 1}")  # fmt: skip
    if not len(good) <= len(journal) <= len(good) + probes_per_step(run):
        raise _contradiction(path, f"holds {len(journal)} updates", ROUNDS,
                             f"that {len(good)} rounds moved the model")  # fmt: skip


def read_journal_pairs(folder: Path) -> list[tuple[int, float]]:
    """Return seed and scalar of every update of a run's journal; empty if it is not there.

    Raises:
        RunFolderError: If a line is damaged or missing.
    """
    path = folder / JOURNAL
    if not path.is_file():
        return []
    lines = list(parse_lines(whole_lines(path.read_bytes())[1:], JournalLine, path, 2))
    updates = [line for line in lines if not line.checksum]
    for index, line in enumerate(updates):
        if line.update != index:
            raise RunFolderError(f"{path} is damaged: update {line.update} follows {index} updates")
    return [(line.seed, line.scalar) for line in updates]


def journal_experiment(folder: Path) -> tuple[str, Path]:
    """Return the digest of the configuration that a journal was begun with, and its file.

    Raises:
        RunFolderError: If its first line is damaged.
    """
    path = folder / JOURNAL
    lines = whole_lines(path.read_bytes()) if path.is_file() else []
    if not lines:
        return "", path
    return parse_record(lines[0], JournalStart, f"{path}, line 1").experiment, path


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


def _contradiction(one: Path, says: str, other: str, but: str) -> RunFolderError:
    return RunFolderError(
        f"{one} {says}, but {other} says {but}; a file was cut, replaced, or is of another run: "
        "nothing was changed, put the right one back"
    )
