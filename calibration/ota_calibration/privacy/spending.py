"""What the ledger of a run folder has spent, for tables, pages and figures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ota_calibration.privacy.ledger import read_tally
from ota_calibration.privacy.ledger_record import LedgerError, Tally, tally_of, terms_of
from ota_calibration.privacy.poisson_accountant import COARSE_LOSS_STEP
from ota_calibration.privacy.promise import Promise, promise_of

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


@contextmanager
def _terms_may_be_damaged() -> Iterator[None]:
    """Say in one sentence that the terms of a ledger make no promise that can be worked out.

    Raises:
        LedgerError: For whatever else working with them raises.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise LedgerError(
            f"the ledger's first line is damaged, so what was spent is unknown: {wrong}"
        ) from wrong


@_terms_may_be_damaged()
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


@_terms_may_be_damaged()
def epsilon_spent(folder: Path) -> float | None:
    """Return what a run's ledger has spent so far; None where no promise was made.

    Raises:
        LedgerError: If its first line cannot be read.
    """
    if (found := _promise_and_tally(folder)) is None:
        return None
    promise, tally = found
    return promise.spent_epsilon(tally, COARSE_LOSS_STEP)


@_terms_may_be_damaged()
def privacy_spent(folder: Path) -> str | None:
    """Return what a run's ledger says in one line; None where no promise was made.

    Raises:
        LedgerError: If its first line cannot be read.
    """
    if (found := _promise_and_tally(folder)) is None:
        return None
    promise, tally = found
    return (
        f"epsilon {promise.spent_epsilon(tally):.2f} of {promise.epsilon:g} at delta "
        f"{promise.delta:g}, {promise.adjacency.unit} level ({promise.adjacency.relation}), trust "
        f"{promise.trust}; {tally.n_bursts} bursts paid for"
    )


def _promise_and_tally(folder: Path) -> tuple[Promise, Tally] | None:
    path = folder / LEDGER
    if not path.is_file():
        return None
    terms, tally = read_tally(path)
    return promise_of(terms), tally
