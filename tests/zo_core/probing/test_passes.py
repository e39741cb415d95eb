"""Passes hold every example once, with little padding, and change no loss beyond rounding."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from zo_core.language.encoding import EncodedExample
from zo_core.language.objective import candidate_scores, cross_entropy
from zo_core.probing.estimator import Probe, probe_losses
from zo_core.probing.passes import MOST_PADDING, TOKENS_PER_PASS, by_length, in_order


def padding(lengths: list[int]) -> float:
    return 1 - sum(lengths) / (len(lengths) * max(lengths))


@pytest.mark.parametrize("examples_per_pass", [None, 1, 8, 1000])
def test_every_pass_has_little_padding_and_every_example_its_pass(
    examples_per_pass: int | None,
) -> None:
    rng = np.random.default_rng(5)
    for n in (0, 1, 2, 40, 500):
        lengths = rng.lognormal(3.0, 0.6, n).astype(int) + 1
        passes = by_length(int, examples_per_pass)(lengths.tolist())
        assert sorted(i for indices in passes for i in indices) == list(range(n))
        for indices in passes:
            found = [int(lengths[i]) for i in indices]
            assert padding(found) < MOST_PADDING
            assert len(indices) <= (examples_per_pass or n)
            if examples_per_pass is None and len(indices) > 1:
                assert len(indices) * max(found) <= TOKENS_PER_PASS


def test_a_pass_ends_only_where_the_next_example_does_not_fit() -> None:
    lengths = [20, 19, 18, 17, 10, 10, 2]
    assert by_length(int)(lengths) == [[0, 1, 2, 3], [4, 5], [6]]
    assert by_length(int)([TOKENS_PER_PASS + 1, 4]) == [[0], [1]]


def test_scalars_are_the_same_to_rounding() -> None:
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, pad_token_id=1, max_position_embeddings=80,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    rng = np.random.default_rng(3)
    examples = [
        EncodedExample(tuple(rng.integers(4, 60, int(n)).tolist()), ((5, 6), (7,)), i % 2)
        for i, n in enumerate(rng.integers(3, 70, 30))
    ]
    losses = cross_entropy(candidate_scores)
    whole = probe_losses(model, losses, examples, 9, Probe(passes=in_order(64)))
    parted = probe_losses(model, losses, examples, 9, Probe(passes=by_length(lambda e: e.n_tokens)))
    for one, other in ((whole.plus, parted.plus), (whole.minus, parted.minus)):
        # Sums of at most 48 products in two layers, each rounded to 2^-24 of losses near 4.
        np.testing.assert_allclose(one, other, rtol=0, atol=5e-6)
    assert not np.array_equal(whole.plus, whole.minus)


@pytest.mark.parametrize("count", [0, -1])
def test_a_pass_has_an_example(count: int) -> None:
    for passes in (in_order, lambda n: by_length(int, n)):
        with pytest.raises(ValueError, match=f"examples_per_pass = {count} must be at least 1"):
            passes(count)
