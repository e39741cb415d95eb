"""From a config to the admission of rounds: a promise, a ledger, or no promise at all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ota_calibration.privacy.adjacency import Adjacency, Relation, Unit
from ota_calibration.privacy.data_set_ledger import DataSet, PaidTwice, enter_data_set
from ota_calibration.privacy.ledger import Charges, Ledger, create_ledger, resume_ledger
from ota_calibration.privacy.ledger_record import LedgerError, LedgerTerms, run_name
from ota_calibration.privacy.poisson_accountant import MissingAccountantError
from ota_calibration.privacy.private_encoder import PrivateEncoder
from ota_calibration.privacy.private_rounds import PrivateRounds, node_names
from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import BudgetSchedule, ScheduleName, round_levels
from ota_calibration.privacy.spending import LEDGER
from ota_calibration.privacy.trust import TrustModel

from sdr_ota.assembly.receiver_watch import watch_receiver
from sdr_ota.config.load import Config
from sdr_ota.config.parts import payload_of
from sdr_ota.config.privacy_check import sends_soft_signs
from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.encoder import OpenEncoder
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.node import SymbolEncoder
from sdr_ota.rounds.server import Admission, admit_all


@dataclass(frozen=True)
class Learned:
    """What the configuration alone does not say.

    Attributes:
        sampling_rate: Chance of an example to be in a batch.
        scalar_limit: Limit of a scalar in force.
        data_set: What a private run of this process learns from; None where there is none.
    """

    sampling_rate: float
    scalar_limit: float
    data_set: DataSet | None = None


def promise_for(config: Config, sampling_rate: float) -> Promise:
    """Return what a run promises.

    A sign may flip with a single example, however large the batch: behind the receiver's noise
    nothing is divided.

    Args:
        config: With ``privacy.protect`` other than "nothing".
        sampling_rate: Chance of an example to be in a batch.
    """
    table = config.privacy
    is_soft_sign = sends_soft_signs(table, config.link)
    return Promise(
        adjacency=Adjacency(Unit(table.protect), Relation(table.neighbours)),
        trust=TrustModel(table.trust),
        epsilon=table.epsilon,
        delta=table.delta,
        scalar_limit=config.link.fixed_scalar_limit(),
        batch_divisor=1 if is_soft_sign else config.clients.examples_per_round,
        sampling_rate=sampling_rate if table.is_subsampled else 1.0,
        n_rounds=config.run.rounds,
    )


def budget_schedule(config: Config) -> BudgetSchedule:
    """Return how a run spreads its budget over the rounds."""
    table = config.privacy
    name, n_clients = ScheduleName(table.schedule), config.clients.count
    return BudgetSchedule(name, table.contraction, n_clients, table.sign_error)


def _need_nothing(rounds_done: int) -> None:
    """Do nothing between rounds."""


@dataclass(frozen=True)
class Admitted:
    """What admits a run's rounds.

    Attributes:
        admit: Called before a round is transmitted.
        between_rounds: Called with the number of rounds that are over, while nobody sends.
    """

    admit: Admission
    between_rounds: Callable[[int], None] = _need_nothing


@contextmanager
def admission(
    config: Config,
    bench: Bench,
    link: Link,
    folder: Path,
    learned: Learned,
) -> Iterator[Admitted]:
    """Open what admits a run's rounds; a ledger in the folder is continued.

    Args:
        config: The experiment.
        bench: The radios.
        link: Frame and scheme.
        folder: Of the run.
        learned: What the configuration alone does not say.

    Raises:
        CommandFailed: If the accountant is missing, the ledger cannot be used, or the receiver's
            noise is to protect and cannot.
    """
    if config.privacy.protect == "nothing":
        yield Admitted(admit_all(partial(payload_of, config), learned.scalar_limit))
        return
    with ExitStack() as closing:
        try:
            promise = promise_for(config, learned.sampling_rate)
            terms = promise.ledger_terms(node_names(config.clients.count))
            ledger = closing.enter_context(_own_ledger(folder / LEDGER, terms))
            charges = paying(ledger, learned.data_set, promise, closing)
        except (MissingAccountantError, LedgerError) as wrong:
            raise CommandFailed(str(wrong)) from wrong
        done, watch = len(ledger.tally.attempts), None
        if promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED:
            watch = watch_receiver(config, bench, link, folder, done)
        spent = max(ledger.tally.spent.values())
        rounds = PrivateRounds(
            promise=promise,
            levels=round_levels(budget_schedule(config), promise, spent, done),
            ledger=charges,
            payload_of=partial(payload_of, config),
            receiver=watch.noise if watch else None,
        )
        yield Admitted(rounds.admit, watch.renew if watch else _need_nothing)


def encoder_of(
    config: Config, node: int, sampling_rate: float, ledger: Charges | None = None
) -> SymbolEncoder:
    """Return what makes a node's symbols, and refuses orders that it may not follow.

    Args:
        config: The experiment.
        node: Its place among the nodes.
        sampling_rate: Chance of an example to be in a batch.
        ledger: The node's own; None where the server's account is on the same machine.
    """
    payload, peak = partial(payload_of, config), config.link.peak_amplitude
    if config.privacy.protect == "nothing":
        return OpenEncoder(payload, peak)
    promise = promise_for(config, sampling_rate)
    name, n_nodes = node_names(node + 1)[node], config.clients.count
    return PrivateEncoder(promise, payload, peak, name, n_nodes, ledger)


def node_ledger(
    config: Config, node: int, sampling_rate: float, folder: Path, must_be_there: bool
) -> Ledger | None:
    """Open the ledger of one node on its own machine; None where no promise is made.

    Args:
        config: Of the run.
        node: Its place among the nodes.
        sampling_rate: Chance of an example to be in a batch.
        folder: Of the run's ledgers on this machine; it is made.
        must_be_there: Whether the node has taken part in this run before.

    Raises:
        LedgerError: If the ledger belongs to another promise, cannot be read or is missing.
    """
    if config.privacy.protect == "nothing":
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = node_names(node + 1)[node]
    terms = promise_for(config, sampling_rate).ledger_terms((name,))
    return _own_ledger(folder / f"{name}.jsonl", terms, must_be_there)


def paying(own: Ledger, data_set: DataSet | None, promise: Promise, closing: ExitStack) -> Charges:
    """Return what a run's bursts are charged to: its own ledger, and those of its data set.

    Args:
        own: The run's own ledger.
        data_set: What it learns from; None where there is none.
        promise: What it promises.
        closing: Closes the ledger that is opened here.

    Raises:
        LedgerError: If the data set's budget does not pay for the run, or its ledgers cannot be
            used.
    """
    if data_set is None:
        return own
    try:
        copy = closing.enter_context(enter_data_set(data_set, promise, own))
    except OSError as error:
        raise unwritable(data_set, error) from error
    return PaidTwice(own, copy)


def unwritable(data_set: DataSet, error: OSError) -> LedgerError:
    """Return the error of ledgers that the disk or a mode keeps from being used."""
    return LedgerError(
        f"what runs spend on the training data cannot be kept in {data_set.folder.parent} "
        f"({error.strerror or error}): set privacy.dataset_ledgers or XDG_STATE_HOME to a folder "
        "of your own with room"
    )


def _own_ledger(path: Path, terms: LedgerTerms, must_be_there: bool = False) -> Ledger:
    if must_be_there or path.exists():
        return resume_ledger(path, terms)
    return create_ledger(path, replace(terms, run=run_name()))
