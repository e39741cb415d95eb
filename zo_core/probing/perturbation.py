"""Look at a model through theta + coefficient * z without touching theta.

Inside `perturbed`, every trainable weight is replaced by a stand-in (`PerturbedWeight`) that
makes the perturbed numbers when an operation reads them. So the weights need no restoring:
after the block, also after an exception, they are the same bits in every number format, and
nothing of the size of the model is allocated.

Reading a weight by rows costs those rows alone, so code that scores a few label tokens needs
no more than ``hidden @ model.get_output_embeddings().weight[token_ids].T``, and a log-softmax
over the vocabulary can go through ``weight[first:last]`` piece by piece.

A weight must be read through the module that owns it (``module.weight``). Modules that keep
other references to their weights (`nn.LSTM` and its family, TorchScript) are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch

from zo_core.directions.generator import DirectionKind
from zo_core.directions.steps import Step, placements
from zo_core.probing.perturbed_weight import PerturbedWeight, Scratch

_KEEP_OWN_REFERENCES = (torch.nn.RNNBase, torch.jit.ScriptModule)


@contextmanager
def perturbed(
    model: torch.nn.Module,
    seed: int,
    coefficient: float,
    kind: DirectionKind = DirectionKind.RADEMACHER,
    curvature: torch.Tensor | None = None,
) -> Iterator[None]:
    """Make every trainable weight of a model read as theta + coefficient * z(seed).

    The perturbed weight is computed in float32 and rounded once to the format of the weights.
    Frozen parameters and buffers read as they are. No gradient is recorded inside.

    Args:
        model: Model; parameters with ``requires_grad`` are perturbed, shared ones once.
        seed: 64-bit unsigned seed of the direction.
        coefficient: Factor of the direction, for a probe plus or minus perturbation_scale.
        kind: Distribution of the direction.
        curvature: What the direction is scaled by, as in `Step`; None to leave it.

    Yields:
        Nothing; use the model as usual inside the block.

    Raises:
        ValueError: Nothing is trainable, a trainable parameter cannot be perturbed, or the
            seed is not a 64-bit unsigned number.
        RuntimeError: A weight is written to inside the block, or read in a way that would
            miss the perturbation.
    """
    step = Step(seed, coefficient, kind, curvature=curvature)
    scratch = Scratch()
    stand_ins = {
        id(placement.parameter): PerturbedWeight(placement, step, scratch)
        for placement in placements(model)
    }
    slots = [
        (module, name, parameter)
        for module in model.modules()
        for name, parameter in module._parameters.items()
        if id(parameter) in stand_ins
    ]
    for module, _, _ in slots:
        _check_reads_through_itself(module)
    try:
        for module, name, parameter in slots:
            module._parameters[name] = cast(torch.nn.Parameter, stand_ins[id(parameter)])
        with torch.no_grad():
            yield
    finally:
        for module, name, parameter in slots:
            module._parameters[name] = parameter


def _check_reads_through_itself(module: torch.nn.Module) -> None:
    if isinstance(module, _KEEP_OWN_REFERENCES):
        raise ValueError(
            f"a {type(module).__name__} keeps its own references to its weights and cannot be "
            "perturbed; freeze it (requires_grad_(False)) or use a model without it"
        )
