"""How good is the sum of five nodes? All simulated airs and schemes, measured beside expected.

Each run has a world of its own, drawn from its seed, and random scalars instead of a model. A file
of runs (CSV) that is there is gone on with: what it holds is not measured again.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from rows import Row, emit, parsed
from scipy import stats

import sdr_ota
from sdr_ota.air.presets import PRESETS
from sdr_ota.schemes import load_scheme
from sdr_ota.units import power_to_db

SHORT = "coherent, 6 ms"
COLUMNS: Mapping[str, Mapping[str, object]] = {
    "coherent": {"link.scheme": "coherent"},
    SHORT: {"link.scheme": "coherent", "radio.lead_s": 1e-3, "air.control_latency_s": 0.0},
    "energy-difference": {"link.scheme": "energy-difference"},
    "tdma": {"link.scheme": "tdma"},
    "fsk-vote": {"link.scheme": "fsk-vote"},
}
"""What is set in the runs of each column of the table."""

COVERING_STDS = 1.96


@dataclass(frozen=True)
class World:
    """One run, by the sums over its rounds that were not erased.

    Attributes:
        air: Its preset.
        column: Of `COLUMNS`.
        seed: Of world, scalars and noise.
        rounds: Erased ones too.
        sums: Rounds that were not erased.
        covered: Of these, how many lay within 1.96 of their stated deviation.
        squared_sum: Of what was sent.
        squared_error: Of what was decoded.
        expected: Squared error, by the schemes' formulas.
    """

    air: str
    column: str
    seed: int
    rounds: int
    sums: int
    covered: int
    squared_sum: float
    squared_error: float
    expected: float

    @property
    def nmse_db(self) -> float:
        """Measured; NaN where every round was erased."""
        return _db(self.squared_error, self.squared_sum)

    @property
    def expected_nmse_db(self) -> float:
        """The same as expected."""
        return _db(self.expected, self.squared_sum)


def measure(air: str, column: str, seed: int, n_rounds: int) -> World:
    """Run one world in a folder that is thrown away."""
    scheme = load_scheme(str(COLUMNS[column]["link.scheme"]))
    changes = {
        **COLUMNS[column],
        "air.preset": air,
        "captures.erased": False,
        "captures.every": 0,
        "clients.source": "synthetic",
        "link.payload": "sign" if scheme.sign_only else "analog",
        "link.scalar_limit": 2.0,
        "run.rounds": n_rounds,
        "run.seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        rounds = sdr_ota.run(set=changes).rounds
    good = [r for r in rounds if r.erasure is None]
    true, decoded, std, expected = (
        np.array([getattr(r, name) for r in good], float)
        for name in ("true_sum", "decoded_sum", "decoded_std", "theory_error")
    )
    error = np.abs(decoded - true)
    return World(
        air=air,
        column=column,
        seed=seed,
        rounds=len(rounds),
        sums=len(good),
        covered=int(np.sum(error <= COVERING_STDS * std)),
        squared_sum=float(np.sum(true**2)),
        squared_error=float(np.sum(error**2)),
        expected=float(np.sum(expected)),
    )


def lines(worlds: Sequence[World]) -> Iterator[str]:
    """Yield a table of the errors, and one of how many sums their deviations covered."""
    airs, there = ordered(w.air for w in worlds), {w.column for w in worlds}
    columns = [column for column in COLUMNS if column in there]
    cells = {
        (a, c): [w for w in worlds if (w.air, w.column) == (a, c)] for a in airs for c in columns
    }
    yield f"| air | {' | '.join(columns)} | erased, % |"
    yield "|---" * (len(columns) + 2) + "|"
    for air in airs:
        erased = [100 * (1 - w.sums / w.rounds) for w in worlds if w.air == air]
        shown = " | ".join(_errors(cells[air, column]) for column in columns)
        yield f"| `{air}` | {shown} | {min(erased):.0f} to {max(erased):.0f} |"
    yield ""
    yield f"| within 1.96 deviations, % (mean expected less measured, dB) | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for air in airs:
        yield f"| `{air}` | {' | '.join(_judgement(cells[air, column]) for column in columns)} |"


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return names once each, in the order in which they came."""
    return tuple(dict.fromkeys(names))


def _errors(worlds: Sequence[World]) -> str:
    measured = [w.nmse_db for w in worlds if w.sums]
    if not measured:
        return "–"
    expected = float(np.median([w.expected_nmse_db for w in worlds if w.sums]))
    least, most = min(measured), max(measured)
    return f"{np.median(measured):.1f} / {expected:.1f} ({least:.1f} to {most:.1f})"


def _judgement(worlds: Sequence[World]) -> str:
    """Return covered share with its 95 % interval over worlds, and the same of the expectation."""
    heard = [w for w in worlds if w.sums]
    if len(heard) < 2:
        return "–"
    shares = 100 * np.array([w.covered / w.sums for w in heard])
    pooled = 100 * sum(w.covered for w in heard) / sum(w.sums for w in heard)
    off = np.array([w.expected_nmse_db - w.nmse_db for w in heard])
    wide = float(stats.t.ppf(0.975, len(heard) - 1)) / np.sqrt(len(heard))
    half = [wide * values.std(ddof=1) for values in (shares, off)]
    return f"{pooled:.1f} ± {half[0]:.1f} ({off.mean():+.1f} ± {half[1]:.1f})"


def _db(error: float, reference: float) -> float:
    return float(power_to_db(error / reference)) if reference > 0 and error > 0 else float("nan")


def read(path: Path) -> list[World]:
    """Return the runs of a file; none if there is none."""
    if not path.exists():
        return []
    kinds = {"air": str, "column": str, "seed": int, "rounds": int, "sums": int, "covered": int}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [World(**{name: kinds.get(name, float)(row[name]) for name in row}) for row in rows]


def append(path: Path, world: World) -> None:
    """Write a run behind the others of a file."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(World)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(world))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--airs", nargs="+", default=list(PRESETS), help="names of presets")
    parser.add_argument(
        "--columns", nargs="+", default=list(COLUMNS), choices=list(COLUMNS), metavar="COLUMN",
        help=", ".join(COLUMNS),
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=10, help="worlds of each cell: 1, 2, ...")
    parser.add_argument("--rounds", type=int, default=100, help="of each world")
    parser.add_argument("--output", type=Path, help="CSV file of all runs, gone on with")
    options = parsed(parser, seeds=2, rounds=5, airs=["lab-wired"])
    worlds = read(options.output) if options.output else []
    done = {(w.air, w.column, w.seed, w.rounds) for w in worlds}
    for seed in range(1, options.seeds + 1):
        for air in options.airs:
            for column in options.columns:
                if (air, column, seed, options.rounds) in done:
                    continue
                worlds.append(measure(air, column, seed, options.rounds))
                if options.output:
                    append(options.output, worlds[-1])
    print("\n".join(lines(worlds)))
    emit(*_rows(worlds))


def _rows(worlds: Sequence[World]) -> Iterator[Row]:
    for air, column in dict.fromkeys((w.air, w.column) for w in worlds):
        here = [w for w in worlds if (w.air, w.column) == (air, column)]
        error, expected, total = (
            sum(getattr(w, name) for w in here)
            for name in ("squared_error", "expected", "squared_sum")
        )
        if total > 0:
            setting = f"five nodes, {len(here)} worlds of {here[0].rounds} rounds"
            what = f"error of the sum, {column}, {air}"
            yield Row(what, error / total, "as expected", expected / total, "of its power", setting)


if __name__ == "__main__":
    main()
