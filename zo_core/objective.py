"""The loss of a causal language model on classification examples, one number an example.

Hidden states come from the model's body for all positions, but the vocabulary is met only
where a label is scored: logits for all positions would take more memory than the model.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from zo_core.encoding import EncodedExample

VOCABULARY_PIECE = 8192
"""Vocabulary entries that are scored at a time where all of them are needed."""


def candidate_losses(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    """Give the cross-entropy of the right label among the candidates, for each example.

    With s_j the log-likelihood of candidate j after the prompt, the loss is
    -s_right + log sum_j exp(s_j), in nats.

    Args:
        model: Causal language model of transformers in evaluation mode.
        examples: Encoded examples with equally many candidates, at least one example.

    Returns:
        Losses, float32, shape (n_examples,).
    """
    right = torch.tensor([example.label for example in examples], device=_device(model))
    return functional.cross_entropy(candidate_scores(model, examples), right, reduction="none")


def accuracy(
    model: torch.nn.Module, examples: Sequence[EncodedExample], examples_per_pass: int = 64
) -> float:
    """Give the share of examples whose right candidate has the highest score.

    Args:
        model: Causal language model of transformers in evaluation mode.
        examples: Encoded examples, at least one.
        examples_per_pass: Most examples in one forward pass.

    Returns:
        Accuracy in [0, 1].
    """
    # Examples of like length share a pass, so that little of it is padding.
    ordered = sorted(examples, key=lambda example: len(example.prompt))
    n_right = 0
    with torch.inference_mode():
        for first in range(0, len(ordered), examples_per_pass):
            part = ordered[first : first + examples_per_pass]
            chosen = candidate_scores(model, part).argmax(dim=1).tolist()
            n_right += sum(i == example.label for i, example in zip(chosen, part, strict=True))
    return n_right / len(ordered)


def candidate_scores(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    """Score every candidate of every example.

    The score is the log-likelihood of the candidate after the prompt, summed over its tokens.
    Where every candidate is one token, the log of the normaliser is left out: it is the same
    for all candidates of an example, so neither their order nor the loss depends on it.

    Args:
        model: Causal language model of transformers in evaluation mode.
        examples: Encoded examples with equally many candidates, at least one example.

    Returns:
        Scores in nats, float32, shape (n_examples, n_candidates).
    """
    candidates = [candidate for example in examples for candidate in example.candidates]
    if all(len(candidate) == 1 for candidate in candidates):
        return _single_token_scores(model, examples)
    return _sequence_scores(model, examples)


def _single_token_scores(
    model: torch.nn.Module, examples: Sequence[EncodedExample]
) -> torch.Tensor:
    hidden = _hidden_states(model, [example.prompt for example in examples])
    last = [len(example.prompt) - 1 for example in examples]
    at_label = hidden[torch.arange(len(examples)), last].float()
    tokens = torch.tensor([[ids[0] for ids in example.candidates] for example in examples])
    used, column = torch.unique(tokens.to(hidden.device), return_inverse=True)
    return (at_label @ _head_weight(model)[used].float().T).gather(1, column)


def _sequence_scores(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    pairs = [(example.prompt, ids) for example in examples for ids in example.candidates]
    hidden = _hidden_states(model, [(*prompt, *ids[:-1]) for prompt, ids in pairs])
    rows = [row for row, (_, ids) in enumerate(pairs) for _ in ids]
    places = [len(prompt) - 1 + i for prompt, ids in pairs for i in range(len(ids))]
    tokens = torch.tensor([token for _, ids in pairs for token in ids], device=hidden.device)
    scores = _log_likelihoods(model, hidden[rows, places].float(), tokens)
    summed = torch.zeros(len(pairs), device=hidden.device)
    summed.index_add_(0, torch.tensor(rows, device=hidden.device), scores)
    return summed.view(len(examples), -1)


def _log_likelihoods(
    model: torch.nn.Module, hidden: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    weight = _head_weight(model)
    normaliser = torch.full(hidden.shape[:1], -torch.inf, device=hidden.device)
    for first in range(0, weight.shape[0], VOCABULARY_PIECE):
        logits = hidden @ weight[first : first + VOCABULARY_PIECE].float().T
        normaliser = torch.logaddexp(normaliser, logits.logsumexp(dim=1))
    used, column = torch.unique(tokens, return_inverse=True)
    return (hidden * weight[used].float()[column]).sum(dim=1) - normaliser


def _hidden_states(model: torch.nn.Module, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    # Padding stands at the end, where causal attention cannot see it. So no mask is needed,
    # positions count from the first token, and the padding may be any token.
    token_ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, tokens in zip(token_ids, rows, strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    body = cast(PreTrainedModel, model).base_model
    outputs = body(input_ids=token_ids.to(_device(model)), use_cache=False)
    return cast(torch.Tensor, outputs.last_hidden_state)


def _head_weight(model: torch.nn.Module) -> torch.Tensor:
    head = cast(PreTrainedModel, model).get_output_embeddings()  # type: ignore[no-untyped-call]
    # Read through its module: during a probe the weight is a stand-in (zo_core.perturbation).
    return cast(torch.Tensor, head.weight)


def _device(model: torch.nn.Module) -> torch.device:
    return cast(PreTrainedModel, model).device
