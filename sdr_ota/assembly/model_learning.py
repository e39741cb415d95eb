"""From a config to what trains a language model: clients here, or the server's copy alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sdr_ota.assembly.learning import Learning
from sdr_ota.config.load import Config
from sdr_ota.failure import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from sdr_ota.assembly.server_copy import ServerCopy
    from sdr_ota.assembly.trained_model import Progress

_Loaded = TypeVar("_Loaded")


def model_learning(
    config: Config, home: Path, journal: Path, n_updates: int, progress: "Progress"
) -> Learning:
    """Load model and data, deal the data out, and keep a journal of the updates.

    Args:
        config: The experiment.
        home: Folder to which file names in the config are relative.
        journal: File for the journal; one that is there is replayed.
        n_updates: How many of its updates count; what follows them is cut off.
        progress: Told of the steps while a small model is prepared.

    Raises:
        CommandFailed: If model or data cannot be used.
    """

    def load() -> Learning:
        from sdr_ota.assembly.local_learning import local_learning  # noqa: PLC0415

        return local_learning(config, home, journal, n_updates, progress)

    return with_sentences(load)


def model_on_server(
    config: Config, home: Path, journal: Path, n_updates: int, progress: "Progress"
) -> "ServerCopy":
    """Load the server's copy of a model whose clients are on other machines.

    Takes and raises what `model_learning` does.
    """

    def load() -> "ServerCopy":
        from sdr_ota.assembly.server_copy import model_copy  # noqa: PLC0415

        return model_copy(config, home, journal, n_updates, progress)

    return with_sentences(load)


def with_sentences(load: Callable[[], _Loaded]) -> _Loaded:
    """Load something; what cannot be loaded is said in one sentence.

    Raises:
        CommandFailed: With it.
    """
    try:
        from zo_core.data.examples import DataError  # noqa: PLC0415 - torch is optional and slow
        from zo_core.data.folder_cache import CacheError  # noqa: PLC0415
        from zo_core.directions.device import DeviceError  # noqa: PLC0415
        from zo_core.language.int8_base import Int8BaseError  # noqa: PLC0415
        from zo_core.language.models import ModelUnavailableError  # noqa: PLC0415
        from zo_core.language.trainable import NothingToTrainError  # noqa: PLC0415
        from zo_core.stepping.journal import JournalError  # noqa: PLC0415
        from zo_core.stepping.weight_checkpoint import WeightsError  # noqa: PLC0415
    except ImportError as missing:
        raise CommandFailed(
            f"a language model needs the extra 'llm' ({missing.name} is missing): "
            "pip install 'sdr-ota[llm]'; without it, measure the link alone with "
            "--set clients.source=synthetic"
        ) from missing
    try:
        return load()
    except (
        DataError,
        DeviceError,
        Int8BaseError,
        ModelUnavailableError,
        NothingToTrainError,
        CacheError,
        JournalError,
        WeightsError,
    ) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except PermissionError as denied:
        raise CommandFailed(
            f"{denied.filename}: permission denied; see who may read and write there", WRONG_USE
        ) from denied
