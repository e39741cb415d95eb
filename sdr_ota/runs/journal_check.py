"""Whether a run's journal is that of its rounds; read without the learning core."""

from collections.abc import Sequence
from pathlib import Path

from sdr_ota.rounds.round import sum_by_sum
from sdr_ota.runs.consistency import JOURNAL, contradiction, positive_count, probes_per_step
from sdr_ota.runs.read_records import RunFolderError, parse_lines, parse_record, whole_lines
from sdr_ota.runs.run_folder import ROUNDS, RunRecord
from sdr_ota.runs.run_records import JournalLine, JournalStart


def check_journal(run: RunRecord, journal: Sequence[tuple[int, float]]) -> None:
    """Refuse a journal whose updates are not those of the rounds.

    Args:
        run: As read.
        journal: Seed and scalar of every update.

    Raises:
        RunFolderError: With the first update that is missing, or not of this run.
    """
    path, good = (
        run.folder / JOURNAL,
        [r for r in sum_by_sum(run.rounds) if r.mean_scalar is not None],
    )
    pool = positive_count(run.start.get("config", {}).get("zo", {}).get("seed_pool"))
    for number, (result, update) in enumerate(zip(good, journal, strict=False)):
        if update != (result.seed if pool is None else result.seed % pool, result.mean_scalar):
            raise contradiction(path, f"has an update {number} that is not that of the round",
                                 ROUNDS, f"in line {result.round + 1}")  # fmt: skip
    if not len(good) <= len(journal) <= len(good) + probes_per_step(run):
        raise contradiction(path, f"holds {len(journal)} updates", ROUNDS,
                             f"that {len(good)} sums moved the model")  # fmt: skip


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
