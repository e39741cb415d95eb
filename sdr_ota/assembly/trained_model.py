"""From a config to the model that learns: loaded, and with what is to be trained chosen."""

from collections.abc import Callable

import torch

from sdr_ota.config.load import Config
from sdr_ota.failure import WRONG_USE, CommandFailed
from zo_core.directions.device import find_device, move_to
from zo_core.language.int8_base import with_int8_base
from zo_core.language.models import LanguageModel, load_classifier, load_model
from zo_core.language.tasks import PromptTask, QuestionTask
from zo_core.language.trainable import train_layers, with_lora, with_prefix

Progress = Callable[[int, int, float], None]

SMALL_MODEL = 5_000_000
"""Parameters below which what surrounds an operation costs more than the operation."""


def load_base(config: Config, task: PromptTask | QuestionTask, progress: Progress) -> LanguageModel:
    """Load the model that a config names, as its task needs it.

    Raises:
        CommandFailed: If a classifier is asked to answer in free text.
        ModelUnavailableError: If the model cannot be had.
    """
    table = config.model
    if table.kind == "causal":
        return load_model(table.name, table.weight_format, progress)
    if isinstance(task, QuestionTask):
        raise CommandFailed(
            f"task {task.name!r} asks for free text, which a classifier cannot give: set "
            'model.kind = "causal"',
            WRONG_USE,
        )
    return load_classifier(table.name, len(task.labels), table.weight_format, config.run.seed)


def choose_trainable(config: Config, loaded: LanguageModel) -> torch.nn.Module:
    """Return the model with what the config wants to learn; the rest is frozen, in its precision.

    Raises:
        Int8BaseError: If the rest cannot be held in 8 bits.
        NothingToTrainError: If what shall learn is not there or does not go with the family.
    """
    model = _with_trainable(config, loaded)
    if config.model.base_precision == "int8":
        return with_int8_base(model, loaded.tokenizer)
    return model


def _with_trainable(config: Config, loaded: LanguageModel) -> torch.nn.Module:
    table, seed = config.model, config.run.seed
    if table.train == "layers":
        return train_layers(loaded.model, table.layers)
    if table.train == "lora":
        return with_lora(loaded.model, table.lora_rank, seed=seed, targets=table.lora_targets)
    if table.train == "prefix":
        return with_prefix(loaded.model, table.prefix_tokens, loaded.tokenizer, seed)
    return loaded.model


def put_on_device(config: Config, model: torch.nn.Module) -> torch.device:
    """Move a model to where the config wants it, and return where that is.

    What is drawn for adapters and heads has been drawn on the processor: the same bits everywhere.

    Raises:
        DeviceError: If there is no such device, or it makes other directions.
    """
    device = find_device(config.model.device)
    move_to(model, device)
    return device


def is_small(model: torch.nn.Module) -> bool:
    """Return whether threads, and passes without padding, cost a model more than they gain."""
    return sum(p.numel() for p in model.parameters()) < SMALL_MODEL
