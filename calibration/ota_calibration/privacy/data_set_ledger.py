r"""What all runs on one data set have spent: a folder with a copy of every run's ledger.

The folder is called by the content of the data, so it does not matter where they lie. A run is let
in while nobody else is (a lock on the folder), if all that was spent and all that it may spend
itself is within the data set's budget. From then on it pays into its own ledger and into the
copy, both on disk before a burst leaves. What a run in progress may still spend is reserved for as
long as its process holds the copy; after that, however the process ended, only what was paid
counts. So two processes at once lose no charge, and a run folder that is deleted takes nothing
with it. A torn line counts as in the run's own ledger: as the dearest burst.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from ota_calibration.privacy.composition import Cost, cost_of, epsilon_left, total_cost
from ota_calibration.privacy.ledger import Ledger, copy_ledger, read_tally, resume_ledger
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.promise import Promise, promise_of
from sdr_ota.process.held_file import is_held, waiting_for

_ROUNDING = 1e-6
"""Relative error of an epsilon: a budget met up to it is met."""

_OWNER_ONLY = 0o700


@dataclass(frozen=True)
class DataSet:
    """Data that several runs may learn from.

    Attributes:
        folder: Of the ledgers of its runs; called by its content, made when it is needed.
        epsilon: Most that all runs together may spend; None for no limit.
    """

    folder: Path
    epsilon: float | None = None


@dataclass(frozen=True)
class Standing:
    """How a data set stands before a run.

    Attributes:
        promise: What the run promises.
        limit: Epsilon of all runs together; None for no limit.
        before: What the others have spent; those in progress count whole.
        n_runs: Others that have spent something.
        n_in_progress: Of them, those in progress.
    """

    promise: Promise
    limit: float | None
    before: Cost
    n_runs: int
    n_in_progress: int

    @cached_property
    def spent_epsilon(self) -> float:
        """Epsilon of the others, at the run's delta."""
        return self.before.epsilon(self.promise.delta)

    @cached_property
    def total_epsilon(self) -> float:
        """Epsilon of all runs, this one to its end, at its delta."""
        return self.total.epsilon(self.promise.delta)

    @cached_property
    def total(self) -> Cost:
        """What all runs cost, this one to its end."""
        return self.before + cost_of(self.promise)

    @property
    def spent(self) -> str:
        """Say what the others have spent."""
        if not self.n_runs:
            return "nothing by other runs"
        many = "1 run" if self.n_runs == 1 else f"{self.n_runs} runs"
        going = f", {self.n_in_progress} in progress and counted whole" * bool(self.n_in_progress)
        return f"epsilon {self.spent_epsilon:.3g} by {many}{going}"

    @property
    def terms(self) -> str:
        """Say what the sum is about."""
        total = self.total
        return (
            f"delta {self.promise.delta:g}, {total.unit} level ({total.relation}), trust "
            f"{total.trust}"
        )

    @property
    def left(self) -> str:
        """Say what is left for a run like this one."""
        if self.limit is None:
            return "no limit"
        left = epsilon_left(self.before, self.promise, self.limit)
        left = int(left * 1000) / 1000  # rounded down: what is shown may be asked for
        return f"epsilon {left:g}" if left else "nothing"

    def check(self) -> None:
        """Refuse the run if the data set's budget does not pay for all of it.

        Raises:
            LedgerError: With what was spent and what is left.
        """
        if self.limit is None or self.total_epsilon <= self.limit * (1 + _ROUNDING):
            return
        raise LedgerError(
            f"the training data's budget does not pay for this run: {self.spent} was spent of "
            f"epsilon {self.limit:g}, and with this one it would be {self.total_epsilon:.3g} "
            f"({self.terms}). What is left for a run like it, as privacy.epsilon: {self.left}; "
            "privacy.dataset_epsilon says what all runs on these data may spend together"
        )


@dataclass(frozen=True)
class PaidTwice:
    """Charges a run's own ledger and its copy among those of the data set.

    Attributes:
        own: In the run's folder.
        copy: In the data set's.
    """

    own: Ledger
    copy: Ledger

    def charge(self, round_index: int, cost: Mapping[str, float]) -> None:
        """Pay for a burst in both; see `Ledger.charge`."""
        self.copy.charge(round_index, cost)
        self.own.charge(round_index, cost)


def standing_of(data_set: DataSet, promise: Promise, run: str = "") -> Standing:
    """Return how a data set stands before a run.

    Args:
        data_set: What is learned from.
        promise: What the run promises.
        run: Its name if it has one already: it does not count among the others.

    Raises:
        LedgerError: If a ledger of the data set cannot be read.
        OSError: If a file cannot be read.
    """
    if not data_set.folder.is_dir():
        return Standing(promise, data_set.epsilon, Cost(), 0, 0)
    with waiting_for(data_set.folder / "lock"):
        return _standing(data_set, promise, run)


def enter_data_set(data_set: DataSet, promise: Promise, own: Ledger) -> Ledger:
    """Let a run in and return its ledger among those of the data set, open.

    Args:
        data_set: What is learned from.
        promise: What the run promises.
        own: The run's own ledger; what it holds already was spent before an interruption.

    Raises:
        LedgerError: If the budget does not pay for the run, or a ledger cannot be used.
        OSError: If the ledger cannot be written.
    """
    folder, run = data_set.folder, _name_of(own)
    for one in (folder.parent, folder):  # the name of the data, too, is for their owner only
        one.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
    path = folder / f"{run}.jsonl"
    with waiting_for(folder / "lock"):
        _standing(data_set, promise, run).check()
        if not path.exists():
            return copy_ledger(own, path)
        copy = resume_ledger(path, own.terms)
    if any(copy.tally.spent[node] < spent for node, spent in own.tally.spent.items()):
        copy.close()
        raise LedgerError(
            f"{path} says that the run has spent less than {own.path} says: it is an older copy, "
            "or lines were removed; put a copy of the run's own ledger in its place"
        )
    return copy


def _name_of(own: Ledger) -> str:
    """Return what a run's copy is called; ledgers of older versions name no run."""
    return own.terms.run or sha256(str(own.path.resolve()).encode()).hexdigest()[:16]


def _standing(data_set: DataSet, promise: Promise, run: str) -> Standing:
    others = list(_others(data_set.folder, run))
    costs = [cost for cost, _ in others if cost.mu_squared or cost.sampled]
    n_in_progress = sum(is_open for _, is_open in others)
    return Standing(promise, data_set.epsilon, total_cost(costs), len(costs), n_in_progress)


def _others(folder: Path, run: str) -> Iterator[tuple[Cost, bool]]:
    """Yield what every other run costs, and whether it is in progress."""
    for path in sorted(folder.iterdir()):  # a glob is silent on a folder that may not be listed
        if path.suffix != ".jsonl" or path.stem == run:
            continue
        is_open = is_held(path)
        try:
            terms, tally = read_tally(path)
            promise = promise_of(terms)
        except (LedgerError, ArithmeticError, KeyError, TypeError, ValueError) as broken:
            raise LedgerError(
                f"{path} cannot be read: {broken}. It is a copy of the ledger privacy.jsonl in the "
                f"folder of a run on the same data, whose first line holds {path.stem}: put that "
                "in its place"
            ) from broken
        spent = None if is_open else max(tally.spent.values())
        yield cost_of(promise, spent, terms.noise_multiplier or None), is_open
