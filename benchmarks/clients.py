"""K clients on one machine: a round of a cohort beside its two forward passes, and K rounds of one.

OPT-125M shape with random weights. All clients share the weights and the direction, so a
cohort of K costs two forward passes over the joint batch and one set of weight passes, not K
times that. Measured in turns; the ratios are what counts.

- forward: two forward passes over the joint batch.
- cohort: a whole round of K clients, with the update.
- apart: K times the round of one client (K = 1 is measured, the rest is K times it).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from rows import Row, emit, parsed

from zo_core.client import Cohort, Training
from zo_core.data.batches import fixed_batch
from zo_core.language.encoding import EncodedExample
from zo_core.language.objective import candidate_scores, cross_entropy
from zo_core.stepping.learning_rate import LearningRate

CANDIDATE_LOSSES = cross_entropy(candidate_scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 5, 20, 100])
    parser.add_argument("--examples", type=int, default=1, help="examples a client and round")
    parser.add_argument("--tokens", type=int, default=32, help="tokens an example")
    parser.add_argument("--layers", type=int, default=12, help="decoder layers; OPT-125M has 12")
    parser.add_argument("--repeats", type=int, default=7, help="turns; medians are reported")
    options = parsed(parser, clients=[1, 5], layers=2)
    torch.manual_seed(0)
    config = transformers.OPTConfig(num_hidden_layers=options.layers)
    model = transformers.OPTForCausalLM(config).eval()
    print(f"{'K':>5} {'2 forward ms':>13} {'cohort ms':>10} {'ratio':>6} {'K apart / cohort':>17}")
    alone_ms = 0.0
    for n_clients in options.clients:
        turns = measured(model, n_clients, options)
        forward_ms, cohort_ms = (statistics.median(column) for column in zip(*turns, strict=True))
        alone_ms = alone_ms or cohort_ms / n_clients
        print(
            f"{n_clients:5d} {forward_ms:13.0f} {cohort_ms:10.0f} {cohort_ms / forward_ms:6.2f} "
            f"{n_clients * alone_ms / cohort_ms:17.1f}",
            flush=True,
        )
        what, setting = f"a round of {n_clients} clients", f"{options.layers} layers"
        peer, pairs = "two forward passes", [ours / theirs for theirs, ours in turns]
        emit(Row(what, cohort_ms / 1e3, peer, forward_ms / 1e3, "s", setting, pairs))
        apart_s = n_clients * alone_ms / 1e3
        if n_clients > 1:
            emit(Row(what, cohort_ms / 1e3, f"{n_clients} rounds of one", apart_s, "s", setting))


def measured(
    model: torch.nn.Module, n_clients: int, options: argparse.Namespace
) -> list[tuple[float, float]]:
    tokens = torch.randint(10, 50000, (n_clients * options.examples, options.tokens)).tolist()
    examples = [EncodedExample(tuple(row), ((1234,), (4321,)), 0) for row in tokens]
    parts = [examples[k::n_clients] for k in range(n_clients)]
    how = Training(LearningRate(1e-7), fixed_batch(options.examples))
    cohort = Cohort(model, CANDIDATE_LOSSES, parts, how)
    seeds = iter(range(10_000))

    def forward() -> None:
        with torch.inference_mode():
            for _ in range(2):
                for first in range(0, len(examples), 64):
                    CANDIDATE_LOSSES(model, examples[first : first + 64])

    def a_round() -> None:
        seed = next(seeds)
        scalars = [client.local_scalars([seed])[0] for client in cohort.clients]
        for client in cohort.clients:
            client.apply(seed, [sum(scalars) / n_clients], [seed])

    return [(timed(forward), timed(a_round)) for _ in range(options.repeats + 1)][1:]


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
