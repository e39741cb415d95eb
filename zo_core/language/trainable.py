"""Which weights learn: all of them, some layers, or adapters beside frozen weights.

Only what learns is perturbed, takes steps and stands in the journal. Adapters come from the
package ``peft`` (extra ``llm``); their first weights follow from a seed, so that every client
starts from the same bits.
"""

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from zo_core.language.head import is_classifier
from zo_core.language.own_logits import ScoresDifferError, check_prefix
from zo_core.language.quiet import quiet_transformers

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel, PrefixTuningConfig


class NothingToTrainError(ValueError):
    """What shall learn is not there, or cannot be put beside a model of this family."""


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
    model: PreTrainedModel,
    rank: int,
    alpha: int | None = None,
    seed: int = 0,
    targets: Sequence[str] = (),
) -> torch.nn.Module:
    """Freeze a model and put low-rank adapters beside some of its linear layers.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685):
    W becomes W + (alpha / rank) B A, with B = 0 at the start.

    Args:
        model: Changed in place.
        rank: Columns of B and rows of A, at least 1.
        alpha: Scale; ``2 * rank`` by default.
        seed: Of the first A.
        targets: Ends of the names of the layers to adapt, such as ``q_proj``; without any, the
            attention projections that peft knows of the model's family.

    Returns:
        The model in peft's wrapper.

    Raises:
        NothingToTrainError: peft does not know the family, or no layer has such a name.
    """
    from peft import LoraConfig  # noqa: PLC0415 - takes seconds

    linear = _linear_names(model)
    config = LoraConfig(
        task_type=_task_type(model),
        r=rank,
        lora_alpha=2 * rank if alpha is None else alpha,
        target_modules=list(targets) or None,
    )
    try:
        return _adapted(model, config, seed)
    except ValueError as error:
        asked = (
            f"no layer of {type(model).__name__} that LoRA can be put beside is called "
            f"{' or '.join(targets)}"
            if targets
            else f"peft does not know where in {type(model).__name__} to put LoRA"
        )
        raise NothingToTrainError(
            f"{asked}; name layers in model.lora_targets: its linear ones are {', '.join(linear)}"
        ) from error


def with_prefix(
    model: PreTrainedModel, n_tokens: int, tokenizer: PreTrainedTokenizerBase, seed: int = 0
) -> torch.nn.Module:
    """Freeze a model and put learned keys and values before every text.

    Li and Liang, "Prefix-Tuning" (arXiv 2101.00190), without its reparametrisation.

    Args:
        model: A causal language model; changed in place.
        n_tokens: Length of the prefix, at least 1.
        tokenizer: Of the model; texts become shorter by the prefix.
        seed: Of its first values.

    Returns:
        The model in peft's wrapper.

    Raises:
        NothingToTrainError: The family cannot take a prefix, or not as peft puts it.
    """
    from peft import PrefixTuningConfig  # noqa: PLC0415 - takes seconds

    config = PrefixTuningConfig(task_type=_task_type(model), num_virtual_tokens=n_tokens)
    kind = type(model).__name__
    try:
        adapted = _adapted(model, config, seed)
        check_prefix(adapted, tokenizer)
    except (AttributeError, ScoresDifferError, ValueError) as error:  # as peft's guesses fail
        raise NothingToTrainError(
            f"{kind} cannot take a prefix ({_first_line(error)}); use model.train = "
            '"lora", "layers" or "all"'
        ) from error
    tokenizer.model_max_length -= n_tokens
    return adapted


def _linear_names(model: PreTrainedModel) -> list[str]:
    """Return the last parts of the names of a model's linear layers, its head left out."""
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    kinds = (torch.nn.Linear, Conv1D)
    names = [
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, kinds) and module is not head
    ]
    return list(dict.fromkeys(name for name in names if not name.isdecimal()))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _adapted(
    model: PreTrainedModel, config: "LoraConfig | PrefixTuningConfig", seed: int
) -> "PeftModel":
    from peft import get_peft_model  # noqa: PLC0415 - takes seconds

    with torch.random.fork_rng(devices=[]), quiet_transformers(), warnings.catch_warnings():
        # peft asks transformers for a property by its old name.
        warnings.simplefilter("ignore", FutureWarning)
        # GPT-2 keeps weights the other way round; peft sets this right by itself.
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False", UserWarning)
        torch.default_generator.manual_seed(seed)
        adapted = get_peft_model(model, config)
    return cast("PeftModel", adapted.eval())


def _task_type(model: PreTrainedModel) -> str:
    """Return the task as peft's configurations name it."""
    return "SEQ_CLS" if is_classifier(model) else "CAUSAL_LM"
