"""Free answers: their likelihood by hand, their F1 by hand, generation that is greedy."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from zo_core.data.examples import Example
from zo_core.language.answers import (
    EncodedQuestion,
    answer_f1,
    answer_losses,
    encode_questions,
    f1_losses,
)
from zo_core.language.small_opt import SmallOptRecipe, build_tokenizer
from zo_core.language.tasks import SQUAD
from zo_core.probing.estimator import Probe, probe_losses

TEXTS = ["the tower is in paris . question : where is it ? answer : paris france rome"] * 2
EXAMPLES = [
    Example({"context": "It is in Paris.", "question": "Where is it?"}, "Paris\nParis France"),
    Example({"context": "It is in Rome.", "question": "Where?"}, "Rome"),
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer(TEXTS, SmallOptRecipe(max_positions=64))


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def questions(tokenizer: PreTrainedTokenizerFast) -> list[EncodedQuestion]:
    return encode_questions(EXAMPLES, SQUAD, tokenizer, room_for_answer=4)


def test_the_loss_is_the_mean_over_the_answers_tokens(
    model: LlamaForCausalLM, questions: list[EncodedQuestion]
) -> None:
    with torch.inference_mode():
        found = answer_losses(model, questions)
        for question, loss in zip(questions, found, strict=True):
            tokens = torch.tensor([[*question.prompt, *question.answer]])
            told = model(tokens).logits[0].log_softmax(-1)[len(question.prompt) - 1 : -1]
            by_hand = -told[range(len(question.answer)), list(question.answer)].mean()
            assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def test_generation_is_greedy_and_scored_by_f1(
    model: LlamaForCausalLM,
    questions: list[EncodedQuestion],
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    found = f1_losses(tokenizer, max_new_tokens=5)(model, questions)
    for question, loss in zip(questions, found, strict=True):
        with torch.inference_mode():
            made = model.generate(
                torch.tensor([question.prompt]), max_new_tokens=5, do_sample=False,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
                attention_mask=torch.ones(1, len(question.prompt), dtype=torch.long),
            )  # fmt: skip
        text = tokenizer.decode(made[0, len(question.prompt) :], skip_special_tokens=True)
        assert float(loss) == pytest.approx(1 - answer_f1(text, question.right_answers))
    assert set(found.tolist()) <= {0.0, 1.0} or found.min() >= 0


def test_both_objectives_can_be_probed(
    model: LlamaForCausalLM,
    questions: list[EncodedQuestion],
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    for losses in (answer_losses, f1_losses(tokenizer, 4)):
        probed = probe_losses(model, losses, questions, 3, Probe(2.0**-4))
        assert probed.plus.shape == probed.minus.shape == (2,)
    assert abs(probe_losses(model, answer_losses, questions, 3, Probe(2.0**-4)).plus).min() > 0


@pytest.mark.parametrize(
    ("answer", "right", "f1"),
    [
        ("Paris", ["Paris"], 1.0),
        ("The Paris.", ["paris"], 1.0),
        ("in Paris France", ["Paris", "Paris, France"], 0.8),
        ("Rome", ["Paris"], 0.0),
        ("", ["Paris"], 0.0),
        ("the", ["a"], 1.0),
        ("Paris Paris", ["Paris"], 2 / 3),
    ],
)
def test_f1(answer: str, right: list[str], f1: float) -> None:
    assert answer_f1(answer, right) == pytest.approx(f1)


def test_a_long_context_is_cut_at_its_beginning(tokenizer: PreTrainedTokenizerFast) -> None:
    example = Example({"context": "tower " * 200, "question": "Where is it?"}, "Paris")
    (question,) = encode_questions([example], SQUAD, tokenizer, room_for_answer=4)
    assert len(question.prompt) == 60
    assert tokenizer.decode(question.prompt[-8:]).startswith("question : where")
    assert question.prompt[0] == tokenizer.bos_token_id
