"""Look at a model through theta + coefficient * z without touching theta.

Inside `perturbed`, every trainable weight is replaced by a stand-in that has its shape and
dtype but no storage. When a torch function reads the stand-in, the perturbed numbers are
made for this one operation in a small scratch buffer that is used again by the next. So the
weights need no restoring: after the block, also after an exception, they are the same bits.

What is read decides what is made:

- rows of a weight (`F.embedding`, `weight[token_ids]`, `weight[first:last]`,
  `weight.index_select(0, ids)`): those rows alone. Scoring a few label tokens is therefore
  ``hidden @ model.get_output_embeddings().weight[token_ids].T``, and a log-softmax over the
  vocabulary can go through ``weight[first:last]`` piece by piece;
- a matrix larger than the scratch buffer in `F.linear`: the product, in blocks of rows;
- anything else: the whole weight, for the length of the operation.

A weight must be read through the module that owns it (``module.weight``). Modules that keep
other references to their weights (`nn.LSTM` and its family, TorchScript) are refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch.nn import functional

from zo_core.directions import DirectionKind
from zo_core.steps import Placement, Step, add_step, placements, rows_plus_step

SCRATCH_ELEMENTS = 1 << 22

_TorchFunction = Callable[..., object]
_METADATA: frozenset[_TorchFunction] = frozenset(
    getattr(torch.Tensor, name).__get__
    for name in ("shape", "dtype", "device", "layout", "ndim", "requires_grad", "is_cuda")
) | {
    torch.Tensor.size,
    torch.Tensor.dim,
    torch.Tensor.numel,
    torch.Tensor.is_floating_point,
    torch.Tensor.is_complex,
    torch.Tensor.is_contiguous,
    torch.Tensor.__len__,
}
_KEEP_OWN_REFERENCES = (torch.nn.RNNBase, torch.jit.ScriptModule)


@contextmanager
def perturbed(
    model: torch.nn.Module,
    seed: int,
    coefficient: float,
    kind: DirectionKind = DirectionKind.RADEMACHER,
) -> Iterator[None]:
    """Make every trainable weight of a model read as theta + coefficient * z(seed).

    The perturbed weight is computed in float32 and rounded once to the format of the weights.
    Frozen parameters and buffers read as they are. No gradient is recorded inside.

    Args:
        model: Model; parameters with ``requires_grad`` are perturbed, shared ones once.
        seed: 64-bit unsigned seed of the direction.
        coefficient: Factor of the direction, for a probe plus or minus perturbation_scale.
        kind: Distribution of the direction.

    Yields:
        Nothing; use the model as usual inside the block.

    Raises:
        ValueError: Nothing is trainable, a trainable parameter cannot be perturbed, or the
            seed is not a 64-bit unsigned number.
        RuntimeError: A weight is written to inside the block, or read in a way that would
            miss the perturbation.
    """
    step = Step(seed, coefficient, kind)
    scratch = _Scratch()
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


class _Scratch:
    """Storage for the perturbed weights of one operation, used again by the next."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}
        self._n_used = 0

    def release(self) -> None:
        """Let the next operation use the storage again."""
        self._n_used = 0

    def take(self, theta: torch.Tensor) -> torch.Tensor:
        """Give an uninitialised tensor like theta: of the buffer, or a new one if too large."""
        start, end = self._n_used, self._n_used + theta.numel()
        if end > SCRATCH_ELEMENTS:
            return torch.empty_like(theta)
        key = (theta.dtype, theta.device)
        if key not in self._buffers:
            # Pages that are never written to are never backed by memory.
            self._buffers[key] = torch.empty(SCRATCH_ELEMENTS, dtype=key[0], device=key[1])
        self._n_used = -(-end // 64) * 64
        return self._buffers[key][start:end].view(theta.shape)


class PerturbedWeight(torch.Tensor):
    """Stand-in for a weight: its shape and dtype, no storage, perturbed when it is read."""

    theta: torch.Tensor
    placement: Placement
    step: Step
    scratch: _Scratch

    @staticmethod
    def __new__(cls, placement: Placement, step: Step, scratch: _Scratch) -> "PerturbedWeight":
        """Make the stand-in of one parameter."""
        theta = placement.parameter.detach()
        stand_in: PerturbedWeight = torch.Tensor._make_wrapper_subclass(
            cls, theta.shape, dtype=theta.dtype, device=theta.device
        )
        stand_in.theta, stand_in.placement = theta, placement
        stand_in.step, stand_in.scratch = step, scratch
        return stand_in

    @classmethod
    def __torch_function__(
        cls,
        func: _TorchFunction,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run a torch function on the perturbed numbers."""
        named = dict(kwargs or {})
        if func in _METADATA:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **named)
        _check_only_read(func, args, named)
        special = _BY_ROWS.get(func)
        result = special(*args, **named) if special else NotImplemented
        return _on_whole_weights(func, args, named) if result is NotImplemented else result

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls,
        func: _TorchFunction,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Refuse what did not pass through `__torch_function__`: it would see no numbers."""
        raise RuntimeError(
            f"{func} read a perturbed weight below the level at which it can be perturbed; "
            "call the layer through torch.nn.functional or freeze it"
        )


def _check_only_read(
    func: _TorchFunction, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    name = getattr(func, "__name__", "")
    written = [kwargs.get("out"), *(args[:1] if _WRITES.fullmatch(name) else ())]
    for weight in written:
        if isinstance(weight, PerturbedWeight):
            raise RuntimeError(
                f"{name} would write to weight {weight.placement.name} during a probe; weights are "
                "read-only inside `perturbed`, update them after it"
            )


def _on_whole_weights(
    func: _TorchFunction, args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    made: list[tuple[torch.Tensor, _Scratch]] = []

    def numbers(value: object) -> object:
        if not isinstance(value, PerturbedWeight):
            return value
        weight = value.scratch.take(value.theta)
        made.append((weight, value.scratch))
        add_step(weight, value.theta, value.placement.start, value.step)
        return weight

    try:
        plain_args = [_map(numbers, value) for value in args]
        result = func(*plain_args, **{key: _map(numbers, kwargs[key]) for key in kwargs})
    finally:
        for _, scratch in made:
            scratch.release()
    # A view of the scratch would change with the next operation.
    storages = {weight.untyped_storage().data_ptr() for weight, _ in made}
    return _map(lambda value: _outside(value, storages), result)


def _outside(value: object, storages: set[int]) -> object:
    if isinstance(value, torch.Tensor) and value.untyped_storage().data_ptr() in storages:
        return value.clone()
    return value


def _map(function: Callable[[object], object], value: object) -> object:
    if isinstance(value, dict):
        return {key: _map(function, item) for key, item in value.items()}
    if not isinstance(value, list | tuple):
        return function(value)
    items = [_map(function, item) for item in value]
    unchanged = all(new is old for new, old in zip(items, value, strict=True))
    return value if unchanged else type(value)(items)


def _linear(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> object:
    if not isinstance(weight, PerturbedWeight) or weight.theta.numel() <= SCRATCH_ELEMENTS:
        return NotImplemented
    n_out, width = weight.theta.shape
    n_rows = max(1, SCRATCH_ELEMENTS // (2 * width))
    out = torch.empty((*hidden.shape[:-1], n_out), dtype=hidden.dtype, device=hidden.device)
    for first in range(0, n_out, n_rows):
        rows = slice(first, first + n_rows)
        part = weight.scratch.take(weight.theta[rows])
        add_step(part, weight.theta[rows], weight.placement.start + first * width, weight.step)
        out[..., rows] = functional.linear(hidden, part, None if bias is None else bias[rows])
        weight.scratch.release()
    return out


def _embedding(  # noqa: PLR0913, PLR0917 - the signature of torch.nn.functional.embedding
    token_ids: torch.Tensor,
    weight: torch.Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> object:
    if not isinstance(weight, PerturbedWeight):
        return NotImplemented
    if max_norm is not None:
        raise RuntimeError(
            f"an embedding with max_norm rewrites weight {weight.placement.name} when it is read; "
            "build it without max_norm or freeze it"
        )
    return rows_plus_step(weight.theta, token_ids, weight.placement.start, weight.step)


def _index_select(weight: torch.Tensor, dim: int, index: torch.Tensor) -> object:
    if not isinstance(weight, PerturbedWeight) or weight.theta.dim() != 2 or dim != 0:
        return NotImplemented
    return rows_plus_step(weight.theta, index, weight.placement.start, weight.step)


def _getitem(weight: torch.Tensor, index: object) -> object:
    if not isinstance(weight, PerturbedWeight) or weight.theta.dim() != 2:
        return NotImplemented
    n_rows = weight.theta.shape[0]
    if isinstance(index, slice):
        rows = torch.arange(n_rows, device=weight.theta.device)[index]
    elif isinstance(index, torch.Tensor) and index.dtype in (torch.int32, torch.int64):
        rows = torch.where(index < 0, index + n_rows, index)
    else:
        return NotImplemented
    return rows_plus_step(weight.theta, rows, weight.placement.start, weight.step)


_WRITES = re.compile(r".*[^_]_|__set__|__setitem__|__i(add|sub|mul|truediv|floordiv|pow|and|or)__")
_BY_ROWS: Mapping[_TorchFunction, _TorchFunction] = {
    functional.linear: _linear,
    functional.embedding: _embedding,
    torch.index_select: _index_select,
    torch.Tensor.index_select: _index_select,
    torch.Tensor.__getitem__: _getitem,
}
