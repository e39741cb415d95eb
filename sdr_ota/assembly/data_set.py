"""Which data set a private run learns from, and where the ledgers of all its runs lie.

The data set is the whole source, before `data.train_limit` and whatever the split: an example that
one run left out may have been in another. On a node's machine it is the node's own file, or its
part of the built-in reviews.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ota_calibration.privacy.data_set_ledger import DataSet, standing_of
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.promise import Promise

from sdr_ota.assembly.learning import (
    BUILTIN,
    DATASETS,
    TRAIN,
    builtin_file,
    client_parts,
    hub_split,
    task_of,
)
from sdr_ota.assembly.privacy import unwritable
from sdr_ota.config.load import Config
from sdr_ota.config.tables import DataTable
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.bench_folder import state_folder
from sdr_ota.runs.new_folder import check_may_write

LEDGERS = "data-sets"


def data_set_of(config: Config, home: Path) -> DataSet | None:
    """Return the data set of a run whose clients are in this process.

    None where no promise is made, clients hold no examples, or they hold them elsewhere.

    Args:
        config: The experiment.
        home: Folder to which file names in it are relative.

    Raises:
        DataError: If the data cannot be used.
    """
    if not _has_examples(config) or config.clients.are_elsewhere:
        return None
    named = config.privacy.dataset_ledgers
    ledgers = home / Path(named).expanduser() if named else state_folder(LEDGERS)
    return _data_set(config, ledgers, _source_texts(config.data, home))


def within_owners_limit(
    data_set: DataSet | None, config: Config, owners: float | None
) -> DataSet | None:
    """Return a node's data set with the lower of two limits: the run's, and its owner's.

    Args:
        data_set: Of the node; None where there is none.
        config: Of the run.
        owners: Most epsilon of all runs; None where the owner says nothing.

    Raises:
        LedgerError: If the owner says something and the run makes no promise.
    """
    if owners is None:
        return data_set
    if config.privacy.protect == "nothing" and config.clients.source == "model":
        raise LedgerError(
            "this machine's owner lends its data to runs with a promise only (sdr-ota node "
            "--dataset-epsilon): set privacy.protect"
        )
    if data_set is None:
        return None
    limits = [limit for limit in (data_set.epsilon, owners) if limit is not None]
    return replace(data_set, epsilon=min(limits))


def data_set_of_node(config: Config, index: int, home: Path) -> DataSet | None:
    """Return the data set of one client on its own machine, whose ledgers lie there.

    Args:
        config: Of the run; file names in it are those of this machine.
        index: Which client this is.
        home: Folder to which file names are relative.

    Raises:
        DataError: If the data cannot be used.
    """
    if not _has_examples(config):
        return None
    if config.data.train != BUILTIN:
        return _data_set(config, state_folder(LEDGERS), _source_texts(config.data, home))
    part = client_parts(config, home, task_of(config.data))[index]
    texts = ((*example.fields.values(), example.label) for example in part)
    return _data_set(config, state_folder(LEDGERS), texts)


def data_set_rows(config: Config, home: Path, promise: Promise) -> list[tuple[str, str]]:
    """Return what a run's training data have told already, and what is left, for a person.

    Args:
        config: The experiment, with a promise.
        home: Folder to which file names in it are relative.
        promise: What it promises.

    Raises:
        LedgerError: If the data set's budget does not pay for the run, or cannot be known.
        CommandFailed: If the data cannot be used, or no ledger be kept.
    """
    if not _has_examples(config):
        return []
    if config.clients.are_elsewhere:
        return [("training data", "each node's machine keeps a ledger of its own")]
    from zo_core.data.examples import DataError  # noqa: PLC0415

    try:
        data_set = data_set_of(config, home)
    except DataError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    assert data_set is not None  # noqa: S101 - the clients hold examples, here
    try:
        check_may_write(data_set.folder)
    except CommandFailed as denied:
        text = f"{denied} with privacy.dataset_ledgers or XDG_STATE_HOME"
        raise CommandFailed(text, denied.exit_code) from denied
    try:
        standing = standing_of(data_set, promise)
    except OSError as error:
        raise unwritable(data_set, error) from error
    standing.check()
    limit = "" if standing.limit is None else f" of {standing.limit:g}"
    return [
        ("training data", f"{data_set.folder.name[:12]}: {standing.spent}"),
        ("with this run", f"epsilon {standing.total_epsilon:.3g}{limit}, {standing.terms}"),
        ("left for a run like this one", standing.left),
    ]


def _has_examples(config: Config) -> bool:
    return config.privacy.protect != "nothing" and config.clients.source != "synthetic"


def _data_set(config: Config, ledgers: Path, texts: Iterator[tuple[str, ...]]) -> DataSet:
    from zo_core.data.identity import content_id  # noqa: PLC0415 - the learning side is optional

    table, is_made_up = config.privacy, config.data.train == BUILTIN
    epsilon = table.dataset_epsilon or (None if is_made_up else table.epsilon)
    return DataSet(ledgers / content_id(texts), epsilon)


def _source_texts(table: DataTable, home: Path) -> Iterator[tuple[str, ...]]:
    """Yield the values of all columns of all training examples that there are."""
    from zo_core.data.examples import as_text, file_rows, hub_rows  # noqa: PLC0415

    if table.train.startswith(DATASETS):
        rows = hub_rows(table.train.removeprefix(DATASETS), hub_split(TRAIN))
    elif table.train == BUILTIN:
        rows = file_rows(builtin_file(TRAIN))
    else:
        rows = file_rows(home / Path(table.train).expanduser(), table.columns)
    return (tuple(as_text(value) for value in row.values.values()) for row in rows)
