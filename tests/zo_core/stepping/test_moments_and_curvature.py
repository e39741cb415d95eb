"""The rules with a number for every weight, against their papers' recursions on vectors."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zo_core.directions.exact_root import exact_root
from zo_core.directions.generator import DirectionKind, direction
from zo_core.directions.steps import Step, add_step
from zo_core.probing.estimator import Probe, probe_losses, projected_gradient
from zo_core.probing.perturbation import perturbed
from zo_core.stepping import curvature as curvature_file
from zo_core.stepping import replayed_moments
from zo_core.stepping.replayed_moments import EPSILON
from zo_core.stepping.rules import RuleName, Update, UpdateRule, curvature_of, take_step
from zo_core.stepping.update import UpdateNotFiniteError

KINDS = list(DirectionKind)
N = 40
UPDATES = [Update(100 + t, math.sin(1 + t), 0.01 / (1 + t)) for t in range(12)]


class Weights(nn.Module):
    """Two parameters, so that one begins in the middle of the direction."""

    def __init__(self) -> None:
        super().__init__()
        theta = torch.linspace(-1, 1, N)
        self.table, self.rest = (
            nn.Parameter(theta[:30].view(10, 3).clone()),
            nn.Parameter(theta[30:]),
        )

    def flat(self) -> np.ndarray:
        return torch.cat([p.detach().view(-1) for p in self.parameters()]).double().numpy()


def run(rule: UpdateRule, kind: DirectionKind) -> np.ndarray:
    model = Weights()
    curvature = curvature_of(model, rule, kind)
    for count in range(1, len(UPDATES) + 1):
        take_step(model, UPDATES[:count], rule, kind, curvature)
    return model.flat()


def groups(size: int) -> list[list[Update]]:
    return [UPDATES[first : first + size] for first in range(0, len(UPDATES), size)]


def z(seed: int, kind: DirectionKind) -> np.ndarray:
    return direction(seed, 0, N, kind).astype(np.float64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("window", [1, 4, 99])
def test_adamezo_is_adams_recursion_cut_at_its_window(
    kind: DirectionKind, size: int, window: int
) -> None:
    beta1, beta2, expected, seen = 0.9, 0.95, np.linspace(-1, 1, N), []
    for group in groups(size):
        seen.append(sum(u.scalar * z(u.seed, kind) for u in group) / size)
        first, second = np.zeros(N), np.zeros(N)
        for estimate in seen[-window:]:  # Kingma and Ba's recursion, started at the window's edge
            first = beta1 * first + (1 - beta1) * estimate
            second = beta2 * second + (1 - beta2) * estimate**2
        expected -= group[-1].learning_rate * first / np.sqrt(second + EPSILON)
    rule = UpdateRule(size, beta1, window, RuleName.ADAMEZO, beta2)
    np.testing.assert_allclose(run(rule, kind), expected, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3])
def test_hiso_is_the_published_recursion(kind: DirectionKind, size: int) -> None:
    decay, expected, diagonal = 0.9, np.linspace(-1, 1, N), np.ones(N)
    for group in groups(size):
        estimate = sum(u.scalar * z(u.seed, kind) / np.sqrt(diagonal) for u in group) / size
        expected -= group[-1].learning_rate * estimate
        diagonal = decay * diagonal + (1 - decay) * estimate**2
    rule = UpdateRule(size, name=RuleName.HISO, square_decay=decay)
    np.testing.assert_allclose(run(rule, kind), expected, atol=2e-6)


@pytest.mark.parametrize("n_followed", [None, 0, 4])
def test_a_curvature_that_is_behind_catches_up_before_the_step(n_followed: int | None) -> None:
    """None is kept where the step is taken; 0 and 4 are what a node that missed rounds knows."""
    rule, kind = UpdateRule(2, name=RuleName.HISO, square_decay=0.9), DirectionKind.GAUSSIAN
    one, other = Weights(), Weights()
    curvature = curvature_of(one, rule, kind, UPDATES[:-2])
    take_step(one, UPDATES, rule, kind, curvature)
    behind = None
    if n_followed is not None:
        behind = curvature_of(other, rule, kind, UPDATES[:n_followed])
    take_step(other, UPDATES, rule, kind, behind)
    np.testing.assert_array_equal(other.flat(), one.flat())


@pytest.mark.parametrize("name", [RuleName.ADAMEZO, RuleName.HISO])
@pytest.mark.parametrize("tile", [7, 16])
def test_tiles_do_not_change_a_bit(
    name: RuleName, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = UpdateRule(2, 0.0, 4, name)
    whole = run(rule, DirectionKind.GAUSSIAN)
    for file in (curvature_file, replayed_moments):
        monkeypatch.setattr(file, "TILE", tile)
    monkeypatch.setattr("zo_core.directions.steps._TILE", tile)
    np.testing.assert_array_equal(run(rule, DirectionKind.GAUSSIAN), whole)


def test_one_rademacher_direction_a_step_has_one_second_moment() -> None:
    """So adamezo is momentum over one number, and hiso's diagonal is constant."""
    kind, model = DirectionKind.RADEMACHER, Weights()
    curvature = curvature_of(model, UpdateRule(name=RuleName.HISO), kind, UPDATES)
    assert curvature is not None
    assert curvature.diagonal.unique().numel() == 1
    curvature = curvature_of(model, UpdateRule(name=RuleName.HISO), DirectionKind.GAUSSIAN, UPDATES)
    assert curvature is not None
    assert curvature.diagonal.unique().numel() == N


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_along_a_curvature_reads_the_scaled_direction(kind: DirectionKind) -> None:
    """Whole weights, some rows of them, and a sum over all."""
    torch.manual_seed(0)
    model, diagonal = Weights(), torch.rand(N) + 0.1
    moved = np.linspace(-1, 1, N) + 0.25 * z(5, kind) / np.sqrt(diagonal.double().numpy())
    rows = torch.tensor([[7, 0], [3, 7]])
    with perturbed(model, 5, 0.25, kind, diagonal):
        whole, rest = model.table + 0, model.rest + 0
        some = torch.nn.functional.embedding(rows, model.table)
    np.testing.assert_allclose(whole.numpy().ravel(), moved[:30], atol=1e-6)
    np.testing.assert_allclose(rest.numpy(), moved[30:], atol=1e-6)
    assert torch.equal(some, whole[rows])


def test_roots_are_rounded_to_nearest() -> None:
    """Against integers: r = m 2^-k is nearest to sqrt(x) iff (2m-1)^2 <= 4 x 4^k <= (2m+1)^2."""
    numbers = torch.arange(1, 20001, dtype=torch.float32) / 311
    for number, root in zip(numbers.tolist(), exact_root(numbers).tolist(), strict=True):
        mantissa, exponent = math.frexp(root)
        m, k = int(mantissa * 2**24), 24 - exponent
        assert (2 * m - 1) ** 2 <= int(number * 2.0 ** (2 * k + 2)) <= (2 * m + 1) ** 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
def test_a_scaled_step_rounds_as_ieee_754_says(kind: DirectionKind, dtype: torch.dtype) -> None:
    """Product, root, quotient and sum each once to float32, then once to the weights' format."""
    count, start = 3000, 77
    theta = (torch.arange(count) / 977 - 1).to(dtype)
    diagonal = torch.arange(start + count, dtype=torch.float32) / 311 + 0.1
    out = torch.empty_like(theta)
    add_step(out, theta, start, Step(9, 0.0123, kind, curvature=diagonal))
    moves = np.float32(0.0123) * direction(9, start, count, kind)
    moves = moves / np.sqrt(diagonal.numpy()[start:])
    assert torch.equal(out, torch.from_numpy(theta.float().numpy() + moves).to(dtype))


def test_the_scaled_slope_times_the_scaled_direction_is_the_scaled_gradient_on_average() -> None:
    """E[s z] = gradient / H, for s the slope along z = u / sqrt(H): over all signs of 6 weights."""
    model = nn.Linear(6, 1, bias=False).eval()
    gradient, diagonal = torch.arange(1.0, 7.0), torch.tensor([0.25, 1, 4, 0.5, 2, 9])
    seeds, mean = range(4000), np.zeros(6)
    for seed in seeds:
        both = probe_losses(
            model, lambda m, parts: (m.weight @ gradient).repeat(len(parts)), [0], seed,
            Probe(), diagonal,
        )  # fmt: skip
        slope = float(projected_gradient(both.plus, both.minus, 2.0**-10)[0])
        mean += slope * direction(seed, 0, 6) / np.sqrt(diagonal.numpy()) / len(seeds)
    along = (gradient / diagonal.sqrt()).double().numpy()
    # Var(s z_i) = (|along|^2 - along_i^2) / H_i for signs; five standard errors, and rounding.
    spread = np.sqrt(((along**2).sum() - along**2) / diagonal.double().numpy() / len(seeds))
    assert np.all(np.abs(mean - (gradient / diagonal).double().numpy()) < 5 * spread + 1e-3)


@pytest.mark.parametrize("name", [RuleName.ADAMEZO, RuleName.HISO])
@pytest.mark.parametrize("scalar", [math.inf, 1e30])
def test_a_step_whose_square_is_not_finite_moves_nothing(name: RuleName, scalar: float) -> None:
    model, rule = Weights(), UpdateRule(name=name, weight_decay=0.1)
    with pytest.raises(UpdateNotFiniteError):
        take_step(model, [Update(1, scalar, 0.1)], rule, DirectionKind.GAUSSIAN)
    np.testing.assert_array_equal(model.flat(), Weights().flat())


@pytest.mark.parametrize("name", [RuleName.ADAMEZO, RuleName.HISO])
def test_rules_that_round_to_nearest_say_so(name: RuleName) -> None:
    with pytest.raises(ValueError, match="use the sgd or normalised rule, or round to nearest"):
        UpdateRule(name=name, stochastic_rounding=True)


def test_hiso_refuses_momentum() -> None:
    with pytest.raises(ValueError, match="use momentum = 0, or another rule"):
        UpdateRule(name=RuleName.HISO, momentum=0.5)
