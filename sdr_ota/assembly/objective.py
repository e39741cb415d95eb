"""From a task and a kind of model to what is measured: losses of examples, and their score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sdr_ota.config.load import Config
from zo_core.data.examples import Example
from zo_core.language.answers import answer_losses, encode_questions, f1_losses
from zo_core.language.encoding import encode_examples, encode_prompts
from zo_core.language.models import LanguageModel
from zo_core.language.objective import (
    accuracy,
    candidate_scores,
    class_scores,
    cross_entropy,
    zero_one_loss,
)
from zo_core.language.tasks import PromptTask, QuestionTask
from zo_core.probing.estimator import ExampleLosses

EXAMPLES_PER_SCORE = 64
"""Examples in one pass when a model is scored."""


@dataclass(frozen=True)
class Objective:
    """What a run makes small, and what it is judged by.

    Attributes:
        encode: Turns examples into token ids.
        losses: Loss of each encoded example.
        score: Score of encoded examples.
        score_name: What it is called.
    """

    encode: Callable[[Sequence[Example]], list[Any]]
    losses: ExampleLosses[Any]
    score: Callable[[torch.nn.Module, Sequence[Any]], float]
    score_name: str


def objective_of(
    config: Config, task: PromptTask | QuestionTask, loaded: LanguageModel
) -> Objective:
    """Return what the config asks to learn on a task with a model."""
    tokenizer, is_smooth = loaded.tokenizer, config.zo.objective == "loss"
    if isinstance(task, QuestionTask):
        missed = f1_losses(tokenizer)
        return Objective(
            encode=lambda examples: encode_questions(examples, task, tokenizer),
            losses=answer_losses if is_smooth else missed,
            score=lambda model, examples: 1.0 - _mean_loss(missed, model, examples),
            score_name="F1",
        )
    is_causal = config.model.kind == "causal"
    encode, scores = (
        (encode_examples, candidate_scores) if is_causal else (encode_prompts, class_scores)
    )
    return Objective(
        encode=lambda examples: encode(examples, task, tokenizer),
        losses=cross_entropy(scores) if is_smooth else zero_one_loss(scores),
        score=lambda model, examples: accuracy(model, examples, scores),
        score_name="accuracy",
    )


def _mean_loss(
    losses: ExampleLosses[Any], model: torch.nn.Module, examples: Sequence[Any]
) -> float:
    total = 0.0
    with torch.inference_mode():
        for first in range(0, len(examples), EXAMPLES_PER_SCORE):
            total += float(losses(model, examples[first : first + EXAMPLES_PER_SCORE]).sum())
    return total / len(examples)
