"""The privacy ledger: every burst is paid for, on disk, before it leaves.

``charge`` returns only after the line is synced to the disk. Whatever happens
afterwards (an erasure, a crash, kill -9), the burst stays counted; what happens
before can only count a burst that never left. A round that is repeated, after
an erasure or a restart, is charged again.

A node far from the server may keep a ledger of its own with itself as the only
node. File locks are those of POSIX systems.
"""

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ota_calibration.privacy.ledger_record import (
    LedgerError,
    LedgerTerms,
    Tally,
    charge_line,
    tally_of,
    terms_line,
    terms_of,
)
from sdr_ota.process.closed_by_block import ClosedByBlock

# Costs are sums of many floats: a budget met up to this relative error is met.
ROUNDING = 1e-9


class BudgetSpent(RuntimeError):  # noqa: N818 - the word a run's stop record uses
    """A burst would cost a node more than it has left; it must not leave.

    Attributes:
        nodes: The nodes that cannot pay.
    """

    def __init__(self, message: str, nodes: Sequence[str]) -> None:
        super().__init__(message)
        self.nodes = tuple(nodes)


class Charges(Protocol):
    """What bursts are paid from."""

    def charge(self, round_index: int, cost: Mapping[str, float]) -> None:
        """Pay for one burst of every node named; see `Ledger.charge`."""
        ...


class Ledger(ClosedByBlock):
    """An open ledger; made by :func:`create_ledger` or :func:`resume_ledger`.

    Args:
        path: An existing ledger file.

    Raises:
        LedgerError: If another process has it open or its terms cannot be read.
        OSError: If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            _lock(self._file, path)
            first, *lines = path.read_bytes().split(b"\n")
            self._terms = terms_of(first)
            self._tally = tally_of(lines, self._terms)
            if lines and lines[-1]:
                _append(self._file, b"\n")  # ends a torn line, so that it stays one line
        except BaseException:
            os.close(self._file)
            raise
        self._usable = True

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def terms(self) -> LedgerTerms:
        """What the run may spend."""
        return self._terms

    @property
    def tally(self) -> Tally:
        """What was spent so far; to be read only."""
        return self._tally

    def remaining(self, node: str) -> float:
        """Return what ``node`` has left, never negative."""
        return max(self._terms.limits[node] - self._tally.spent[node], 0.0)

    def charge(self, round_index: int, cost: Mapping[str, float]) -> None:
        """Pay for one burst of every node named; the burst may leave once this returns.

        Args:
            round_index: Round of the burst, from 0; the same again is a retransmission.
            cost: By name of node, in the unit of the terms. A node that stays
                silent is not named.

        Raises:
            BudgetSpent: If a node would pass its limit; nothing is charged.
            ValueError: If a node is unknown, or a cost is negative, not finite or
                above ``burst_limit``; nothing is charged.
            LedgerError: If an earlier charge could not be written.
            OSError: If the line could not be written; the burst must not leave.
        """
        if not self._usable:
            raise LedgerError(f"{self._path} could not be written; repair the disk and resume")
        self._check_cost(cost)
        self._check_budget(cost)
        # Counted first: if writing fails halfway, memory must not know less than the file.
        self._usable = False
        attempt = self._tally.add(round_index, cost)
        _append(self._file, charge_line(round_index, attempt, cost))
        self._usable = True

    def close(self) -> None:
        """Release the file; the ledger cannot be used any more."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._usable = -1, False

    def _check_cost(self, cost: Mapping[str, float]) -> None:
        unknown = [node for node in cost if node not in self._terms.limits]
        if unknown or not cost:
            raise ValueError(
                f"cost names {sorted(cost)}, the ledger knows {sorted(self._terms.limits)}; name "
                "every node that sends"
            )
        most = self._terms.burst_limit
        bad = {n: value for n, value in cost.items() if not 0 <= value <= most * (1 + ROUNDING)}
        if bad:
            raise ValueError(
                f"cost {bad} is outside [0, {most}], the range of one burst; more noise or less "
                "power is needed, or other terms from the start"
            )

    def _check_budget(self, cost: Mapping[str, float]) -> None:
        spent, limits = self._tally.spent, self._terms.limits
        broke = [n for n, value in cost.items() if spent[n] + value > limits[n] * (1 + ROUNDING)]
        if broke:
            states = ", ".join(f"{n} has {self.remaining(n):.4g} of {limits[n]:.4g}" for n in broke)
            raise BudgetSpent(
                f"the privacy budget is spent: a burst costs up to {max(cost.values()):.4g} "
                f"{self._terms.unit}, {states} left; the burst was not sent",
                broke,
            )


def create_ledger(path: Path, terms: LedgerTerms) -> Ledger:
    """Start the ledger of a new run.

    Raises:
        LedgerError: If ``path`` exists: a ledger is never overwritten.
        OSError: If it cannot be written.
    """
    _place(path, terms_line(terms))
    return Ledger(path)


def copy_ledger(original: Ledger, path: Path) -> Ledger:
    """Begin a second ledger that says what another one says by now.

    Raises:
        LedgerError: If ``path`` exists: a ledger is never overwritten.
        OSError: If it cannot be written.
    """
    _place(path, original.path.read_bytes())
    return Ledger(path)


def resume_ledger(path: Path, terms: LedgerTerms) -> Ledger:
    """Continue the ledger of an interrupted run.

    Raises:
        LedgerError: If there is none, it cannot be read, another process has it
            open, or its terms are not ``terms``.
    """
    try:
        ledger = Ledger(path)
    except FileNotFoundError as missing:
        raise LedgerError(
            f"{path} is missing, so what the run has spent is unknown; start a new run"
        ) from missing
    different = _differences(ledger.terms, terms)
    if different:
        ledger.close()
        raise LedgerError(
            f"{path} belongs to another run, which differs in {', '.join(different)}; "
            "resume with the settings it was started with"
        )
    return ledger


def read_tally(path: Path) -> tuple[LedgerTerms, Tally]:
    """Return terms and tally of a ledger without opening it for charges.

    Raises:
        LedgerError: If its first line cannot be read.
        OSError: If the file cannot be read.
    """
    first, *lines = path.read_bytes().split(b"\n")
    terms = terms_of(first)
    return terms, tally_of(lines, terms)


def _differences(found: LedgerTerms, asked: LedgerTerms) -> list[str]:
    """Name the terms in which two ledgers differ."""
    pairs = {
        "limits": (found.limits, asked.limits),
        "burst_limit": (found.burst_limit, asked.burst_limit),
        "unit": (found.unit, asked.unit),
    }
    for name in sorted({*found.configuration, *asked.configuration}):
        pairs[name] = (found.configuration.get(name), asked.configuration.get(name))
    return [name for name, (one, other) in pairs.items() if one != other]


def _place(path: Path, content: bytes) -> None:
    """Make a ledger whose name appears only with all of it, and never over another file."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft_file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        _append(draft_file, content)
    finally:
        os.close(draft_file)
    try:
        os.link(draft, path)
    except FileExistsError as exists:
        raise LedgerError(f"{path} exists; resume that run or choose another folder") from exists
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise LedgerError(
            f"{path} is in use by another process; two runs cannot share it"
        ) from held


def _append(file: int, line: bytes) -> None:
    """Write ``line`` at the end and wait until the disk has it."""
    written = os.write(file, line)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes of a ledger line could be written")
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Make the folder's entry of a new file survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
