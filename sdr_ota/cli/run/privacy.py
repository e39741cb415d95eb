"""From a config to the admission of rounds: a promise, a ledger, or no promise at all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ota_calibration.adjacency import Adjacency, Relation, Unit
from ota_calibration.ledger import Ledger, create_ledger, read_tally, resume_ledger
from ota_calibration.ledger_record import LedgerError, tally_of, terms_of
from ota_calibration.poisson_accountant import COARSE_LOSS_STEP, MissingAccountantError
from ota_calibration.power_control import within_power
from ota_calibration.private_rounds import PrivateRounds, ReceiverNoise, node_names
from ota_calibration.promise import Promise, promise_of
from ota_calibration.receiver_noise import measure_noise_bound
from ota_calibration.round_levels import ScheduleName, round_levels
from ota_calibration.trust import TrustModel

from sdr_ota.cli.bench import payload_of
from sdr_ota.cli.failure import CommandFailed
from sdr_ota.config import Config
from sdr_ota.exchange import Bench, Link
from sdr_ota.experiment import Admission, admit_all

LEDGER = "privacy.jsonl"

N_SPENDING_POINTS, N_SUBSAMPLED_POINTS = 25, 8
"""Of the curve of what was spent: each asks the accountant, which takes its time for samples."""


def promise_for(config: Config, sampling_rate: float) -> Promise:
    """Return what a run promises.

    Args:
        config: With ``privacy.protect`` other than "nothing".
        sampling_rate: Chance of an example to be in a batch.
    """
    table = config.privacy
    return Promise(
        adjacency=Adjacency(Unit(table.protect), Relation(table.neighbours)),
        trust=TrustModel(table.trust),
        epsilon=table.epsilon,
        delta=table.delta,
        scalar_limit=config.link.scalar_limit,
        batch_divisor=config.clients.examples_per_round,
        sampling_rate=sampling_rate if table.is_subsampled else 1.0,
        n_rounds=config.run.rounds,
    )


@contextmanager
def admission(
    config: Config, bench: Bench, link: Link, folder: Path, sampling_rate: float
) -> Iterator[Admission]:
    """Open what admits a run's rounds; a ledger in the folder is continued.

    Raises:
        CommandFailed: If the accountant is missing or the ledger cannot be used.
    """
    peak = config.link.peak_amplitude
    if config.privacy.protect == "nothing":
        yield within_power(admit_all(payload_of(config, config.link.scalar_limit)), peak)
        return
    try:
        promise = promise_for(config, sampling_rate)
        ledger = _open_ledger(folder / LEDGER, promise, config.clients.count)
    except (MissingAccountantError, LedgerError) as wrong:
        raise CommandFailed(str(wrong)) from wrong
    with ledger:
        rounds = PrivateRounds(
            promise=promise,
            levels=round_levels(
                ScheduleName(config.privacy.schedule),
                promise,
                config.privacy.contraction,
                spent=max(ledger.tally.spent.values()),
                done=len(ledger.tally.attempts),
            ),
            ledger=ledger,
            payload_of=lambda largest: payload_of(config, largest),
            receiver=_receiver_noise(config, bench, link),
        )
        yield within_power(rounds.admit, peak)


def _open_ledger(path: Path, promise: Promise, n_nodes: int) -> Ledger:
    terms = promise.ledger_terms(node_names(n_nodes))
    return resume_ledger(path, terms) if path.exists() else create_ledger(path, terms)


def _receiver_noise(config: Config, bench: Bench, link: Link) -> ReceiverNoise | None:
    if TrustModel(config.privacy.trust) is not TrustModel.CHANNEL_NOISE_TRUSTED:
        return None
    alone = config.privacy.noise == "receiver"
    return ReceiverNoise(measure_noise_bound(bench, link), link.frame.n_payload_chips, alone)


@dataclass(frozen=True)
class Spending:
    """How a run spent its privacy budget.

    Attributes:
        promised: Epsilon of the whole run.
        curve: Rounds paid for, and epsilon spent by then.
    """

    promised: float
    curve: Sequence[tuple[int, float]]


def privacy_spending(folder: Path) -> Spending | None:
    """Return how a run's ledger grew, the end included; None where no promise was made.

    Raises:
        LedgerError: If its first line cannot be read.
    """
    path = folder / LEDGER
    if not path.is_file():
        return None
    first, *lines = path.read_bytes().split(b"\n")
    lines = [line for line in lines if line.strip()]
    terms = terms_of(first)
    promise = promise_of(terms)
    n_points = N_SUBSAMPLED_POINTS if promise.is_subsampled else N_SPENDING_POINTS
    ends = np.unique(np.linspace(0, len(lines), n_points).round().astype(int))
    spent = (promise.spent_epsilon(tally_of(lines[:n], terms), COARSE_LOSS_STEP) for n in ends)
    return Spending(promise.epsilon, list(zip(ends.tolist(), spent, strict=True)))


def epsilon_spent(folder: Path) -> float | None:
    """Return what a run's ledger has spent so far; None where no promise was made.

    Raises:
        LedgerError: If its first line cannot be read.
    """
    path = folder / LEDGER
    if not path.is_file():
        return None
    terms, tally = read_tally(path)
    return promise_of(terms).spent_epsilon(tally, COARSE_LOSS_STEP)


def privacy_spent(folder: Path) -> str | None:
    """Return what a run's ledger says in one line; None where no promise was made."""
    path = folder / LEDGER
    if not path.is_file():
        return None
    terms, tally = read_tally(path)
    promise = promise_of(terms)
    return (
        f"epsilon {promise.spent_epsilon(tally):.2f} of {promise.epsilon:g} at delta "
        f"{promise.delta:g}, {promise.adjacency.unit} level ({promise.adjacency.relation}), trust "
        f"{promise.trust}; {tally.n_bursts} bursts paid for"
    )
