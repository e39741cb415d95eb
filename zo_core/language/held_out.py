"""How well a model does on examples that nobody trains on: score, loss, score of every label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from zo_core.language.answers import EncodedQuestion, answer_losses, f1_losses
from zo_core.language.encoding import EncodedExample
from zo_core.language.objective import Scores
from zo_core.probing.passes import Passes, losses_in_passes


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
    passes: Passes[EncodedExample],
) -> HeldOutResult:
    """Judge a model by examples whose right label is known.

    Args:
        model: Model in evaluation mode.
        examples: Encoded examples, at least one.
        scores: Scores of the labels; one forward pass serves loss and hits.
        labels: Names of the labels, in the order of the scores.
        passes: Which examples share a forward pass.

    Returns:
        Accuracy, cross-entropy, and accuracy by label.
    """
    given = torch.empty(len(examples), len(labels), dtype=torch.float64)
    with torch.inference_mode():
        for indices in passes(examples):
            given[indices] = scores(model, [examples[i] for i in indices]).cpu().double()
    right = torch.tensor([example.label for example in examples])
    hits = (given.argmax(dim=1) == right).double()
    return HeldOutResult(
        score=1.0 - float((1.0 - hits).mean()),  # the same float as `objective.accuracy`
        loss=float(functional.cross_entropy(given, right)),
        label_scores={
            name: float(hits[right == index].mean())
            for index, name in enumerate(labels)
            if bool((right == index).any())
        },
    )


def judge_answers(
    model: torch.nn.Module,
    questions: Sequence[EncodedQuestion],
    tokenizer: PreTrainedTokenizerBase,
    passes: Passes[EncodedQuestion],
) -> HeldOutResult:
    """Judge a model by questions whose answers are free text.

    Args:
        model: Causal language model in evaluation mode.
        questions: At least one.
        tokenizer: Turns tokens into text.
        passes: Which questions share a forward pass.

    Returns:
        Mean F1 of the generated answers, and the mean loss of the right ones.
    """
    with torch.inference_mode():
        missed = losses_in_passes(model, f1_losses(tokenizer), questions, passes)
        losses = losses_in_passes(model, answer_losses, questions, passes)
    return HeldOutResult(1.0 - float(missed.mean()), float(losses.mean()))
