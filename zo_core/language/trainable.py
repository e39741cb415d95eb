"""Which weights learn: all of them, some layers, or adapters beside frozen weights.

Only what learns is perturbed, takes steps and stands in the journal. Adapters come from the
package ``peft`` (extra ``llm``); their first weights follow from a seed, so that every client
starts from the same bits.
"""

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import cast

import torch
from peft import LoraConfig, PrefixTuningConfig, TaskType, get_peft_model
from transformers import PreTrainedModel

from zo_core.language.quiet import quiet_transformers


class NothingToTrainError(ValueError):
    """No parameter of the model fits what was asked for."""


def train_layers(model: PreTrainedModel, patterns: Sequence[str]) -> PreTrainedModel:
    """Let only the parameters learn whose names fit a pattern.

    Args:
        model: Changed in place.
        patterns: Shell patterns of parameter names, such as ``*layers.11.*`` or ``*bias``.

    Returns:
        The model.

    Raises:
        NothingToTrainError: A pattern fits no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise NothingToTrainError(
                f"no parameter of {type(model).__name__} fits {pattern!r}; its names are like "
                f"{', '.join(names[:: max(len(names) // 6, 1)])}"
            )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(fnmatchcase(name, pattern) for pattern in patterns))
    return model


def with_lora(
    model: PreTrainedModel, rank: int, alpha: int | None = None, seed: int = 0
) -> torch.nn.Module:
    """Freeze a model and put low-rank adapters beside its attention projections.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685):
    W becomes W + (alpha / rank) B A, with B = 0 at the start.

    Args:
        model: Changed in place; peft knows which projections of its family to adapt.
        rank: Columns of B and rows of A, at least 1.
        alpha: Scale; ``2 * rank`` by default.
        seed: Of the first A.

    Returns:
        The model in peft's wrapper.
    """
    scale = 2 * rank if alpha is None else alpha
    task = _task_type(model)
    return _adapted(model, LoraConfig(task_type=task, r=rank, lora_alpha=scale), seed)


def with_prefix(model: PreTrainedModel, n_tokens: int, seed: int = 0) -> torch.nn.Module:
    """Freeze a model and put learned keys and values before every text.

    Li and Liang, "Prefix-Tuning" (arXiv 2101.00190), without its reparametrisation.

    Args:
        model: A causal language model; changed in place.
        n_tokens: Length of the prefix, at least 1.
        seed: Of its first values.

    Returns:
        The model in peft's wrapper.
    """
    config = PrefixTuningConfig(task_type=_task_type(model), num_virtual_tokens=n_tokens)
    return _adapted(model, config, seed)


def _adapted(
    model: PreTrainedModel, config: LoraConfig | PrefixTuningConfig, seed: int
) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]), quiet_transformers(), warnings.catch_warnings():
        # peft asks transformers for a property by its old name.
        warnings.simplefilter("ignore", FutureWarning)
        torch.default_generator.manual_seed(seed)
        adapted = get_peft_model(model, config)
    return cast(torch.nn.Module, adapted.eval())


def _task_type(model: PreTrainedModel) -> TaskType:
    classifies = "SequenceClassification" in type(model).__name__
    return TaskType.SEQ_CLS if classifies else TaskType.CAUSAL_LM
