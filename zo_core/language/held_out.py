"""How well a model does on examples that nobody trains on: score, loss, score of every label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from zo_core.language.answers import EncodedQuestion, answer_losses, f1_losses
from zo_core.language.encoding import EncodedExample
from zo_core.language.objective import Scores

_Example = TypeVar("_Example")

EXAMPLES_PER_PASS = 64
"""Most examples in one forward pass when a model is judged."""


@dataclass(frozen=True)
class HeldOutResult:
    """What held-out examples say of a model.

    Attributes:
        score: In [0, 1]; more is better: accuracy, or F1 of answers in free text.
        loss: Mean over the examples, nats: cross-entropy of the right label among all labels,
            or of the right answer a token. It moves before the score does.
        label_scores: By label, the share of its examples that were given it (recall); 0 for a
            label and 1 for another is a model that always answers the same. Labels without an
            example are left out; empty for free text.
    """

    score: float
    loss: float
    label_scores: Mapping[str, float] = field(default_factory=dict)


def judge_labels(
    model: torch.nn.Module,
    examples: Sequence[EncodedExample],
    scores: Scores,
    labels: Sequence[str],
) -> HeldOutResult:
    """Judge a model by examples whose right label is known.

    Args:
        model: Model in evaluation mode.
        examples: Encoded examples, at least one.
        scores: Scores of the labels; one forward pass serves loss and hits.
        labels: Names of the labels, in the order of the scores.

    Returns:
        Accuracy, cross-entropy, and accuracy by label.
    """
    # Examples of like length share a pass, so that little of it is padding.
    ordered = sorted(examples, key=lambda example: len(example.prompt))
    given = torch.cat([_scored(model, part, scores) for part in _passes(ordered)])
    right = torch.tensor([example.label for example in ordered])
    hits = given.argmax(dim=1) == right
    # The number of misses is taken off 1, as `objective.accuracy` does: the same float.
    return HeldOutResult(
        score=1.0 - float((~hits).sum()) / len(ordered),
        loss=float(functional.cross_entropy(given.double(), right)),
        label_scores={
            name: float(hits[right == index].double().mean())
            for index, name in enumerate(labels)
            if bool((right == index).any())
        },
    )


def judge_answers(
    model: torch.nn.Module,
    questions: Sequence[EncodedQuestion],
    tokenizer: PreTrainedTokenizerBase,
) -> HeldOutResult:
    """Judge a model by questions whose answers are free text.

    Args:
        model: Causal language model in evaluation mode.
        questions: At least one.
        tokenizer: Turns tokens into text.

    Returns:
        Mean F1 of the generated answers, and the mean loss of the right ones.
    """
    missed, n_missed, loss = f1_losses(tokenizer), 0.0, 0.0
    with torch.inference_mode():
        for part in _passes(questions):
            n_missed += float(missed(model, part).sum())
            loss += float(answer_losses(model, part).sum())
    return HeldOutResult(1.0 - n_missed / len(questions), loss / len(questions))


def _passes(examples: Sequence[_Example]) -> list[Sequence[_Example]]:
    firsts = range(0, len(examples), EXAMPLES_PER_PASS)
    return [examples[first : first + EXAMPLES_PER_PASS] for first in firsts]


def _scored(
    model: torch.nn.Module, examples: Sequence[EncodedExample], scores: Scores
) -> torch.Tensor:
    with torch.inference_mode():
        return scores(model, examples).cpu()
