"""Which examples share a forward pass: those of like length, so that little of it is padding.

A pass costs its examples times its longest text, whatever the others need. Losses are per
example, so the division changes what is computed by rounding alone.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

ExampleT = TypeVar("ExampleT")
ExampleLosses: TypeAlias = Callable[[torch.nn.Module, Sequence[ExampleT]], torch.Tensor]
"""Loss of each example under the weights as they read now: float32, shape (n_examples,)."""
Passes: TypeAlias = Callable[[Sequence[ExampleT]], list[list[int]]]
"""From examples to the indices of those in each pass; every example is in one of them."""

MOST_PADDING = 0.15
"""Share of a pass that may be padding."""

TOKENS_PER_PASS = 4096
"""Tokens of a pass, padding included, where nobody says how many examples it may have."""


def in_order(examples_per_pass: int) -> Passes[object]:
    """Return passes of so many examples, in the order in which they come.

    Raises:
        ValueError: It is less than 1.

    >>> in_order(2)("abc")
    [[0, 1], [2]]
    """
    _check(examples_per_pass)

    def passes(examples: Sequence[object]) -> list[list[int]]:
        indices = list(range(len(examples)))
        return [
            indices[i : i + examples_per_pass] for i in range(0, len(indices), examples_per_pass)
        ]

    return passes


def by_length(
    tokens_of: Callable[[ExampleT], int], examples_per_pass: int | None = None
) -> Passes[ExampleT]:
    """Return passes of which each has less than 15 % padding.

    From the longest example down, a pass takes what comes next until its padding or its size
    would be too large.

    Args:
        tokens_of: Length of an example, at least 1.
        examples_per_pass: Most examples in a pass, at least 1; None for as many as fit into
            `TOKENS_PER_PASS`, and one where it alone is longer.

    Raises:
        ValueError: examples_per_pass is less than 1.

    >>> by_length(len)(["aa", "aaaaaaaa", "aaaaaaa", "aa"])
    [[1, 2], [0, 3]]
    """
    _check(1 if examples_per_pass is None else examples_per_pass)

    def passes(examples: Sequence[ExampleT]) -> list[list[int]]:
        lengths = [tokens_of(example) for example in examples]
        made: list[list[int]] = []
        n_real = 0
        for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            longest = lengths[made[-1][0]] if made else 0
            count = len(made[-1]) + 1 if made else 0
            most = examples_per_pass or max(1, TOKENS_PER_PASS // max(longest, 1))
            n_padding = longest * count - n_real - lengths[index]
            if made and count <= most and n_padding < MOST_PADDING * longest * count:
                made[-1].append(index)
                n_real += lengths[index]
            else:
                made.append([index])
                n_real = lengths[index]
        return made

    return passes


def losses_in_passes(
    model: torch.nn.Module,
    example_losses: ExampleLosses[ExampleT],
    examples: Sequence[ExampleT],
    passes: Passes[ExampleT],
) -> NDArray[np.float64]:
    """Return the loss of every example, in the order of the examples.

    Args:
        model: Model in evaluation mode.
        example_losses: Losses of given examples under the model.
        examples: Examples, may be none.
        passes: Which of them share a forward pass.

    Raises:
        ValueError: The losses have the wrong shape.
    """
    found = np.zeros(len(examples))
    for indices in passes(examples):
        losses = example_losses(model, [examples[i] for i in indices])
        if losses.shape != (len(indices),):
            raise ValueError(
                f"example_losses gave shape {tuple(losses.shape)} for {len(indices)} examples; it "
                f"must give one loss an example, shape ({len(indices)},)"
            )
        found[indices] = losses.cpu().double().numpy()  # mps has no double
    return found


def _check(examples_per_pass: int) -> None:
    if examples_per_pass < 1:
        raise ValueError(
            f"examples_per_pass = {examples_per_pass} must be at least 1; lower it only as far as "
            "memory asks"
        )
