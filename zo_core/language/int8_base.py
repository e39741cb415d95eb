"""A base in 8 bits: frozen linear layers hold whole numbers and one scale an output.

Adapters learn beside it, in floating point. A layer's weight is made when the layer runs, and is
gone when it has run, so one layer at a time is there in floating point. Embeddings, the head over
the vocabulary, norms and biases stay as they are: few words of a head are read at a time.

Others let zeroth-order steps reach the quantised weights: QuZO rounds them stochastically to whole
levels (Zhou et al., arXiv 2502.12346), QZO probes and moves the scales (Shang et al., arXiv
2505.13430). Adapters beside a frozen quantised base are QLoRA's (Dettmers et al., arXiv
2305.14314), there with 4 bits and gradients.
"""

import torch
from torch.nn.utils import parametrize
from transformers import PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from zo_core.language.head import is_classifier, plain_model
from zo_core.language.own_logits import ScoresDifferError, check_causal, check_classifier

_LARGEST_LEVEL = 127


class Int8BaseError(ValueError):
    """A model cannot be held in 8 bits."""


class Int8Weight(torch.nn.Module):
    """Makes a weight of its levels and scales: w = level * scale, rounded once to its format.

    Symmetric, to the nearest level: scale = max |w| / 127 over the inputs of one output, so that
    |w - level * scale| <= scale / 2. The arithmetic is elementwise in float32: the same bits on
    every device and for every number of threads.
    """

    def __init__(self, input_axis: int, weight_format: torch.dtype) -> None:
        """Keep how the weight is laid out.

        Args:
            input_axis: Axis of the weight along which the inputs lie.
            weight_format: Number format of the weight that is made.
        """
        super().__init__()
        self._input_axis = input_axis
        self._weight_format = weight_format

    def right_inverse(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return levels (int8, shape of the weight) and scales (float32, 1 along the inputs)."""
        exact = weight.float()
        scales = exact.abs().amax(self._input_axis, keepdim=True) / _LARGEST_LEVEL
        levels = (exact / torch.where(scales > 0, scales, 1)).round()
        # Near the smallest float32 numbers a scale is rounded so far that levels would not fit.
        return levels.clamp(-_LARGEST_LEVEL, _LARGEST_LEVEL).to(torch.int8), scales

    def forward(self, levels: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return the weight."""
        return (levels * scales).to(self._weight_format)


def with_int8_base(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> torch.nn.Module:
    """Hold every frozen linear layer of a model in 8 bits, its head over the vocabulary left out.

    Args:
        model: With its adapters in place; changed in place.
        tokenizer: Of the model.

    Returns:
        The model, which is still scored as it scores itself.

    Raises:
        Int8BaseError: It has no frozen linear layer, or is not scored as it scores itself.
    """
    plain = plain_model(model)
    head = plain.get_output_embeddings()  # type: ignore[no-untyped-call]
    frozen = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and module is not head
        and not module.weight.requires_grad
    ]
    if not frozen:
        raise Int8BaseError(
            f"{type(plain).__name__} has no frozen linear layer that could be held in 8 bits; use "
            'model.base_precision = "float"'
        )
    for layer in frozen:
        hold_in_int8(layer)
    check = check_classifier if is_classifier(plain) else check_causal
    try:
        check(model, tokenizer)
    except ScoresDifferError as wrong:
        raise Int8BaseError(
            f'with its base in 8 bits, {wrong}; or use model.base_precision = "float"'
        ) from wrong
    return model


def hold_in_int8(layer: torch.nn.Linear | Conv1D) -> None:
    """Replace a frozen layer's weight by levels and scales, of which it is made when it is read.

    Args:
        layer: Changed in place.
    """
    input_axis = 0 if isinstance(layer, Conv1D) else 1
    made = Int8Weight(input_axis, layer.weight.dtype)
    parametrize.register_parametrization(layer, "weight", made)


def with_float_base(model: torch.nn.Module) -> torch.nn.Module:
    """Make the weights of layers in 8 bits once and for all, so that they can be written.

    Args:
        model: Changed in place; without such layers it stays as it is.

    Returns:
        The model, with the same weights.
    """
    for layer in list(model.modules()):
        if _is_int8(layer):
            made: torch.Tensor = layer.weight  # type: ignore[assignment]
            # `remove_parametrizations` would take the weight from copies of the layer, too.
            layer.__class__ = parametrize.type_before_parametrizations(layer)
            del layer.parametrizations
            layer.weight = torch.nn.Parameter(made, requires_grad=False)
    return model


def _is_int8(module: torch.nn.Module) -> bool:
    return parametrize.is_parametrized(module, "weight") and isinstance(
        module.parametrizations["weight"][0],  # type: ignore[index]
        Int8Weight,
    )
