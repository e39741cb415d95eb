"""A weight that is theta + coefficient * z when it is read, and takes no memory.

When a torch function reads the stand-in, the perturbed numbers are made for this one
operation in a small scratch buffer that the next operation uses again. What is read decides
what is made:

- rows of a weight (`F.embedding`, `weight[token_ids]`, `weight[first:last]`,
  `weight.index_select(0, ids)`): those rows alone;
- a matrix larger than the scratch buffer in `F.linear`: the product, in blocks of rows;
- anything else: the whole weight, for the length of the operation.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn import functional

from zo_core.directions.steps import Placement, Step, add_step, rows_plus_step

SCRATCH_ELEMENTS = 1 << 22

_TorchFunction = Callable[..., object]
_METADATA: frozenset[_TorchFunction] = frozenset(
    getattr(torch.Tensor, name).__get__
    for name in (
        *("shape", "dtype", "device", "layout", "ndim", "requires_grad"),
        *("is_cpu", "is_cuda", "is_mps"),
    )
) | {
    torch.Tensor.size,
    torch.Tensor.dim,
    torch.Tensor.numel,
    torch.Tensor.is_floating_point,
    torch.Tensor.is_complex,
    torch.Tensor.is_contiguous,
    torch.Tensor.__len__,
}


class Scratch:
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
    scratch: Scratch

    @staticmethod
    def __new__(cls, placement: Placement, step: Step, scratch: Scratch) -> "PerturbedWeight":
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
    made: list[tuple[torch.Tensor, Scratch]] = []

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
    n_rows, width = weight.theta.shape
    if isinstance(index, slice) and index.step in (None, 1):
        rows = weight.theta[index]
        first = weight.placement.start + index.indices(n_rows)[0] * width
        out = torch.empty_like(rows)
        add_step(out, rows, first, weight.step)
        return out
    if isinstance(index, torch.Tensor) and index.dtype in (torch.int32, torch.int64):
        rows = torch.where(index < 0, index + n_rows, index)
        return rows_plus_step(weight.theta, rows, weight.placement.start, weight.step)
    return NotImplemented


_WRITES = re.compile(r".*[^_]_|__set__|__setitem__|__i(add|sub|mul|truediv|floordiv|pow|and|or)__")
_BY_ROWS: Mapping[_TorchFunction, _TorchFunction] = {
    functional.linear: _linear,
    functional.embedding: _embedding,
    torch.index_select: _index_select,
    torch.Tensor.index_select: _index_select,
    torch.Tensor.__getitem__: _getitem,
}
