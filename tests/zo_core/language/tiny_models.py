"""Shapes of models that are made in no time, and a tokenizer for them."""

from typing import Any

from transformers import PreTrainedTokenizerFast

from zo_core.language.own_logits import PROMPTS
from zo_core.language.small_opt import SmallOptRecipe, build_tokenizer

MAX_POSITIONS = 40


def small(vocab_size: int = 20, n_layers: int = 2) -> dict[str, Any]:
    """Return what every family's configuration knows."""
    return {
        "vocab_size": vocab_size,
        "hidden_size": 16,
        "num_hidden_layers": n_layers,
        "num_attention_heads": 2,
    }


def wide(vocab_size: int = 20, n_layers: int = 2) -> dict[str, Any]:
    """Return what most families' configurations know besides."""
    rest = {"intermediate_size": 32, "pad_token_id": 1, "max_position_embeddings": MAX_POSITIONS}
    return {**small(vocab_size, n_layers), **rest}


def prompt_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of the words in the prompts that loaded models are checked with."""
    recipe = SmallOptRecipe(min_word_count=1, max_positions=MAX_POSITIONS)
    return build_tokenizer(PROMPTS, recipe)
