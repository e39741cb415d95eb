r"""What a privacy ledger holds: its terms, its lines, and how they add up.

The file is JSON lines. The first line states the terms; every further line is
one burst, written before the burst left:

    {"ledger": 1, "unit": "mu-squared", "burst_limit": 0.01, "limits": {...}, ...}
    {"round": 0, "attempt": 1, "cost": {"node-0": 0.002, "node-1": 0.002}}

A line that cannot be read (power failed while it was written) counts as a burst
that cost every node the most that any burst may cost.
"""

import json
import math
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

FORMAT_VERSION = 1

Setting: TypeAlias = str | int | float | bool


class LedgerError(RuntimeError):
    """The ledger cannot be trusted or does not belong to this run."""


@dataclass(frozen=True, slots=True)
class LedgerTerms:
    """What a run may spend; a ledger is only continued under the same terms.

    Attributes:
        limits: Most that each node may spend in the whole run, by name of node.
        burst_limit: Most that one burst may cost a node; a torn line costs this.
        configuration: What else the claim rests on: delta, trust model,
            adjacency, scalar limit, divisor, digest of the experiment file.
        unit: What costs are counted in. ``mu-squared`` adds up exactly without
            subsampling; under Poisson batches count ``bursts`` of one fixed noise.
        run: Tells the run from all others on the same data, as of `run_name`; empty in ledgers
            of older versions.
    """

    limits: Mapping[str, float]
    burst_limit: float
    configuration: Mapping[str, Setting] = field(default_factory=dict)
    unit: str = "mu-squared"
    run: str = ""

    def __post_init__(self) -> None:
        values = (self.burst_limit, *self.limits.values())
        if not self.limits or not all(0 < value < math.inf for value in values):
            raise ValueError(
                f"burst_limit = {self.burst_limit} and limits = {dict(self.limits)} must be "
                "positive and finite, for at least one node"
            )
        if not re.fullmatch("[0-9a-f]*", self.run):  # a file is called by it
            raise ValueError(f"run = {self.run!r} must be hexadecimal digits")


@dataclass(slots=True)
class Tally:
    """What the bursts of a ledger cost so far.

    Attributes:
        spent: By name of node, in the unit of the terms.
        attempts: Bursts by round; more than one means retransmissions.
        n_unreadable: Lines that count as the dearest burst.
    """

    spent: dict[str, float]
    attempts: dict[int, int] = field(default_factory=dict)
    n_unreadable: int = 0

    @property
    def n_bursts(self) -> int:
        """Bursts charged, unreadable lines included."""
        return sum(self.attempts.values()) + self.n_unreadable

    def add(self, round_index: int, cost: Mapping[str, float]) -> int:
        """Count one burst and return which attempt of its round it is, from 1."""
        for node, value in cost.items():
            self.spent[node] += value
        self.attempts[round_index] = self.attempts.get(round_index, 0) + 1
        return self.attempts[round_index]


def run_name() -> str:
    """Return a name for a new run that no other run has."""
    return secrets.token_hex(8)


def terms_line(terms: LedgerTerms) -> bytes:
    """Return the first line of a ledger."""
    return _line({"ledger": FORMAT_VERSION, **asdict(terms)})


def charge_line(round_index: int, attempt: int, cost: Mapping[str, float]) -> bytes:
    """Return the line of one burst."""
    return _line({"round": round_index, "attempt": attempt, "cost": dict(cost)})


def terms_of(line: bytes) -> LedgerTerms:
    """Return the terms that a first line states.

    Raises:
        LedgerError: If it does not; then nothing can be said about what was spent.
    """
    try:
        stated = json.loads(line)
        if stated.pop("ledger") != FORMAT_VERSION:
            raise LedgerError(f"the ledger is not of format {FORMAT_VERSION}")
        return LedgerTerms(**stated)
    except (ArithmeticError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise LedgerError(
            "the ledger's first line cannot be read, so what was spent is unknown; "
            "treat the budget as spent"
        ) from broken


def tally_of(lines: Iterable[bytes], terms: LedgerTerms) -> Tally:
    """Add up the lines that follow the first; blank lines count nothing."""
    tally = Tally(dict.fromkeys(terms.limits, 0.0))
    for line in lines:
        if not line.strip():
            continue
        charge = _charge_of(line, terms)
        if charge is None:
            _count_dearest(tally, terms)
        else:
            tally.add(*charge)
    return tally


def _count_dearest(tally: Tally, terms: LedgerTerms) -> None:
    tally.n_unreadable += 1
    for node in tally.spent:
        tally.spent[node] += terms.burst_limit


def _charge_of(line: bytes, terms: LedgerTerms) -> tuple[int, dict[str, float]] | None:
    """Return round and cost of a line, or None if it is not a whole, sane charge."""
    try:
        stated = json.loads(line)
        round_index = int(stated["round"])
        cost = {str(node): float(value) for node, value in stated["cost"].items()}
    except (ArithmeticError, ValueError, TypeError, KeyError, AttributeError):
        return None
    sane = all(node in terms.limits and 0 <= value < math.inf for node, value in cost.items())
    return (round_index, cost) if sane and cost else None


def _line(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, allow_nan=False, separators=(", ", ": ")).encode() + b"\n"
