"""What all benchmarks share: figures as rows in one form, and `--quick`.

Every figure stands beside a peer of the same run: what is compared is their ratio. Where
the environment variable BENCH_ROWS names a file, rows are appended to it as JSON lines;
`benchmarks/page.py` collects them.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROWS = "BENCH_ROWS"


@dataclass(frozen=True)
class Row:
    """One figure beside its peer.

    Attributes:
        what: What was measured.
        ours: Its figure.
        peer: What it is compared with.
        theirs: The peer's figure, in the same unit.
        unit: Of both: s, MiB, ...; a cost, so that a ratio below 1 is in our favour.
        setting: Size, number format, ...: what both had in common.
        ratios: Ours over theirs of each turn, where both were measured in turn: what
            `committed.py` judges by. Empty where they were not.
    """

    what: str
    ours: float
    peer: str
    theirs: float
    unit: str
    setting: str = ""
    ratios: Sequence[float] = ()

    @property
    def ratio(self) -> float:
        """Ours over theirs."""
        return self.ours / self.theirs


def emit(*rows: Row) -> None:
    """Hand rows to the page that collects them, if there is one."""
    if path := os.environ.get(ROWS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def in_turn_s(works: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Return the wall times of some works, each done once a turn: noise meets all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - began)
    return times


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio of every turn."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def parsed(parser: argparse.ArgumentParser, **quick: object) -> argparse.Namespace:
    """Parse the command line; ``--quick`` changes the defaults.

    Args:
        parser: With all other options.
        quick: Their values for a small and rough measurement.
    """
    parser.add_argument("--quick", action="store_true", help="small and rough: to see that it runs")
    if "--quick" in sys.argv:
        parser.set_defaults(**quick)
    return parser.parse_args()
