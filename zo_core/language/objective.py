"""Scores of the labels of classification examples, and what is made of them: a loss or a hit.

A causal language model scores the words that each label stands for. Its hidden states come
from the body for all positions, but the vocabulary is met only where a label is scored: logits
for all positions would take more memory than the model. A sequence classifier has a score for
every label itself.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import torch
from torch.nn import functional

from zo_core.language.adapters import has_adapters
from zo_core.language.encoding import EncodedExample
from zo_core.language.head import Head, head_of, plain_model
from zo_core.probing.passes import ExampleLosses, Passes, by_length, losses_in_passes

if TYPE_CHECKING:
    from peft import PeftModel

VOCABULARY_PIECE = 8192
"""Vocabulary entries that are scored at a time where all of them are needed."""

Scores: TypeAlias = Callable[[torch.nn.Module, Sequence[EncodedExample]], torch.Tensor]
"""From a model and examples to one score a label, float32, shape (n_examples, n_labels)."""


def cross_entropy(scores: Scores) -> ExampleLosses[EncodedExample]:
    """Return the loss of each example: cross-entropy of the right label, in nats.

    With s_j the score of label j, the loss is -s_right + log sum_j exp(s_j).

    Args:
        scores: Scores of the labels.
    """

    def losses(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
        right = torch.tensor([example.label for example in examples], device=_device(model))
        return functional.cross_entropy(scores(model, examples), right, reduction="none")

    return losses


def zero_one_loss(scores: Scores) -> ExampleLosses[EncodedExample]:
    """Return the loss of each example: 0 if its right label has the highest score, 1 if not.

    It has no gradient; a zeroth-order step needs none.

    Args:
        scores: Scores of the labels.
    """

    def losses(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
        right = torch.tensor([example.label for example in examples], device=_device(model))
        return (scores(model, examples).argmax(dim=1) != right).float()

    return losses


def accuracy(
    model: torch.nn.Module,
    examples: Sequence[EncodedExample],
    scores: Scores | None = None,
    passes: Passes[EncodedExample] | None = None,
) -> float:
    """Give the share of examples whose right label has the highest score.

    Args:
        model: Model in evaluation mode.
        examples: Encoded examples, at least one.
        scores: Scores of the labels; `candidate_scores` by default.
        passes: Which examples share a forward pass; those of like length by default.

    Returns:
        Accuracy in [0, 1].
    """
    losses = zero_one_loss(scores or candidate_scores)
    chosen = passes or by_length(lambda example: example.n_tokens)
    with torch.inference_mode():
        wrong = losses_in_passes(model, losses, examples, chosen)
    return 1.0 - float(wrong.mean())


def class_scores(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    """Score every label of every example by a sequence classifier.

    Args:
        model: Sequence classifier of transformers in evaluation mode, with one output a label.
        examples: Encoded examples, at least one; only their prompts are read.

    Returns:
        The classifier's outputs (logits), float32, shape (n_examples, n_labels).
    """
    # Classifiers of decoder families find a text's last token by the padding token.
    padding = plain_model(model).config.pad_token_id
    token_ids = _padded([example.prompt for example in examples], padding or 0)
    lengths = torch.tensor([len(example.prompt) for example in examples])
    mask = (torch.arange(token_ids.shape[1]) < lengths[:, None]).long()
    device = _device(model)
    outputs = model(input_ids=token_ids.to(device), attention_mask=mask.to(device))
    return cast(torch.Tensor, outputs.logits).float()


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


def next_tokens(model: torch.nn.Module, texts: Sequence[Sequence[int]]) -> list[int]:
    """Return the most likely token after every text.

    Args:
        model: Causal language model of transformers in evaluation mode.
        texts: Token ids, at least one text.
    """
    head, last = _head(model), last_hidden_states(model, texts)
    logits = [head.logits(last, words) for words in _pieces(head)]
    return [int(token) for token in torch.cat(logits, dim=1).argmax(dim=1)]


def last_hidden_states(model: torch.nn.Module, texts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return the hidden state of every text's last token, from one padded batch.

    Args:
        model: Causal language model of transformers in evaluation mode.
        texts: Token ids, at least one text.

    Returns:
        Hidden states, shape (n_texts, width), in the format of the weights.
    """
    hidden = _hidden_states(model, texts)
    return hidden[torch.arange(len(texts)), [len(text) - 1 for text in texts]]


def _single_token_scores(
    model: torch.nn.Module, examples: Sequence[EncodedExample]
) -> torch.Tensor:
    last = last_hidden_states(model, [example.prompt for example in examples])
    tokens = torch.tensor([[ids[0] for ids in example.candidates] for example in examples])
    used, column = torch.unique(tokens.to(last.device), return_inverse=True)
    return _head(model).logits(last, used).gather(1, column)


def _sequence_scores(model: torch.nn.Module, examples: Sequence[EncodedExample]) -> torch.Tensor:
    pairs = [(example.prompt, ids) for example in examples for ids in example.candidates]
    hidden = _hidden_states(model, [(*prompt, *ids[:-1]) for prompt, ids in pairs])
    rows = [row for row, (_, ids) in enumerate(pairs) for _ in ids]
    places = [len(prompt) - 1 + i for prompt, ids in pairs for i in range(len(ids))]
    tokens = torch.tensor([token for _, ids in pairs for token in ids], device=hidden.device)
    scores = _log_likelihoods(_head(model), hidden[rows, places], tokens)
    summed = torch.zeros(len(pairs), device=hidden.device)
    summed.index_add_(0, torch.tensor(rows, device=hidden.device), scores)
    return summed.view(len(examples), -1)


def _log_likelihoods(head: Head, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    normaliser = torch.full(hidden.shape[:1], -torch.inf, device=hidden.device)
    for words in _pieces(head):
        normaliser = torch.logaddexp(normaliser, head.logits(hidden, words).logsumexp(dim=1))
    used, column = torch.unique(tokens, return_inverse=True)
    return head.logits(hidden, used).gather(1, column[:, None])[:, 0] - normaliser


def _head(model: torch.nn.Module) -> Head:
    head = head_of(model)
    if head is None:
        raise TypeError(f"{type(plain_model(model)).__name__} has no linear head over words")
    return head


def _pieces(head: Head) -> list[slice]:
    starts = range(0, head.n_words, VOCABULARY_PIECE)
    return [slice(first, first + VOCABULARY_PIECE) for first in starts]


def _hidden_states(model: torch.nn.Module, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    # Padding stands at the end, where causal attention cannot see it. So no mask is needed,
    # positions count from the first token, and the padding may be any token.
    token_ids = _padded(rows, 0).to(_device(model))
    body = plain_model(model).base_model
    with warnings.catch_warnings():
        # Newer versions of transformers know a prefix under another name, and take this one.
        warnings.filterwarnings("ignore", "`past_key_values`", FutureWarning)
        outputs = body(input_ids=token_ids, use_cache=False, **_prefix(model, token_ids))
    return cast(torch.Tensor, outputs.last_hidden_state)


def _prefix(model: torch.nn.Module, token_ids: torch.Tensor) -> dict[str, object]:
    """Return the learned keys and values that stand before every text, if the model has any."""
    if not (has_adapters(model) and _is_prefix(model)):
        return {}
    n_rows, n_tokens = token_ids.shape
    n_prefix = model.active_peft_config.num_virtual_tokens
    mask = torch.ones(n_rows, n_prefix + n_tokens, dtype=torch.long, device=token_ids.device)
    return {"past_key_values": model.get_prompt(batch_size=n_rows), "attention_mask": mask}


def _is_prefix(model: "PeftModel") -> bool:
    return str(model.active_peft_config.peft_type.value) == "PREFIX_TUNING"


def _padded(rows: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    token_ids = torch.full((len(rows), max(map(len, rows))), padding, dtype=torch.long)
    for row, tokens in zip(token_ids, rows, strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    return token_ids


def _device(model: torch.nn.Module) -> torch.device:
    return plain_model(model).device
