"""A run folder that may be trusted: its files agree with each other and with its configuration."""

from collections.abc import Sequence
from pathlib import Path

from ota_calibration.privacy.ledger_digest import ledger_contradiction
from ota_calibration.privacy.spending import LEDGER

from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config, restore_config
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.runs.checked_folder import read_checked_run
from sdr_ota.runs.checkpoint import CHECKPOINT, Checkpoint
from sdr_ota.runs.consistency import (
    check_config,
    check_limit,
    check_present,
    check_seeds,
    has_model,
)
from sdr_ota.runs.journal_check import journal_experiment
from sdr_ota.runs.read_records import RunFolderError
from sdr_ota.runs.run_folder import RunRecord

_ALWAYS_THERE = {"config", "config_digest", "config_file", "home"}
"""Of a start record: what the run is, and where the files that it names are."""


def checked_run(
    folder: Path, settings: Sequence[str] = ()
) -> tuple[RunRecord, Config, Checkpoint | None]:
    """Read a run folder and check all of it.

    Args:
        folder: The run folder.
        settings: What the user says on the command line; it vouches for plug-ins that it names.

    Returns:
        The run, the configuration it began with, and its checkpoint; None where no round was
        finished.

    Raises:
        RunFolderError: With the file that is missing, damaged, changed, or of another run.
        ConfigError: If this version cannot use the configuration.
    """
    run, saved = read_checked_run(folder)
    if missing := _ALWAYS_THERE - run.start.keys():
        raise RunFolderError(
            f"{folder / 'start.json'} has no {' and no '.join(sorted(missing))}: lines were lost, "
            "or another version of sdr-ota has written it; put the right one back"
        )
    config = restore_config(run.start.get("config"), settings)
    digest = config_digest(config)
    check_config(run, digest, run.start.get("config_digest", ""), folder / "start.json")
    if saved is not None:
        check_config(run, digest, saved.config_digest, folder / CHECKPOINT)
    if has_model(run):
        check_config(run, digest, *journal_experiment(folder))
    check_present(run)
    schedule = Schedule(config.run.rounds, config.run.seed)
    check_seeds(run, schedule.round_seed)
    check_limit(run, config.privacy.protect != "nothing")
    check_ledger(run, config, saved)
    return run, config, saved


def check_ledger(run: RunRecord, config: Config, saved: Checkpoint | None) -> None:
    """Refuse a ledger from which the rounds were not paid.

    Raises:
        RunFolderError: If it is missing, cut, older, or another run's.
    """
    path, is_private = run.folder / LEDGER, config.privacy.protect != "nothing"
    content = path.read_bytes() if path.is_file() else None
    digests = [result.ledger_digest for result in run.rounds]
    why = ledger_contradiction(content, digests, is_private)
    if saved is not None and saved.ledger_digest != digests[saved.next_round - 1]:
        why = why or f"{CHECKPOINT} was saved with another one than the rounds"
    if why:
        raise RunFolderError(
            f"{path}: {why}; what the run has spent is unknown: put the right file back, or treat "
            "the budget as spent and start a new run"
        )
