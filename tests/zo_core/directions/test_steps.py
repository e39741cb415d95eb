"""All ways to compute theta + c z give the same bits."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from zo_core.directions import steps, torch_kernels
from zo_core.directions.generator import DirectionKind, direction
from zo_core.directions.steps import Step, add_step, move_weights, placements, rows_plus_step

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
KINDS = list(DirectionKind)


def weights(n: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    """Numbers from tiny (subnormal in float16) to about a thousand."""
    generator = torch.Generator().manual_seed(seed)
    sizes = 2.0 ** torch.randint(-24, 10, (n,), generator=generator)
    return (torch.randn(n, generator=generator) * sizes).to(dtype)


def defined(theta: torch.Tensor, start: int, step: Step) -> torch.Tensor:
    """Theta + c z written out from the definition."""
    elements = direction(step.seed, start, theta.numel(), step.kind)
    product = np.float32(step.coefficient) * elements
    return (theta.float() + torch.from_numpy(product).view(theta.shape)).to(theta.dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("start", "count"), [(0, 1), (5, 1000), (2**39 + 77, 140_001)])
def test_kernels_agree_with_the_definition(
    kind: DirectionKind, dtype: torch.dtype, start: int, count: int
) -> None:
    theta = weights(count, dtype)
    for seed, coefficient in [(1, 2.0**-10), (2**64 - 1, -0.3), (2**40, 1e-6)]:
        step = Step(seed, coefficient, kind)
        expected = defined(theta, start, step)
        fused, plain = torch.empty_like(theta), torch.empty_like(theta)
        add_step(fused, theta, start, step)
        starts = torch.tensor([start])
        torch_kernels.add_to_rows(
            plain[None], theta[None], starts, seed=seed, coefficient=coefficient, kind=kind
        )
        assert torch.equal(fused, expected)
        assert torch.equal(plain, expected)
        in_place = theta.clone()
        add_step(in_place, in_place, start, step)
        assert torch.equal(in_place, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [64, 96, 129])
def test_rows_are_the_rows_of_the_whole(
    kind: DirectionKind, dtype: torch.dtype, width: int
) -> None:
    theta = weights(50 * width, dtype).view(50, width)
    step, start = Step(9, 0.01, kind), 1_000_003
    whole = torch.empty_like(theta)
    add_step(whole, theta, start, step)
    rows = torch.tensor([[3, 49, 0], [3, 17, 48]])
    assert torch.equal(rows_plus_step(theta, rows, start, step), whole[rows])
    plain = theta[rows.view(-1)]
    row_starts = start + rows.view(-1) * width
    torch_kernels.add_to_rows(plain, plain, row_starts, seed=9, coefficient=0.01, kind=kind)
    assert torch.equal(plain.view(2, 3, width), whole[rows])


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let few weights be worth a thread; note how many weights each share has."""
    monkeypatch.setattr(steps, "_ELEMENTS_WORTH_A_THREAD", 1000)
    add_runs, noted, before = steps._add_runs, [], torch.get_num_threads()

    def noting(runs: list[steps._Run], step: Step) -> None:
        noted.append(sum(run.theta.size for run in runs))
        add_runs(runs, step)

    monkeypatch.setattr(steps, "_add_runs", noting)
    yield noted
    torch.set_num_threads(before)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_changes_nothing(
    kind: DirectionKind, n_threads: int, shares: list[int]
) -> None:
    theta, step = weights(100_003, torch.float32), Step(11, 0.1, kind)
    torch.set_num_threads(n_threads)
    moved = torch.empty_like(theta)
    add_step(moved, theta, 12345, step)
    assert len(shares) == n_threads
    assert torch.equal(moved, defined(theta, 12345, step))


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_the_weights_of_a_model_move_together_as_each_alone(
    n_threads: int, shares: list[int]
) -> None:
    sizes = (1, 4001, 37, 0, 2048, 129, 1500)  # shares end inside of weights, and hold several
    parameters = [torch.nn.Parameter(weights(n, torch.bfloat16, seed=n)) for n in sizes]
    model, step = torch.nn.ParameterList(parameters), Step(5, 0.3)
    expected = [defined(p.parameter.detach(), p.start, step) for p in placements(model)]
    torch.set_num_threads(n_threads)
    move_weights(model, step)
    assert len(shares) == n_threads
    assert max(shares) - min(shares) <= 1
    for placement, moved in zip(placements(model), expected, strict=True):
        assert torch.equal(placement.parameter.detach(), moved)


def test_an_empty_weight_and_rows_of_any_layout() -> None:
    step = Step(3, 0.5)
    empty = torch.empty(0)
    add_step(empty, empty, 7, step)
    theta = weights(60, torch.float32).view(12, 5)
    rows = torch.arange(12).view(3, 4)[:, 1]
    assert torch.equal(
        rows_plus_step(theta, rows, 7, step),
        rows_plus_step(theta, torch.tensor([1, 5, 9]), 7, step),
    )


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError, match="5 rows"):
        rows_plus_step(torch.zeros(5, 3), torch.tensor([1, 5]), 0, Step(1, 0.1))


def test_placements_follow_each_other_and_count_shared_weights_once() -> None:
    first, second = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)
    second.weight = first.weight
    model = torch.nn.Sequential(first, second, torch.nn.Linear(4, 2))
    model[2].weight.requires_grad_(False)
    found = [(placement.name, placement.start) for placement in placements(model)]
    assert found == [("0.weight", 0), ("0.bias", 12), ("1.bias", 16), ("2.bias", 20)]


def test_what_cannot_be_placed_is_refused() -> None:
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable parameter"):
        placements(frozen)
    with pytest.raises(ValueError, match=r"weight has dtype torch\.float64"):
        placements(torch.nn.Linear(2, 2).double())
    turned = torch.nn.Linear(2, 3)
    turned.weight = torch.nn.Parameter(torch.zeros(2, 3).T)
    with pytest.raises(ValueError, match="weight is not contiguous"):
        placements(turned)
