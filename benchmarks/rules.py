"""Rounds and forward passes until the demo has learned, by rule and schedule of the step.

Five clients fine-tune the built-in model on the built-in reviews, as in the demo, over a link that
brings the exact mean, so that rules are compared and not links. A round costs two forward passes
of each client, whatever the rule.

The goal is the held-out accuracy that plain steps at the demo's learning rate have after 300
rounds (mean of the last three scores and of all seeds; scores lie 10 rounds apart). A run reaches
it where the mean of three scores in a row does. Learning rates are chosen on a seed of their own:
the one that reaches that seed's goal first, or else ends best.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rows

from sdr_ota.assembly.learning import client_parts, task_of
from sdr_ota.assembly.trained_copy import load_scored
from sdr_ota.config.load import load_config
from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.directions.generator import DirectionKind
from zo_core.directions.threads import one_thread
from zo_core.probing.estimator import Probe
from zo_core.stepping.learning_rate import Decay, LearningRate
from zo_core.stepping.rules import RuleName, UpdateRule

TUNING_SEED = 0
SCORE_EVERY = 10
SMOOTHED = 3
PASSES_A_ROUND = 2
GAUSSIAN, RADEMACHER = DirectionKind.GAUSSIAN, DirectionKind.RADEMACHER
PLAIN_RATES = (7e-4, 1e-3, 1.4e-3, 2e-3, 3e-3)
SUMMED_RATES = (2e-4, 3e-4, 5e-4, 7e-4, 1e-3)
DIVIDED_RATES = (1e-3, 2e-3, 3e-3, 4e-3, 6e-3)


@dataclass(frozen=True)
class Contender:
    """A rule with its schedule.

    Attributes:
        name: For the table.
        rule: What is made of the scalars.
        rates: Learning rates to choose from.
        kind: Of the directions.
        decays: Whether the learning rate falls linearly to 0 at the last of fewer rounds.
    """

    name: str
    rule: UpdateRule
    rates: tuple[float, ...]
    kind: DirectionKind = RADEMACHER
    decays: bool = False


RULES = (
    ("sgd", UpdateRule(), PLAIN_RATES, RADEMACHER),
    ("sgd, momentum 0.9", UpdateRule(1, 0.9, 8), SUMMED_RATES, RADEMACHER),
    ("normalised", UpdateRule(name=RuleName.NORMALISED), DIVIDED_RATES, RADEMACHER),
    (
        "normalised, momentum 0.9",
        UpdateRule(1, 0.9, 8, RuleName.NORMALISED),
        DIVIDED_RATES,
        RADEMACHER,
    ),
    ("adamezo", UpdateRule(1, 0.9, 8, RuleName.ADAMEZO), DIVIDED_RATES, GAUSSIAN),
    ("hiso", UpdateRule(name=RuleName.HISO), DIVIDED_RATES, GAUSSIAN),
    (
        "hiso, square_decay 0.95",
        UpdateRule(name=RuleName.HISO, square_decay=0.95),
        DIVIDED_RATES,
        GAUSSIAN,
    ),
)
"""Names, rules, learning rates to choose from; the papers' directions are Gaussian."""


def contenders() -> Iterator[Contender]:
    """Give every rule at a constant learning rate, then at one that falls to 0."""
    for decays in (False, True):
        for name, rule, rates, kind in RULES:
            yield Contender(name, rule, rates, kind, decays)


@dataclass(frozen=True)
class Measured:
    """What a contender did: rounds until each seed's goal, None where it was not reached."""

    contender: Contender
    rate: float
    rounds: tuple[int | None, ...]
    last: tuple[float, ...]

    def middle(self) -> float:
        """Return the median of the rounds; infinite where half the seeds do not arrive."""
        return float(np.median([np.inf if r is None else r for r in self.rounds]))


def main() -> None:
    options = parsed()
    chosen = [c for c in contenders() if not options.only or c.name in options.only]
    seeds = range(1, options.seeds + 1)
    plain = Contender("sgd as in the demo", UpdateRule(), (5e-4,))
    with one_thread():
        tuning_goal = ending(curve(plain, 5e-4, TUNING_SEED, options.rounds))
        reference = [curve(plain, 5e-4, seed, options.rounds) for seed in seeds]
        goal = float(np.mean([ending(scores) for scores in reference]))
        print(f"goal {goal:.4f}; on the seed of the choice {tuning_goal:.4f}", flush=True)
        found = [summed(plain, 5e-4, reference, goal)]
        print(table_line(found[0], options), flush=True)
        for contender in chosen:
            n_rounds = options.fewer if contender.decays else options.rounds
            rate = best_rate(contender, n_rounds, tuning_goal)
            curves = [curve(contender, rate, seed, n_rounds) for seed in seeds]
            found.append(summed(contender, rate, curves, goal))
            print(table_line(found[-1], options), flush=True)
    for one in found[1:]:
        hand_over(one, found[0], options)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=300, help="of a constant learning rate")
    parser.add_argument("--fewer", type=int, default=100, help="over which it falls to 0")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each")
    parser.add_argument("--only", nargs="+", metavar="RULE", help="names as in the table")
    return rows.parsed(parser, rounds=40, fewer=40, seeds=1, only=["sgd"])


def curve(contender: Contender, rate: float, seed: int, n_rounds: int) -> list[float]:
    """Return the held-out accuracy before the first round and after every tenth."""
    config, home = load_config(None, [f"run.seed={seed}"]), Path()
    scored = load_scored(config, home, lambda *_: None)
    parts = [scored.objective.encode(p) for p in client_parts(config, home, task_of(config.data))]
    decay = Decay.LINEAR if contender.decays else Decay.CONSTANT
    training = Training(
        LearningRate(rate, 0, decay, n_rounds),
        fixed_batch(config.clients.examples_per_round),
        rule=contender.rule,
        data_seed=seed,
        probe=Probe(kind=contender.kind),
    )
    cohort = Cohort(scored.model, scored.objective.losses, parts, training)
    scores = [scored.score()]
    for number in range(n_rounds):
        announced = [(seed << 32) + number]
        means = np.mean([client.local_scalars(announced) for client in cohort.clients], axis=0)
        cohort.clients[0].apply(number, means.tolist(), announced)
        if (number + 1) % SCORE_EVERY == 0:
            scores.append(scored.score())
    return scores


def ending(scores: Sequence[float]) -> float:
    """Return the mean of the last scores."""
    return float(np.mean(scores[-SMOOTHED:]))


def rounds_to(scores: Sequence[float], goal: float) -> int | None:
    """Return the round after which the mean of the last scores reaches the goal."""
    for last in range(SMOOTHED, len(scores)):
        if np.mean(scores[last - SMOOTHED + 1 : last + 1]) >= goal:
            return last * SCORE_EVERY
    return None


def best_rate(contender: Contender, n_rounds: int, goal: float) -> float:
    """Return the learning rate that arrives first on the seed of the choice, or ends best."""
    results = {}
    for rate in contender.rates:
        scores = curve(contender, rate, TUNING_SEED, n_rounds)
        results[rate] = (rounds_to(scores, goal), ending(scores))
        print(f"#   {contender.name}, rate {rate:g}: {json.dumps(results[rate])}", flush=True)
    return min(results, key=lambda rate: (results[rate][0] or np.inf, -results[rate][1]))


def summed(
    contender: Contender, rate: float, curves: Sequence[Sequence[float]], goal: float
) -> Measured:
    """Return what the runs of all seeds did."""
    arrived = tuple(rounds_to(scores, goal) for scores in curves)
    return Measured(contender, rate, arrived, tuple(ending(scores) for scores in curves))


def table_line(one: Measured, options: argparse.Namespace) -> str:
    """Return a line of the table: rounds of each seed, their median, forward passes, ending."""
    schedule = f"falls, {options.fewer}" if one.contender.decays else f"constant, {options.rounds}"
    each = ", ".join("-" if r is None else str(r) for r in one.rounds)
    middle = one.middle()
    cost = f"{middle:.0f} | {middle * PASSES_A_ROUND:.0f}" if np.isfinite(middle) else "- | -"
    last = f"{np.mean(one.last):.3f} ({min(one.last):.3f} to {max(one.last):.3f})"
    return f"| {one.contender.name} | {schedule} | {one.rate:g} | {each} | {cost} | {last} |"


def hand_over(one: Measured, plain: Measured, options: argparse.Namespace) -> None:
    """Hand the rounds over, where all is finite, beside those of plain steps."""
    if not (np.isfinite(one.middle()) and np.isfinite(plain.middle())):
        return
    what = f"{one.contender.name}{', falling rate' if one.contender.decays else ''}"
    setting = f"median of {options.seeds} seeds, ideal link"
    rows.emit(rows.Row(what, one.middle(), "sgd as in the demo", plain.middle(), "rounds", setting))


if __name__ == "__main__":
    main()
