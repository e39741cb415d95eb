"""The server's side of a run whose nodes are on other machines.

The server keeps a copy of the model, which takes every step and is scored on the held-out
examples. It has no data of the clients and sees no scalar.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from ota_calibration.privacy.ledger import BudgetSpent
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.private_encoder import OrderRefused

from sdr_ota.assembly.learning import Learning, sampling_rate_of, training_of
from sdr_ota.assembly.node_actor import NodeActor
from sdr_ota.assembly.node_client import FINGERPRINT_SEED, updates_to_bytes
from sdr_ota.assembly.objective import probe_passes
from sdr_ota.assembly.trained_copy import load_scored, with_journal
from sdr_ota.assembly.trained_model import Progress
from sdr_ota.config.digest import config_digest
from sdr_ota.config.load import Config
from sdr_ota.erasure import Erasure
from sdr_ota.failure import NO_RADIO, CommandFailed
from sdr_ota.radio.address import at_host
from sdr_ota.radio.base import RadioError
from sdr_ota.remote.cluster import ClusterError, HostLost, connect
from sdr_ota.remote.joining import Joined, JoinOrder, check_alike
from sdr_ota.remote.ray_node import FREED_S, Course, RayNode
from sdr_ota.remote.wire import Errors, NodeFailed
from sdr_ota.rounds.encoder import PowerLimitError
from zo_core.client import Cohort, LossNotFiniteError
from zo_core.data.examples import DataError
from zo_core.directions.device import DeviceError
from zo_core.directions.fingerprint import direction_fingerprint, weight_checksum
from zo_core.language.models import ModelUnavailableError
from zo_core.stepping.rules import Update
from zo_core.stepping.update import UpdateNotFiniteError

ERRORS: Errors = {
    "BudgetSpent": lambda text: BudgetSpent(text, ()),
    "DataError": DataError,
    "DeviceError": DeviceError,
    "Erasure": lambda text: Erasure("radio", text),
    "LedgerError": LedgerError,
    "LossNotFiniteError": LossNotFiniteError,
    "ModelUnavailableError": ModelUnavailableError,
    "OrderRefused": OrderRefused,
    "PowerLimitError": PowerLimitError,
    "UpdateNotFiniteError": UpdateNotFiniteError,
}
"""What a node may raise, by name."""

REFUSALS = (DataError, LedgerError, NodeFailed, OrderRefused, PowerLimitError)
"""What ends a run in a sentence when a node raises it in a round."""


@dataclass(frozen=True)
class ServerCopy:
    """The server's learning side, and what its nodes must agree with.

    Attributes:
        learning: Scores the server's copy of the model; it has a follower and no clients.
        course: For the nodes.
        fingerprint: Of the directions that it makes; empty without a model.
        base_checksum: Of the weights before the first step; empty without a model.
    """

    learning: Learning
    course: Course
    fingerprint: str = ""
    base_checksum: str = ""


def model_copy(
    config: Config, home: Path, journal_path: Path, n_updates: int, progress: Progress
) -> ServerCopy:
    """Load the server's copy of the model.

    Args:
        config: The experiment.
        home: Folder to which the held-out file's name is relative.
        journal_path: File for the journal; one that is there is replayed.
        n_updates: How many of its updates count.
        progress: Told of the steps while a small model is prepared.
    """
    scored = load_scored(config, home, progress)
    base_checksum, fingerprint = (
        weight_checksum(scored.model),
        direction_fingerprint(FINGERPRINT_SEED, str(scored.device)),
    )
    sampling_rate = sampling_rate_of(config, home)
    training = training_of(config, sampling_rate, probe_passes(config, scored.model))
    copy = with_journal(scored, journal_path, n_updates, training, config_digest(config))
    updates: list[Update] = [*copy.past]

    def stepped(update: Update, moved_share: float | None) -> None:
        copy.append(update, moved_share)
        updates.append(update)

    cohort = Cohort(
        scored.model, scored.objective.losses, [scored.held_out], training, stepped, copy.past
    )
    course = Course(
        NodeActor,
        lambda host, joined: check_alike(host, joined, fingerprint, base_checksum),
        lambda: len(updates),
        lambda first: updates_to_bytes(updates[first:]),
        lambda: weight_checksum(scored.model),
        ERRORS,
    )
    learning = copy.learning((), lambda: cohort.at_step_boundary)
    learning = replace(
        learning,
        followers=cohort.clients,
        sampling_rate=sampling_rate,
        failures=(*learning.failures, *REFUSALS),
    )
    return ServerCopy(learning, course, fingerprint, base_checksum)


def modelless_copy() -> ServerCopy:
    """Return the server's side of a run without a model."""

    def check(host: str, joined: Joined) -> None:
        check_alike(host, joined, "", "")

    return ServerCopy(Learning((), failures=REFUSALS), Course(NodeActor, check, errors=ERRORS))


def join_nodes(
    config: Config, course: Course, run_id: str, is_continued: bool = False
) -> tuple[RayNode, ...]:
    """Let the machines of all nodes join, all at the same time.

    Args:
        config: The experiment.
        course: What the nodes must agree with.
        run_id: Names the run.
        is_continued: Whether they have joined it before, so that private ones have ledgers.

    Raises:
        CommandFailed: If one is not there or does not compute as this machine does.
    """
    told = msgspec.json.encode(config.model_dump(mode="json"))
    places = [at_host(address) for address in config.radio.nodes]
    with ExitStack() as joined:
        try:
            connect()
            nodes = [
                RayNode(course, host, JoinOrder(told, index, address, run_id, is_continued))
                for index, (host, address) in enumerate(places)
            ]
            for node in nodes:
                joined.callback(node.close)
                node.begin_join(FREED_S)
            for node in nodes:
                node.end_join()
            for node in nodes:
                node.end_follow()
        except (ClusterError, HostLost, RadioError) as missing:
            raise CommandFailed(str(missing), NO_RADIO) from missing
        except (
            DataError,
            DeviceError,
            LedgerError,
            ModelUnavailableError,
            NodeFailed,
        ) as wrong:
            raise CommandFailed(str(wrong)) from wrong
        joined.pop_all()
    return tuple(nodes)
