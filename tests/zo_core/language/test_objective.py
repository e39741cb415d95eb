"""Scores against a full log-softmax over all positions; prompts cut and padded as promised."""

from collections.abc import Sequence

import pytest
import torch
from torch.nn import functional
from transformers import OPTForCausalLM, PreTrainedTokenizerFast

from zo_core.data.examples import DataError, Example
from zo_core.language import objective
from zo_core.language.encoding import EncodedExample, encode_examples
from zo_core.language.objective import accuracy, candidate_scores, cross_entropy
from zo_core.language.small_opt import SmallOptRecipe, build_tokenizer, random_model
from zo_core.language.tasks import SST2, PromptTask
from zo_core.probing.passes import in_order
from zo_core.probing.perturbation import perturbed

CANDIDATE_LOSSES = cross_entropy(candidate_scores)

RECIPE = SmallOptRecipe(hidden_size=16, n_layers=2, n_heads=2, max_positions=40, min_word_count=1)
TEXTS = [
    "the soup was good",
    "a long and dull film",
    "It was great",
    "It was not bad at all terrible",
]
PHRASES = PromptTask(
    "phrases", "{sentence} It was", {"0": "not good", "1": "great", "2": "not a dull film"}
)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer(TEXTS, RECIPE)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> OPTForCausalLM:
    made = random_model(RECIPE, len(tokenizer))
    made.eval()
    return made


def encoded(task: PromptTask, tokenizer: PreTrainedTokenizerFast) -> list[EncodedExample]:
    texts = ["good", "the soup was a dull film", TEXTS[1], "the long good film was not good at all"]
    labels = [*task.labels, *task.labels][: len(texts)]
    examples = [Example({"sentence": t}, y) for t, y in zip(texts, labels, strict=True)]
    return encode_examples(examples, task, tokenizer)


def log_likelihood(model: OPTForCausalLM, prompt: Sequence[int], ids: Sequence[int]) -> float:
    """Score one candidate alone, from the logits of all positions."""
    tokens = torch.tensor([[*prompt, *ids]])
    with torch.no_grad():
        log_probabilities = model(input_ids=tokens).logits[0].log_softmax(dim=-1)
    first = len(prompt) - 1
    return sum(float(log_probabilities[first + i, token]) for i, token in enumerate(ids))


@pytest.mark.parametrize("piece", [3, objective.VOCABULARY_PIECE])
@pytest.mark.parametrize("task", [SST2, PHRASES])
def test_scores_equal_full_log_softmax(
    model: OPTForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    task: PromptTask,
    piece: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(objective, "VOCABULARY_PIECE", piece)
    examples = encoded(task, tokenizer)
    expected = torch.tensor(
        [[log_likelihood(model, e.prompt, ids) for ids in e.candidates] for e in examples]
    )
    with torch.inference_mode():
        scores, losses = candidate_scores(model, examples), CANDIDATE_LOSSES(model, examples)
    assert scores.dtype == losses.dtype == torch.float32
    right = torch.tensor([example.label for example in examples])
    wanted = functional.cross_entropy(expected, right, reduction="none")
    torch.testing.assert_close(losses, wanted, rtol=1e-5, atol=1e-5)
    # Single tokens are scored up to one number an example.
    offset = scores - expected
    torch.testing.assert_close(offset, offset[:, :1].expand_as(offset), rtol=0, atol=1e-5)
    if task is PHRASES:
        torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("task", [SST2, PHRASES])
def test_company_in_the_batch_does_not_change_a_loss(
    model: OPTForCausalLM, tokenizer: PreTrainedTokenizerFast, task: PromptTask
) -> None:
    examples = encoded(task, tokenizer)
    assert len({len(example.prompt) for example in examples}) > 2
    with torch.inference_mode():
        together = CANDIDATE_LOSSES(model, examples)
        alone = torch.cat([CANDIDATE_LOSSES(model, [example]) for example in examples])
        turned = CANDIDATE_LOSSES(model, examples[::-1]).flip(0)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together, turned, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", [SST2, PHRASES])
def test_probe_equals_weights_that_were_really_moved(
    model: OPTForCausalLM, tokenizer: PreTrainedTokenizerFast, task: PromptTask
) -> None:
    examples, scale = encoded(task, tokenizer), 2.0**-6
    moved = random_model(RECIPE, len(tokenizer))
    moved.eval()
    with torch.no_grad(), perturbed(model, 5, scale):
        for name, parameter in moved.named_parameters():
            path, _, leaf = name.rpartition(".")
            parameter.copy_(getattr(model.get_submodule(path), leaf) + 0)
    with torch.inference_mode():
        with perturbed(model, 5, scale):
            probed = CANDIDATE_LOSSES(model, examples)
        expected, still = CANDIDATE_LOSSES(moved, examples), CANDIDATE_LOSSES(model, examples)
    torch.testing.assert_close(probed, expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(probed, still, atol=1e-3)


def test_no_logits_for_all_positions(
    model: OPTForCausalLM, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the head ran over all positions")

    monkeypatch.setattr(model.lm_head, "forward", refuse)
    with torch.inference_mode():
        CANDIDATE_LOSSES(model, encoded(SST2, tokenizer))


def test_accuracy_counts_the_right_ones(
    model: OPTForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    examples = encoded(PHRASES, tokenizer)
    with torch.inference_mode():
        chosen = candidate_scores(model, examples).argmax(dim=1).tolist()
    for n_wrong in range(len(examples) + 1):
        answers = [
            EncodedExample(e.prompt, e.candidates, (best + (i < n_wrong)) % 3)
            for i, (e, best) in enumerate(zip(examples, chosen, strict=True))
        ]
        expected = 1 - n_wrong / len(examples)
        assert accuracy(model, answers) == accuracy(model, answers, passes=in_order(1)) == expected


def test_prompt_keeps_start_token_and_end(tokenizer: PreTrainedTokenizerFast) -> None:
    example = Example({"sentence": "the long good film was not good at all"}, "1")
    [whole] = encode_examples([example], SST2, tokenizer)
    for max_tokens in range(3, 14):
        [cut] = encode_examples([example], SST2, tokenizer, max_tokens)
        n_kept = min(max_tokens - 1, len(whole.prompt))
        assert cut.prompt == (whole.prompt[0], *whole.prompt[len(whole.prompt) - n_kept + 1 :])
        assert cut.candidates == whole.candidates


def test_tokenizer_limit_holds_too(tokenizer: PreTrainedTokenizerFast) -> None:
    example = Example({"sentence": "film " * 100}, "1")
    [encoded_example] = encode_examples([example], SST2, tokenizer, max_tokens=1000)
    assert len(encoded_example.prompt) + 1 == RECIPE.max_positions


def test_unknown_label_word_is_named(tokenizer: PreTrainedTokenizerFast) -> None:
    task = PromptTask("t", "{sentence} It was", {"0": "terrible", "1": "first-rate"})
    with pytest.raises(DataError, match="label text 'first-rate'"):
        encode_examples([Example({"sentence": "a"}, "1")], task, tokenizer)


def test_no_room_for_a_prompt_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(DataError, match="max_tokens"):
        encode_examples([Example({"sentence": "a film"}, "1")], SST2, tokenizer, max_tokens=2)
