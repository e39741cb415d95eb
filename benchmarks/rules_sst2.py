"""Steps until SST-2 has been learned as far as plain steps get, by rule of the step.

The model and the data are those of `sst2_parity.py`: a small OPT that is pre-trained here on other
sentences. Five clients take steps over a link that brings the exact mean. The goal is the accuracy
that plain steps end with (mean of the last three scores and of all seeds), on sentences that no
client learns from; a run reaches it where the mean of three scores in a row does. Plain steps have
the learning rate that was best for them in `sst2_parity.py`; each other rule the one, of two, that
ends best on a seed of its own, after a third of the steps. A step costs two forward passes of each
client, whatever the rule.
"""

import argparse
import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rows
import torch
from sst2_parity import CANDIDATE_LOSSES, N_CLIENTS, N_PRETRAINING, RECIPE, SCALE, hinted

from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.data.examples import read_examples
from zo_core.directions.generator import DirectionKind
from zo_core.directions.threads import one_thread
from zo_core.language.encoding import EncodedExample, encode_examples
from zo_core.language.models import load_model
from zo_core.language.objective import accuracy
from zo_core.language.small_opt import prepare
from zo_core.language.tasks import SST2
from zo_core.probing.estimator import Probe
from zo_core.stepping.learning_rate import LearningRate
from zo_core.stepping.rules import RuleName, UpdateRule

GAUSSIAN, RADEMACHER = DirectionKind.GAUSSIAN, DirectionKind.RADEMACHER
RULES = {
    "sgd": (UpdateRule(), (1e-4,), RADEMACHER),
    "normalised": (UpdateRule(name=RuleName.NORMALISED), (3e-4, 1e-3), RADEMACHER),
    "adamezo": (UpdateRule(1, 0.9, 8, RuleName.ADAMEZO), (3e-4, 1e-3), GAUSSIAN),
    "hiso": (UpdateRule(name=RuleName.HISO), (3e-4, 1e-3), GAUSSIAN),
}
"""Rules, learning rates to choose from; the papers' directions are Gaussian."""
N_JUDGED, N_SCORES, SMOOTHED = 500, 20, 3


@dataclass(frozen=True)
class Bench:
    """What all rules have in common.

    Attributes:
        base: The model before any step.
        learning: Sentences that clients learn from.
        judged: Sentences that decide.
        n_steps: Of every run; there are 20 scores in it.
        n_examples: That a client probes in a step.
    """

    base: torch.nn.Module
    learning: Sequence[EncodedExample]
    judged: Sequence[EncodedExample]
    n_steps: int
    n_examples: int


def main() -> None:
    options = parsed()
    train = read_examples(options.data / "train.tsv", SST2.columns, "label")
    base = load_model(str(prepare(hinted(train[:N_PRETRAINING]), RECIPE, lambda *_: None)))
    rest = encode_examples(train[N_PRETRAINING:], SST2, base.tokenizer)
    bench = Bench(base.model, rest[N_JUDGED:], rest[:N_JUDGED], options.steps, options.examples)
    seeds, goal = range(1, options.seeds + 1), math.nan
    with one_thread():
        print(f"before any step: {accuracy(base.model, bench.judged):.3f}", flush=True)
        for name in ("sgd", *options.others):
            rate = best_rate(name, bench)
            began_s = time.process_time()
            curves = [curve(name, rate, bench, seed) for seed in seeds]
            each_s = (time.process_time() - began_s) / options.seeds
            goal = goal if name != "sgd" else float(np.mean([ending(one) for one in curves]))
            print(line(name, rate, curves, goal, bench), f"{each_s:.0f} s |", flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.tsv")
    parser.add_argument("--steps", type=int, default=1000, help="of every run")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each rule")
    parser.add_argument("--examples", type=int, default=2, help="that a client probes in a step")
    others = [name for name in RULES if name != "sgd"]
    parser.add_argument("--others", nargs="*", choices=others, default=others, help="beside sgd")
    return rows.parsed(parser, steps=40, seeds=1, others=[])


def curve(name: str, rate: float, bench: Bench, seed: int, share: float = 1.0) -> list[float]:
    """Return the accuracy on the judged sentences at the start and 20 times on the way."""
    rule, _, kind = RULES[name]
    model, probe = copy.deepcopy(bench.base), Probe(SCALE, kind)
    draw = fixed_batch(bench.n_examples)
    training = Training(LearningRate(rate), draw, rule=rule, data_seed=seed, probe=probe)
    parts = [bench.learning[client::N_CLIENTS] for client in range(N_CLIENTS)]
    cohort = Cohort(model, CANDIDATE_LOSSES, parts, training)
    scores = [accuracy(model, bench.judged)]
    for step in range(int(share * bench.n_steps)):
        announced = [(seed << 32) + step]
        means = np.mean([client.local_scalars(announced) for client in cohort.clients], axis=0)
        cohort.clients[0].apply(step, means.tolist(), announced)
        if (step + 1) % (bench.n_steps // N_SCORES) == 0:
            scores.append(accuracy(model, bench.judged))
    return scores


def best_rate(name: str, bench: Bench) -> float:
    """Return the learning rate that ends best on a seed of its own, after a third of the steps."""
    rates = RULES[name][1]
    if len(rates) == 1:
        return rates[0]
    ends = {rate: ending(curve(name, rate, bench, 0, 1 / 3)) for rate in rates}
    print(f"#   {name}: {ends}", flush=True)
    return max(ends, key=lambda rate: ends[rate])


def ending(scores: Sequence[float]) -> float:
    """Return the mean of the last scores."""
    return float(np.mean(scores[-SMOOTHED:]))


def steps_to(scores: Sequence[float], goal: float, n_steps: int) -> int | None:
    """Return the step after which the mean of the last scores reaches the goal."""
    for last in range(SMOOTHED, len(scores)):
        if ending(scores[: last + 1]) >= goal:
            return last * (n_steps // N_SCORES)
    return None


def line(
    name: str, rate: float, curves: Sequence[Sequence[float]], goal: float, bench: Bench
) -> str:
    """Return a line of the table: steps of each seed until the goal, accuracies at the end."""
    arrived = [steps_to(scores, goal, bench.n_steps) for scores in curves]
    each = ", ".join("-" if steps is None else str(steps) for steps in arrived)
    ends = ", ".join(f"{ending(scores):.3f}" for scores in curves)
    return f"| {name} | {rate:g} | {each} | {ends} (goal {goal:.3f}) |"


if __name__ == "__main__":
    main()
