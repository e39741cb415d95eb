"""The model of a run as a normal Hugging Face folder."""

from dataclasses import dataclass
from pathlib import Path

from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.assembly.learning import JOURNAL, task_of
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.best import best_evaluation
from sdr_ota.runs.consistency import has_model
from sdr_ota.runs.new_folder import check_new_folder
from sdr_ota.runs.run_folder import RunFolderError, read_evaluations


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        model_name: Name of the base model.
        n_updates: Updates of the journal that were taken.
    """

    model_name: str
    n_updates: int


def best_rounds(path: Path) -> int:
    """Return after how many rounds a run's model did best on the held-out examples.

    Raises:
        CommandFailed: If the folder cannot be read, or the model was never evaluated.
    """
    try:
        best = best_evaluation(read_evaluations(path))
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if best is None:
        raise CommandFailed(f"{path} has no best model: it was never evaluated", WRONG_USE)
    return best.rounds_done


def export_run(path: Path, output: Path, n_rounds: int | None = None) -> Exported:
    """Replay a run's journal onto its base model and save what comes out.

    Args:
        path: The run folder.
        output: Folder to write the model to.
        n_rounds: Rounds after which the model is wanted; all by default.

    Raises:
        CommandFailed: If the run has no model, or model, journal or output cannot be used.
    """
    try:
        run, config, _ = checked_run(path)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if not has_model(run):
        raise CommandFailed(f"{path} has no model: its clients were synthetic", WRONG_USE)
    if not any(result.mean_scalars for result in run.rounds):
        raise CommandFailed(f"{path} has no model yet: no round has moved it", WRONG_USE)
    journal = path / JOURNAL
    counted = run.rounds[:n_rounds]
    n_updates = n_rounds and sum(len(result.mean_scalars) for result in counted)
    check_new_folder(output)
    return Exported(config.model.name, _export(config, journal, output, n_updates))


def _export(config: Config, journal: Path, output: Path, n_updates: int | None) -> int:
    from sdr_ota.assembly.trained_model import choose_trainable, load_base  # noqa: PLC0415
    from zo_core.data.examples import DataError  # noqa: PLC0415
    from zo_core.export import export_model  # noqa: PLC0415 - torch is optional and slow
    from zo_core.language.int8_base import Int8BaseError  # noqa: PLC0415
    from zo_core.language.models import ModelUnavailableError  # noqa: PLC0415
    from zo_core.language.trainable import NothingToTrainError  # noqa: PLC0415
    from zo_core.stepping.journal import JournalError  # noqa: PLC0415

    try:
        loaded = load_base(config, task_of(config.data), lambda *_: None)
        model = choose_trainable(config, loaded)
        return export_model(model, loaded.tokenizer, journal, output, n_updates)
    except (
        DataError,
        Int8BaseError,
        JournalError,
        ModelUnavailableError,
        NothingToTrainError,
        OSError,
    ) as wrong:
        raise CommandFailed(str(wrong)) from wrong
