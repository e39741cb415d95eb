"""From hidden states to logits of some words: the model's own head, without the whole vocabulary.

Families differ in what follows the product of hidden state and head: a bias (Phi, GPT-J), a
factor (Granite divides, Cohere and Falcon-H1 multiply), a soft cap (Gemma 2: Gemma Team, "Gemma 2:
Improving Open Language Models at a Practical Size", arXiv 2408.00118, section 2). What a family
does beyond that is found when a model is loaded (`own_logits`).
"""

from dataclasses import dataclass
from typing import cast

import torch
from transformers import PreTrainedModel

from zo_core.language.adapters import has_adapters

FACTORS = ("logit_scale", "lm_head_multiplier")
DIVISORS = ("logits_scaling",)
CAPS = ("final_logit_softcapping", "logits_soft_cap")
"""Keys of a model's config that say what follows its head."""


@dataclass(frozen=True)
class Head:
    """What makes logits of hidden states.

    Attributes:
        linear: The head; its weights are read through it, as a probe asks for.
        factor: Of the product of hidden state and head, bias included.
        cap: Logits become cap * tanh(logits / cap); None for none.
    """

    linear: torch.nn.Linear
    factor: float = 1.0
    cap: float | None = None

    @property
    def n_words(self) -> int:
        """Size of the vocabulary."""
        return self.linear.weight.shape[0]

    def logits(self, hidden: torch.Tensor, words: torch.Tensor | slice) -> torch.Tensor:
        """Return the logits of some words, computed in float32.

        Args:
            hidden: Hidden states, shape (n, width).
            words: Token ids, shape (n_words,), or a range of them.

        Returns:
            Logits, float32, shape (n, n_words).
        """
        logits = hidden.float() @ self.linear.weight[words].float().T
        if self.linear.bias is not None:
            logits = logits + self.linear.bias[words].float()
        if self.factor != 1.0:
            logits = logits * self.factor
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def head_of(model: torch.nn.Module) -> Head | None:
    """Return the head of a causal language model; None where it has no linear one.

    Args:
        model: Of transformers, also in peft's wrapper.
    """
    plain = plain_model(model)
    linear = plain.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(linear, torch.nn.Linear):
        return None
    config = plain.config.get_text_config()
    factor = 1.0
    for key in FACTORS:
        factor *= _number(config, key) or 1.0
    for key in DIVISORS:
        factor /= _number(config, key) or 1.0
    caps = [cap for key in CAPS if (cap := _number(config, key))]
    return Head(linear, factor, caps[0] if caps else None)


def plain_model(model: torch.nn.Module) -> PreTrainedModel:
    """Return the model of transformers inside peft's wrapper; its adapters stay in place."""
    return cast(PreTrainedModel, model.get_base_model() if has_adapters(model) else model)


def is_classifier(plain: PreTrainedModel) -> bool:
    """Return whether a model of transformers classifies texts instead of going on with them."""
    return "SequenceClassification" in type(plain).__name__


def _number(config: object, key: str) -> float | None:
    value = getattr(config, key, None)
    return None if value is None else float(value)
