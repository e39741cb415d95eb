"""From a task and a kind of model to what is measured: losses of examples, and their score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch

from sdr_ota.assembly.trained_model import is_small
from sdr_ota.config.load import Config
from zo_core.data.examples import Example
from zo_core.language.answers import answer_losses, encode_questions, f1_losses
from zo_core.language.encoding import encode_examples, encode_prompts
from zo_core.language.held_out import HeldOutResult, judge_answers, judge_labels
from zo_core.language.models import LanguageModel
from zo_core.language.objective import (
    candidate_scores,
    class_scores,
    cross_entropy,
    zero_one_loss,
)
from zo_core.language.tasks import PromptTask, QuestionTask
from zo_core.language.unknown_tokens import unknown_token_share
from zo_core.probing.passes import ExampleLosses, Passes, by_length, in_order

SMALL_PASS = 64
"""Examples in a pass of a small model, where nobody says how many."""


@dataclass(frozen=True)
class Objective:
    """What a run makes small, and what it is judged by.

    Attributes:
        encode: Turns examples into token ids.
        losses: Loss of each encoded example.
        judge: Score, loss and score of every label of encoded examples.
        score_name: What the score is called.
        unknown_share: Share of the encoded examples' tokens that the tokenizer does not know.
    """

    encode: Callable[[Sequence[Example]], list[Any]]
    losses: ExampleLosses[Any]
    judge: Callable[[torch.nn.Module, Sequence[Any]], HeldOutResult]
    score_name: str
    unknown_share: Callable[[Sequence[Any]], float]


def objective_of(
    config: Config, task: PromptTask | QuestionTask, loaded: LanguageModel
) -> Objective:
    """Return what the config asks to learn on a task with a model."""
    passes = _by_length(config)
    tokenizer, is_smooth = loaded.tokenizer, config.zo.objective == "loss"

    def unknown_share(examples: Sequence[Any]) -> float:
        return unknown_token_share([example.prompt for example in examples], tokenizer)

    if isinstance(task, QuestionTask):
        return Objective(
            encode=lambda examples: encode_questions(examples, task, tokenizer),
            losses=answer_losses if is_smooth else f1_losses(tokenizer),
            judge=lambda model, questions: judge_answers(model, questions, tokenizer, passes),
            score_name="F1",
            unknown_share=unknown_share,
        )
    is_causal = config.model.kind == "causal"
    encode, scores = (
        (encode_examples, candidate_scores) if is_causal else (encode_prompts, class_scores)
    )
    return Objective(
        encode=lambda examples: encode(examples, task, tokenizer),
        losses=cross_entropy(scores) if is_smooth else zero_one_loss(scores),
        judge=lambda model, examples: judge_labels(model, examples, scores, task.labels, passes),
        score_name="accuracy",
        unknown_share=unknown_share,
    )


def probe_passes(config: Config, model: torch.nn.Module) -> Passes[Any]:
    """Return which examples share a forward pass of a probe: those of like length.

    A pass of a small model costs more than the padding that it would save, so such a model takes
    examples as they come, unless the config says how many.
    """
    asked = config.model.examples_per_pass
    return in_order(SMALL_PASS) if asked == "auto" and is_small(model) else _by_length(config)


def _by_length(config: Config) -> Passes[Any]:
    asked = config.model.examples_per_pass
    return by_length(_n_tokens, None if asked == "auto" else asked)


_n_tokens = attrgetter("n_tokens")
