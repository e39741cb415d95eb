"""Whether files of examples have the columns that their task reads, seen by their first example."""

from itertools import islice
from pathlib import Path

from sdr_ota.assembly.learning import BUILTIN, DATASETS, task_of
from sdr_ota.config.load import Config
from sdr_ota.failure import WRONG_USE, CommandFailed


def check_headers(config: Config, home: Path) -> list[str]:
    """Read the first example of every file that is used on this machine.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.

    Returns:
        A sentence for every file that is not there (yet).

    Raises:
        CommandFailed: If one lacks a column, or cannot be read.
    """
    if config.clients.source == "synthetic":
        return []
    from zo_core.data.examples import DataError, examples_from, file_rows  # noqa: PLC0415

    table, missing = config.data, []
    has_training = not config.clients.are_elsewhere
    for source in dict.fromkeys((*[table.train] * has_training, table.held_out)):
        if source == BUILTIN or source.startswith(DATASETS):
            continue
        path = home / Path(source).expanduser()
        try:
            if _is_missing(path):
                missing.append(f"there is no data file {path} yet; a run needs it")
                continue
            task, first = task_of(table), islice(file_rows(path, table.columns), 1)
            examples_from(first, task.columns, task.label_column, str(path))
        except DataError as wrong:
            raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return missing


def _is_missing(path: Path) -> bool:
    """Return whether nothing is there; of a place that may not be looked at nobody knows."""
    try:
        return not path.exists()
    except OSError:
        return False
