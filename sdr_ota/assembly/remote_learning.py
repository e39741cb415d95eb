"""Clients that compute on the machines of their nodes, with the data that lie there.

The server keeps a copy of the model, which takes every step and is scored on the held-out
examples. A machine that goes costs the round in which it went; its node is then left out. When
it is back it loads the base model, takes all steps of the journal, and is in again once its
weights have the server's checksum.
"""

from contextlib import nullcontext
from pathlib import Path

from sdr_ota.assembly.client_machines import Course, Machines
from sdr_ota.assembly.learning import (
    SMALL_MODEL,
    WEIGHTS,
    Learning,
    Progress,
    examples_of,
    open_journal,
    task_of,
    training_of,
)
from sdr_ota.assembly.objective import objective_of
from sdr_ota.assembly.trained_model import choose_trainable, load_base
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.address import parse_address
from sdr_ota.radio.cluster import ClusterError, HostLost, connect
from zo_core.client import Cohort, LossNotFiniteError
from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.threads import one_thread
from zo_core.stepping.rules import Update
from zo_core.stepping.update import UpdateNotFiniteError
from zo_core.stepping.weight_checkpoint import save_weights


def remote_learning(
    config: Config, home: Path, journal_path: Path, n_updates: int, progress: Progress
) -> Learning:
    """Load the server's copy of the model, and let every machine load its own.

    Args:
        config: The experiment.
        home: Folder to which the held-out file's name is relative.
        journal_path: File for the journal; one that is there is replayed.
        n_updates: How many of its updates count.
        progress: Told of the steps while a small model is prepared.

    Raises:
        CommandFailed: If a machine is not there or does not compute as this one does.
    """
    task = task_of(config.data)
    held_out = examples_of(config.data.held_out, "test", config.data.held_out_limit, task, home)
    loaded = load_base(config, task, progress)
    model, objective = choose_trainable(config, loaded), objective_of(config, task, loaded)
    base_checksum, encoded = weight_checksum(model), objective.encode(held_out)
    training = training_of(config, 1.0)
    journal, past = open_journal(journal_path, n_updates, model, training, config_digest(config))
    updates = [*past]

    def told(update: Update) -> None:
        journal.append(update)
        updates.append(update)

    copy = Cohort(model, objective.losses, [encoded], training, told, past)
    course = Course(
        config, base_checksum, updates, copy.clients[0].apply, lambda: weight_checksum(model)
    )
    try:
        machines = _machines(course)
    except BaseException:
        journal.close()
        raise

    def evaluate() -> float:
        if copy.at_step_boundary:
            journal.append_checkpoint(model)
            save_weights(model, journal_path.with_name(WEIGHTS), journal.n_updates)
        return objective.score(model, encoded)

    def close() -> None:
        machines.close()
        journal.close()

    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    is_small = sum(size for size, _ in sizes) < SMALL_MODEL
    return Learning(
        clients=machines.clients,
        n_parameters=sum(size for size, learns in sizes if learns),
        evaluate=evaluate,
        score_name=objective.score_name,
        threads=one_thread if is_small else nullcontext,
        at_step_boundary=lambda: copy.at_step_boundary,
        close=close,
        failures=(LossNotFiniteError, UpdateNotFiniteError),
        absent=machines.absent,
    )


def _machines(course: Course) -> Machines:
    """Let the machines of all nodes join.

    Raises:
        CommandFailed: If one is not there or differs.
    """
    hosts = [parse_address(address)["host"] for address in course.config.radio.nodes]
    try:
        connect()
        return Machines(course, hosts)
    except (ClusterError, HostLost) as missing:
        raise CommandFailed(str(missing)) from missing
