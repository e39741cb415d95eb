"""What the ledger of a run folder has spent, for tables, pages and figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ota_calibration.privacy.ledger import read_tally
from ota_calibration.privacy.ledger_record import tally_of, terms_of
from ota_calibration.privacy.poisson_accountant import COARSE_LOSS_STEP
from ota_calibration.privacy.promise import promise_of

LEDGER = "privacy.jsonl"

N_SPENDING_POINTS, N_SUBSAMPLED_POINTS = 25, 8
"""Of the curve of what was spent: each asks the accountant, which takes its time for samples."""


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
