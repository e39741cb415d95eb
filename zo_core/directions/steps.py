"""theta + coefficient * z, on any device: the only arithmetic on weights in this package.

A direction runs over the trainable parameters of a model in the order of
`named_parameters()`, one after the other without gaps; a weight that several modules share
counts once. `placements` says where each parameter starts.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch

from zo_core.directions import cpu_kernels, rounding_kernels, torch_kernels
from zo_core.directions.cpu_kernels import Storage
from zo_core.directions.generator import DirectionKind, key_words
from zo_core.directions.rounding import RoundingNoise

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_ELEMENTS_WORTH_A_THREAD = 1 << 20
"""To hand a share to a thread costs as much as to move about 300 000 weights."""


@dataclass(frozen=True)
class Step:
    """The vector coefficient * z(seed), which is never stored.

    Attributes:
        seed: 64-bit unsigned seed of the direction.
        coefficient: Factor of the direction; rounded to float32 where it is used.
        kind: Distribution of the direction.
        noise: With which `move_weights` rounds 16-bit weights; None to round to nearest.
    """

    seed: int
    coefficient: float
    kind: DirectionKind = DirectionKind.RADEMACHER
    noise: RoundingNoise | None = None


@dataclass(frozen=True)
class Placement:
    """Where a trainable parameter lies in the direction: its first element is z[start]."""

    name: str
    parameter: torch.nn.Parameter
    start: int


def placements(model: torch.nn.Module) -> tuple[Placement, ...]:
    """Place every trainable parameter of a model in the direction.

    Args:
        model: Model whose parameters with ``requires_grad`` are fine-tuned.

    Returns:
        One placement for each distinct trainable parameter, in `named_parameters()` order.

    Raises:
        ValueError: Nothing is trainable, or a parameter is not a contiguous tensor in
            float32, bfloat16 or float16.
        RuntimeError: The model is inside `perturbed`.
    """
    found: list[Placement] = []
    start = 0
    for name, parameter in model.named_parameters():
        if not isinstance(parameter, torch.nn.Parameter):
            raise RuntimeError(
                f"weight {name} is being probed; leave the block inside `perturbed` before you "
                "update or probe this model again"
            )
        if parameter.requires_grad:
            _check_supported(name, parameter)
            found.append(Placement(name, parameter, start))
            start += parameter.numel()
    if not found:
        raise ValueError("the model has no trainable parameter; set requires_grad on some")
    return tuple(found)


def _check_supported(name: str, parameter: torch.Tensor) -> None:
    if parameter.dtype not in _DTYPES:
        raise ValueError(
            f"parameter {name} has dtype {parameter.dtype}; allowed are float32, bfloat16 and "
            "float16: convert the model or freeze this parameter"
        )
    if not parameter.is_contiguous():
        raise ValueError(
            f"parameter {name} is not contiguous in memory; replace its data by "
            "data.contiguous() or freeze it"
        )


def has_fused_kernels(weights: torch.Tensor) -> bool:
    """Return whether `cpu_kernels` move these weights; `torch_kernels` move all others."""
    return weights.device.type == "cpu"


def add_step(out: torch.Tensor, theta: torch.Tensor, start: int, step: Step) -> None:
    """Write out = theta + coefficient * z for a whole contiguous tensor.

    Computed in float32 and rounded once, to nearest even, to the format of the weights: the
    same bits on every device and for every number of threads.

    Args:
        out: Destination like theta, contiguous; may be theta itself.
        theta: Weights, contiguous, any shape.
        start: Position of their first element in the direction.
        step: The vector to add.
    """
    if has_fused_kernels(theta):
        _add_on_cpu([_Run(_storage(out.view(-1)), _storage(theta.view(-1)), start)], step)
        return
    starts = torch.tensor([start], device=theta.device)
    torch_kernels.add_to_rows(
        out.view(1, -1), theta.view(1, -1), starts, step.seed, step.coefficient, step.kind
    )


def move_weights(model: torch.nn.Module, step: Step) -> None:
    """Add a step to all trainable weights of a model, in place, in one pass.

    Weights of 16 bits are rounded stochastically where the step names noise for it; then the
    step itself is added to zero first, which can only turn a step of -0 into one of 0.

    Raises:
        ValueError: As `placements`.
        RuntimeError: As `placements`.
    """
    on_cpu: list[_Run] = []
    for placement in placements(model):
        weights = placement.parameter.detach()
        if has_fused_kernels(weights):
            flat = _storage(weights.view(-1))
            on_cpu.append(_Run(flat, flat, placement.start))
        elif step.noise is None or weights.dtype == torch.float32:
            add_step(weights, weights, placement.start, step)
        else:
            torch_kernels.add_rounded(
                weights.view(-1),
                placement.start,
                step.seed,
                step.coefficient,
                step.kind,
                step.noise,
            )
    _add_on_cpu(on_cpu, step)


def rows_plus_step(theta: torch.Tensor, rows: torch.Tensor, start: int, step: Step) -> torch.Tensor:
    """Give the rows theta[rows] + coefficient * z, generating the direction for them alone.

    Args:
        theta: Weights, contiguous, shape ``(n, width)``.
        rows: Row numbers in [0, n), any shape.
        start: Position of theta[0, 0] in the direction.
        step: The vector to add.

    Returns:
        New tensor, shape ``(*rows.shape, width)``, with the bits that `add_step` gives.

    Raises:
        IndexError: A row number is outside [0, n).
    """
    indices = rows.reshape(-1).to(theta.device, torch.int64).contiguous()
    width = theta.shape[1]
    if has_fused_kernels(theta):
        out = torch.empty((indices.numel(), width), dtype=theta.dtype)
        _check_rows(indices, theta.shape[0])
        _run_rows(_storage(out), _storage(theta), indices.numpy(), start, step)
    else:
        out = theta.index_select(0, indices)
        torch_kernels.add_to_rows(
            out, out, start + indices * width, step.seed, step.coefficient, step.kind
        )
    return out.view(*rows.shape, width)


def _check_rows(indices: torch.Tensor, n_rows: int) -> None:
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < n_rows:
        raise IndexError(
            f"rows {int(indices.min())} to {int(indices.max())} were asked of a weight with "
            f"{n_rows} rows; are the token ids from the tokenizer of this model?"
        )


def _storage(tensor: torch.Tensor) -> Storage:
    plain = tensor.detach()
    if plain.dtype == torch.float32:
        return plain.numpy()
    bits = plain.view(torch.int16).numpy()
    return bits.view(np.uint16) if plain.dtype == torch.bfloat16 else bits


@dataclass(frozen=True)
class _Run:
    """Weights that follow each other in memory and in the direction, and where they go."""

    out: Storage
    theta: Storage
    start: int


def _add_on_cpu(runs: Sequence[_Run], step: Step) -> None:
    """Move runs of weights, all of them shared evenly among the threads."""
    total = sum(run.theta.size for run in runs)
    n_parts = min(torch.get_num_threads(), total // _ELEMENTS_WORTH_A_THREAD + 1)
    edges = [total * part // n_parts for part in range(n_parts + 1)]
    mine, *others = (list(_between(runs, *ends)) for ends in pairwise(edges))
    waiting = [_threads().submit(_add_runs, share, step) for share in others]
    _add_runs(mine, step)
    for share in waiting:
        share.result()


def _between(runs: Sequence[_Run], first: int, last: int) -> Iterator[_Run]:
    """Cut what lies between two places out of runs laid end to end."""
    place = 0
    for run in runs:
        low, high = max(first - place, 0), min(last - place, run.theta.size)
        if low < high:
            yield _Run(run.out[low:high], run.theta[low:high], run.start + low)
        place += run.theta.size


def _add_runs(runs: Sequence[_Run], step: Step) -> None:
    row = np.zeros(1, dtype=np.int64)
    for run in runs:
        if step.noise is not None and run.theta.dtype != np.float32:
            _run_rounded(run, step, step.noise)
        else:
            _run_rows(run.out[None], run.theta[None], row, run.start, step)


def _run_rounded(run: _Run, step: Step, noise: RoundingNoise) -> None:
    words, is_half = key_words(step.seed), run.theta.dtype == np.int16
    key = np.array([*words, step.kind.stream, 0], dtype=np.uint64)
    noise_key = np.array([*words, noise.stream, noise.update], dtype=np.uint64)
    coefficient = np.float32(step.coefficient)
    rounding_kernels.add_rounded(run.theta, run.start, key, noise_key, coefficient, is_half)


def _run_rows(
    out: Storage,
    theta: Storage,
    rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    start: int,
    step: Step,
) -> None:
    key = np.array([*key_words(step.seed), step.kind.stream, 0], dtype=np.uint64)
    coefficient = np.float32(step.coefficient)
    cpu_kernels.add_to_rows(out, theta, rows, start, key, coefficient)


@cache
def _threads() -> ThreadPoolExecutor:
    # Plain threads: the kernels release the interpreter lock, and no second OpenMP pool
    # competes with the one of torch.
    return ThreadPoolExecutor(thread_name_prefix="zo-core")


# The threads of the pool do not follow into a forked process; it makes its own.
os.register_at_fork(after_in_child=_threads.cache_clear)
