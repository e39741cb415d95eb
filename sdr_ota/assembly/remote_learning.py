"""Clients that compute on the machines of their nodes, with the data that lie there.

The server keeps a copy of the model, which takes every step and is scored on the held-out
examples. A machine that goes costs the round in which it went; its node is then left out. When
it is back it loads the base model, takes all steps of the journal, and is in again once its
weights have the server's checksum.
"""

from dataclasses import replace
from pathlib import Path

from sdr_ota.assembly.client_machines import Course, Machines
from sdr_ota.assembly.learning import Learning, training_of
from sdr_ota.assembly.trained_copy import load_scored, with_journal
from sdr_ota.assembly.trained_model import Progress
from sdr_ota.config.load import Config
from sdr_ota.failure import CommandFailed
from sdr_ota.radio.address import parse_address
from sdr_ota.radio.cluster import ClusterError, HostLost, connect
from zo_core.client import Cohort
from zo_core.directions.fingerprint import weight_checksum
from zo_core.stepping.rules import Update


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
    scored = load_scored(config, home, progress)
    base_checksum = weight_checksum(scored.model)
    training = training_of(config, 1.0)
    copy = with_journal(scored, journal_path, n_updates, training)
    updates = [*copy.past]

    def told(update: Update) -> None:
        copy.journal.append(update)
        updates.append(update)

    cohort = Cohort(
        scored.model, scored.objective.losses, [scored.held_out], training, told, copy.past
    )
    course = Course(
        config,
        base_checksum,
        updates,
        cohort.clients[0].apply,
        lambda: weight_checksum(scored.model),
    )
    try:
        machines = _machines(course)
    except BaseException:
        copy.journal.close()
        raise

    def close() -> None:
        machines.close()
        copy.journal.close()

    learning = copy.learning(machines.clients, lambda: cohort.at_step_boundary)
    return replace(learning, close=close, absent=machines.absent)


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
