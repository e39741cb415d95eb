"""The model of a run as a normal Hugging Face folder."""

from dataclasses import dataclass
from pathlib import Path

from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.assembly.learning import JOURNAL, task_of
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.consistency import has_model
from sdr_ota.runs.new_folder import check_new_folder
from sdr_ota.runs.run_folder import RunFolderError


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        model_name: Name of the base model.
        n_updates: Updates of the journal that were taken.
    """

    model_name: str
    n_updates: int


def export_run(path: Path, output: Path) -> Exported:
    """Replay a run's journal onto its base model and save what comes out.

    Raises:
        CommandFailed: If the run has no model, or model, journal or output cannot be used.
    """
    try:
        run, config, _ = checked_run(path)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if not has_model(run):
        raise CommandFailed(f"{path} has no model: its clients were synthetic", WRONG_USE)
    if all(result.mean_scalar is None for result in run.rounds):
        raise CommandFailed(f"{path} has no model yet: no round has moved it", WRONG_USE)
    journal = path / JOURNAL
    check_new_folder(output)
    return Exported(config.model.name, _export(config, journal, output))


def _export(config: Config, journal: Path, output: Path) -> int:
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
        return export_model(model, loaded.tokenizer, journal, output)
    except (
        DataError,
        Int8BaseError,
        JournalError,
        ModelUnavailableError,
        NothingToTrainError,
        OSError,
    ) as wrong:
        raise CommandFailed(str(wrong)) from wrong
