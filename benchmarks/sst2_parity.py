"""Does it learn? Our step beside the plain MeZO procedure on SST-2, at equal forward passes.

The model is a small OPT that is pre-trained here, because random weights do not fine-tune by
zeroth-order steps: next-word prediction on the first 40 000 training sentences, each followed by
"It was great" or "It was terrible". That word follows the sentence's label in 40 % of the texts
only; in the others it is drawn, and is "great" in 85 % of them. So the model has met the
sentiment but does not act on it: it nearly always finds "great" more likely. Neither fine-tuning
nor the choice of the learning rates sees these sentences again.

- ours: `Cohort` with five clients, Rademacher directions, over an ideal link (the exact mean).
- MeZO: Algorithm 1 of Malladi et al., NeurIPS 2023, written out: a Gaussian tensor per
  parameter from torch's global generator, +1, -2, +1, update.

Both take the same examples in the same order and the best of four learning rates on a slice of
the training data; the validation file is looked at once, at the end.
"""

import argparse
import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import rows
import torch
from matplotlib.figure import Figure

from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.data.examples import Example, read_examples
from zo_core.directions.threads import one_thread
from zo_core.language.encoding import EncodedExample, encode_examples
from zo_core.language.models import load_model
from zo_core.language.objective import accuracy, candidate_scores, cross_entropy
from zo_core.language.small_opt import SmallOptRecipe, prepare
from zo_core.language.tasks import SST2
from zo_core.probing.estimator import Probe
from zo_core.stepping.learning_rate import LearningRate

CANDIDATE_LOSSES = cross_entropy(candidate_scores)

N_PRETRAINING, N_TUNING = 40_000, 1000
HINT_TELLS, GREAT_BIAS = 0.4, 0.85
RECIPE = SmallOptRecipe(
    hidden_size=128,
    n_layers=2,
    n_heads=4,
    max_positions=80,
    n_steps=3000,
    texts_per_step=48,
    peak_learning_rate=3e-3,
)
SCALE = 2.0**-10
N_CLIENTS, EXAMPLES_EACH = 5, 8
RATES = {"ours": (3e-5, 1e-4, 3e-4, 1e-3), "MeZO": (3e-5, 1e-4, 3e-4, 1e-3)}

Walk = Callable[[torch.nn.Module, Sequence[EncodedExample], float, int, int], None]


def main() -> None:
    options = parsed()
    train = read_examples(options.data / "train.tsv", SST2.columns, "label")
    held_out = read_examples(options.data / "validation.tsv", SST2.columns, "label")
    folder = prepare(hinted(train[:N_PRETRAINING]), RECIPE, _progress)
    base = load_model(str(folder))
    rest = encode_examples(train[N_PRETRAINING:], SST2, base.tokenizer)
    tuning, learning = rest[:N_TUNING], rest[N_TUNING:]
    final = encode_examples(held_out, SST2, base.tokenizer)
    with one_thread():
        print(f"zero-shot: validation {accuracy(base.model, final):.3f}", flush=True)
        found = {
            name: compared(name, walk, base.model, (learning, tuning, final), options)
            for name, walk in (("ours", our_walk), ("MeZO", mezo_walk))
        }
    errors = {name: validation_error(results) for name, results in found.items()}
    setting = f"{options.rounds} steps, mean of {options.seeds} seeds"
    what = "validation error, our step"
    rows.emit(rows.Row(what, errors["ours"], "MeZO step", errors["MeZO"], "", setting))
    options.out.with_suffix(".json").write_text(json.dumps(found, indent=1))
    figure(found).savefig(options.out.with_suffix(".svg"), bbox_inches="tight")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.tsv and validation.tsv")
    parser.add_argument("--rounds", type=int, default=1000, help="steps of every run")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each procedure")
    parser.add_argument("--out", type=Path, default=Path("sst2_parity"), help="figure and numbers")
    return rows.parsed(parser, rounds=20, seeds=1)


def hinted(examples: Sequence[Example]) -> list[str]:
    """Return the texts of the pre-training: sentences with a word that hardly tells."""
    rng = np.random.default_rng(0)
    texts = []
    for example in examples:
        tells = rng.random() < HINT_TELLS
        told = example.label if tells else str(int(rng.random() < GREAT_BIAS))
        texts.append(f"{SST2.prompt(example)} {SST2.verbaliser[told]}")
    return texts


def compared(
    name: str,
    walk: Walk,
    base: torch.nn.Module,
    sets: tuple[Sequence[EncodedExample], ...],
    options: argparse.Namespace,
) -> dict[str, object]:
    """Choose the learning rate on seed 0, then run the other seeds with it."""
    learning, tuning, final = sets
    tuned = {}
    for rate in RATES[name]:
        model = copy.deepcopy(base)
        walk(model, learning, rate, 0, options.rounds)
        tuned[rate] = accuracy(model, tuning)
        print(f"{name}: rate {rate:g}: tuning accuracy {tuned[rate]:.3f}", flush=True)
    best = max(tuned, key=lambda rate: tuned[rate])
    curves = []
    for seed in range(1, options.seeds + 1):
        model, curve = copy.deepcopy(base), [accuracy(base, tuning)]
        for part in range(10):
            n_steps = options.rounds // 10
            walk(model, learning, best, 100 * seed + part, n_steps)
            curve.append(accuracy(model, tuning))
        curves.append(curve)
        print(f"{name}: seed {seed}: validation {accuracy(model, final):.3f}", flush=True)
        tuned[f"validation {seed}"] = accuracy(model, final)  # type: ignore[index]
    return {"best_rate": best, "numbers": {str(k): v for k, v in tuned.items()}, "curves": curves}


def validation_error(results: dict[str, object]) -> float:
    """Return the mean share of validation examples that the tuned models get wrong."""
    numbers = dict(results["numbers"])  # type: ignore[call-overload]
    return 1 - float(np.mean([v for k, v in numbers.items() if k.startswith("validation")]))


def our_walk(
    model: torch.nn.Module,
    examples: Sequence[EncodedExample],
    rate: float,
    seed: int,
    n_steps: int,
) -> None:
    """Take steps with a cohort over a link that brings the exact mean."""
    parts = [examples[client::N_CLIENTS] for client in range(N_CLIENTS)]
    draw = fixed_batch(EXAMPLES_EACH)
    how = Training(LearningRate(rate), draw, data_seed=seed, probe=Probe(SCALE))
    cohort = Cohort(model, CANDIDATE_LOSSES, parts, how)
    for step in range(n_steps):
        announced = (seed << 32) + step
        mean = float(np.mean([client.local_scalars([announced])[0] for client in cohort.clients]))
        for client in cohort.clients:
            client.apply(step, [mean], [announced])


def mezo_walk(
    model: torch.nn.Module,
    examples: Sequence[EncodedExample],
    rate: float,
    seed: int,
    n_steps: int,
) -> None:
    """Take steps of MeZO as its paper writes them, on the same examples."""
    model.eval()
    for step in range(n_steps):
        announced = (seed << 32) + step
        batch = [
            examples[client::N_CLIENTS][i]
            for client in range(N_CLIENTS)
            for i in fixed_batch(EXAMPLES_EACH)(
                len(examples[client::N_CLIENTS]), (seed, client, announced)
            )
        ]
        with torch.inference_mode():
            _perturb(model, announced, SCALE)
            plus = float(CANDIDATE_LOSSES(model, batch).mean())
            _perturb(model, announced, -2 * SCALE)
            minus = float(CANDIDATE_LOSSES(model, batch).mean())
            _perturb(model, announced, SCALE)
            _perturb(model, announced, -rate * (plus - minus) / (2 * SCALE))


def _perturb(model: torch.nn.Module, seed: int, factor: float) -> None:
    torch.manual_seed(seed)
    for parameter in model.parameters():
        parameter.data.add_(torch.normal(0.0, 1.0, size=parameter.shape), alpha=factor)


def figure(found: dict[str, dict[str, object]]) -> Figure:
    """Draw the accuracy on the tuning slice over the forward passes."""
    drawn = Figure(figsize=(6, 3.2))
    axes = drawn.subplots()
    for (name, results), style in zip(found.items(), ("-", "--"), strict=True):
        for number, curve in enumerate(results["curves"]):  # type: ignore[arg-type]
            label = name if number == 0 else None
            axes.plot(np.linspace(0, 1, len(curve)), curve, style, color="0.2", label=label)
    axes.set_xlabel("share of the forward passes")
    axes.set_ylabel("accuracy on 1000 training sentences kept apart")
    axes.legend()
    return drawn


def _progress(step: int, n_steps: int, loss: float) -> None:
    if step % 500 == 0:
        print(f"pre-training: step {step} of {n_steps}, loss {loss:.3f}", flush=True)


if __name__ == "__main__":
    main()
