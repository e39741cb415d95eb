"""A fine-tuned model as a normal Hugging Face folder, from its base model and its journal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from zo_core.language.adapters import has_adapters
from zo_core.language.int8_base import with_float_base
from zo_core.language.quiet import quiet_transformers
from zo_core.stepping.journal import read_journal, replay


def export_model(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    journal: Path,
    folder: Path,
    n_updates: int | None = None,
) -> int:
    """Replay a journal onto its base model and save the result.

    Full models and selected layers become a folder that ``from_pretrained`` loads, weights
    as safetensors. LoRA adapters are merged into such a model; a prefix cannot be, and is
    saved as peft saves it. A base that was held in 8 bits is saved in floating point, rounded as it
    was in the run; a prefix is saved without it, to be put before the base as it was loaded.

    Args:
        model: The base model, prepared for training as in the run; it is changed.
        tokenizer: Its tokenizer.
        journal: The run's journal.
        folder: Where to save; made if it is not there.
        n_updates: Updates to replay, from the first on: the model as it was after them; all by
            default.

    Returns:
        How many updates were replayed.

    Raises:
        JournalError: The journal cannot be read or belongs to other weights.
        OSError: The folder cannot be written.
    """
    read = read_journal(journal)
    read = replace(read, updates=read.updates[:n_updates])
    replay(model, read)
    with_float_base(model)
    if has_adapters(model) and model.active_peft_config.peft_type.value == "LORA":
        model = model.merge_and_unload()
    save: Callable[..., object] = model.save_pretrained  # type: ignore[assignment]
    with quiet_transformers():
        save(folder)
        tokenizer.save_pretrained(folder)
    return len(read.updates)
