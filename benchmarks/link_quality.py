"""How good must a link be? Rounds until the demo has learned, over the error of the decoded mean.

No radio and no simulated air: the demo's five clients compute their scalars, and the mean that
they step along is their true mean plus Gaussian noise. Its variance is the same in every round,
as that of a link is: the wanted NMSE times the mean square of 20 means along directions that are
not taken. The LMMSE arm multiplies the noisy mean by 1 / (1 + NMSE) and leaves the step size as
it is. Nothing is clipped. Every run takes its split, batches, directions and noise from its seed.
"""

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rows import Row, emit, parsed

from sdr_ota.assembly.learning import JOURNAL, Learning
from sdr_ota.assembly.local_learning import local_learning
from sdr_ota.config.load import load_config
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.runs.strict_json import strict_json
from sdr_ota.units import db_to_power, power_to_db

NMSES_DB = (-20.0, -6.0, 0.0, 6.0, 12.0)
N_PROBES, EVALUATE_EVERY = 20, 10


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        nmse_db: Wanted; minus infinity for the true mean.
        is_shrunk: Whether the noisy mean was multiplied by the LMMSE factor.
        seed: Of everything random.
        rounds_needed: Until the held-out accuracy was first at the target; None if it never was.
        final_accuracy: At the end: when the target was reached, or after the last round.
        measured_nmse_db: Of the noise over the means of the rounds that were run.
    """

    nmse_db: float
    is_shrunk: bool
    seed: int
    rounds_needed: int | None
    final_accuracy: float
    measured_nmse_db: float


def run(nmse_db: float, is_shrunk: bool, seed: int, options: argparse.Namespace) -> Run:
    """Learn until the target is reached, or for as many rounds as there may be."""
    config = load_config(None, [f"run.seed={seed}", f"run.rounds={options.rounds}"])
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / JOURNAL
        learning = local_learning(config, Path(), journal, 0, lambda *_: None)
        try:
            with learning.threads():
                return _learned(learning, nmse_db, is_shrunk, seed, options)
        finally:
            learning.close()


def _learned(
    learning: Learning, nmse_db: float, is_shrunk: bool, seed: int, options: argparse.Namespace
) -> Run:
    schedule, rng = Schedule(options.rounds, seed), np.random.default_rng([seed, 7])
    nmse = db_to_power(nmse_db) if math.isfinite(nmse_db) else 0.0
    probes = [_mean(learning, schedule.round_seed(10**6 + k)) for k in range(N_PROBES)]
    noise_std = math.sqrt(nmse * float(np.mean(np.square(probes))))
    factor = 1 / (1 + nmse) if is_shrunk else 1.0
    means, errors, accuracy = [], [], math.nan
    for index in range(options.rounds):
        direction = schedule.round_seed(index)
        means.append(_mean(learning, direction))
        errors.append(noise_std * float(rng.standard_normal()))
        for client in learning.clients:
            client.apply(index, [factor * (means[-1] + errors[-1])], [direction])
        if (index + 1) % EVALUATE_EVERY == 0 and learning.evaluate is not None:
            accuracy = learning.evaluate().score
            if accuracy >= options.target:
                break
    needed = len(means) if accuracy >= options.target else None
    power = float(np.mean(np.square(errors)) / np.mean(np.square(means)))
    measured_db = power_to_db(power) if power else -math.inf
    return Run(nmse_db, is_shrunk, seed, needed, accuracy, measured_db)


def _mean(learning: Learning, direction_seed: int) -> float:
    return float(
        np.mean([client.local_scalars([direction_seed])[0] for client in learning.clients])
    )


def lines(runs: Sequence[Run], options: argparse.Namespace) -> list[str]:
    """Return a table: median, least and most rounds over the seeds."""
    told = [
        f"| NMSE (dB) | measured | rounds to {options.target:g}: median (least to most) | reached "
        "| with LMMSE | reached |",
        "|---|---|---|---|---|---|",
    ]
    for nmse_db in dict.fromkeys(r.nmse_db for r in runs):
        here = [r for r in runs if r.nmse_db == nmse_db]
        cells = [_cells([r for r in here if r.is_shrunk is shrunk], options.rounds)
                 for shrunk in (False, True)]  # fmt: skip
        measured = f"{np.median([r.measured_nmse_db for r in here]):.1f}"
        told.append(f"| {nmse_db:g} | {measured} | {cells[0]} | {cells[1]} |")
    return told


def _cells(runs: Sequence[Run], most: int) -> str:
    if not runs:
        return "– | –"
    needed = sorted(most + 1 if r.rounds_needed is None else r.rounds_needed for r in runs)
    words = [
        f"> {most}" if n > most else f"{n:g}" for n in (np.median(needed), needed[0], needed[-1])
    ]
    n_reached = sum(r.rounds_needed is not None for r in runs)
    return f"{words[0]} ({words[1]} to {words[2]}) | {n_reached} of {len(runs)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--nmse-db", type=float, nargs="+", default=list(NMSES_DB))
    parser.add_argument("--seeds", type=int, default=5, help="runs of each kind, seeds 1, 2, ...")
    parser.add_argument("--rounds", type=int, default=250, help="at most")
    parser.add_argument("--target", type=float, default=0.85, help="held-out accuracy")
    parser.add_argument("--output", type=Path, help="JSON file of all runs")
    options = parsed(parser, seeds=1, rounds=20, nmse_db=[0.0], target=0.65)
    runs = []
    for nmse_db in (-math.inf, *options.nmse_db):
        for is_shrunk in (False, True) if math.isfinite(nmse_db) else (False,):
            runs += [run(nmse_db, is_shrunk, 1 + k, options) for k in range(options.seeds)]
            if options.output:
                options.output.write_text(strict_json([asdict(r) for r in runs], indent=1) + "\n")
    print("\n".join(lines(runs, options)))
    emit(*_rows(runs, options))


def _rows(runs: Sequence[Run], options: argparse.Namespace) -> list[Row]:
    def median(nmse_db: float) -> float:
        here = [r for r in runs if r.nmse_db == nmse_db and not r.is_shrunk]
        return float(np.median([r.rounds_needed or options.rounds for r in here]))

    setting = f"demo, accuracy {options.target:g}, {options.seeds} seeds, at most {options.rounds}"
    return [
        Row(f"mean with {n:g} dB NMSE", median(n), "the true mean", median(-math.inf), "rounds",
            setting)
        for n in options.nmse_db
    ]  # fmt: skip


if __name__ == "__main__":
    main()
