"""Score, loss and scores by label, against numbers worked out by hand."""

import math
from collections.abc import Sequence

import pytest
import torch

from zo_core.language.encoding import EncodedExample
from zo_core.language.held_out import judge_labels
from zo_core.probing.passes import by_length

LABELS = ("no", "yes", "maybe")


def odds_three_to_one(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    """Score the label that a prompt's first token names three times as likely as each other."""
    scores = torch.zeros(len(examples), len(LABELS))
    for row, example in zip(scores, examples, strict=True):
        row[example.prompt[0]] = math.log(3)
    return scores


def test_score_loss_and_labels_are_those_of_the_given_scores() -> None:
    said_and_right = [(0, 0)] * 3 + [(1, 0)] + [(1, 1)] * 2 + [(0, 1)] * 2
    # Lengths differ, so that the examples are judged in another order than they came in.
    examples = [
        EncodedExample((said, *range(length)), (), right)
        for length, (said, right) in enumerate(said_and_right * 20, start=1)
    ]
    passes = by_length(lambda example: example.n_tokens, 64)
    assert len(passes(examples)) > 1
    result = judge_labels(torch.nn.Identity(), examples, odds_three_to_one, LABELS, passes)
    assert result.score == 5 / 8
    assert result.label_scores == {"no": 0.75, "yes": 0.5}  # of "maybe" there is none
    # Of three labels at odds 3 : 1 : 1, the named one has probability 3/5, another 1/5.
    assert result.loss == pytest.approx(-(5 * math.log(3 / 5) + 3 * math.log(1 / 5)) / 8, abs=1e-7)
