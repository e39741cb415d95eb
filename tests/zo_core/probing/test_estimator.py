"""Scalar times direction is the gradient on average, and probing leaves the weights alone."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zo_core.directions.fingerprint import weight_checksum
from zo_core.directions.generator import DirectionKind, direction
from zo_core.probing.estimator import Probe, probe_losses, projected_gradient
from zo_core.probing.passes import in_order
from zo_core.stepping.update import apply_update, update_coefficient

KINDS = list(DirectionKind)
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
N_WEIGHTS = 24


def quadratic_losses(model: nn.Module, examples: list[float]) -> torch.Tensor:
    """Loss of example a: sum_i (i + 1) / 8 * (w_i - a)^2 / 2, in float64."""
    weight = model.weight[0].double()
    curvature = torch.arange(1, N_WEIGHTS + 1, dtype=torch.float64) / 8
    targets = torch.tensor(examples, dtype=torch.float64)[:, None]
    return (curvature * (weight - targets) ** 2 / 2).sum(dim=1)


def model_of(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(N_WEIGHTS, 1, bias=False).to(dtype).eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [2.0**-10, 2.0**-4])
def test_expectation_is_the_gradient(kind: DirectionKind, scale: float) -> None:
    model, examples = model_of(), [0.3, -0.1]
    curvature = np.arange(1, N_WEIGHTS + 1) / 8
    gradient = curvature * (model.weight[0].detach().double().numpy() - 0.1)
    products = []
    for seed in range(1000):
        losses = probe_losses(model, quadratic_losses, examples, seed, Probe(scale, kind))
        scalar = projected_gradient(losses.plus.mean(), losses.minus.mean(), scale)
        products.append(scalar * direction(seed, 0, N_WEIGHTS, kind))
    estimates = np.array(products)
    error = estimates.mean(axis=0) - gradient
    standard_error = estimates.std(axis=0) / math.sqrt(len(products))
    assert np.all(np.abs(error) < 4.5 * standard_error)
    # Rademacher: Var = sum of the squares of the other gradient elements; Gaussian adds two.
    others = (gradient**2).sum() - gradient**2
    variance = others if kind is DirectionKind.RADEMACHER else others + 2 * gradient**2
    assert np.allclose(estimates.var(axis=0) / variance, 1, atol=0.25)


def test_the_slope_of_a_quadratic_is_exact() -> None:
    model = model_of()
    curvature = np.arange(1, N_WEIGHTS + 1) / 8
    gradient = curvature * (model.weight[0].detach().double().numpy() - 0.7)
    for seed, scale in [(1, 2.0**-8), (2, 2.0**-3), (3, 0.5)]:
        losses = probe_losses(model, quadratic_losses, [0.7], seed, Probe(scale))
        found = projected_gradient(float(losses.plus[0]), float(losses.minus[0]), scale)
        # The probed weights are rounded to float32: 2^-24 of about 1, relative to the scale.
        bound = float(np.abs(gradient).sum() + 1) * 2.0**-23 / scale
        assert abs(found - gradient @ direction(seed, 0, N_WEIGHTS)) < bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_probing_a_thousand_rounds_moves_nothing(dtype: torch.dtype, kind: DirectionKind) -> None:
    model = model_of(dtype)
    before = weight_checksum(model)
    for seed in range(1000):
        probe_losses(model, quadratic_losses, [0.1], seed, Probe(2.0**-6, kind))
    assert weight_checksum(model) == before


def test_examples_keep_their_order_and_passes_change_nothing() -> None:
    examples = [index / 10 for index in range(11)]
    whole = probe_losses(model_of(), quadratic_losses, examples, 5, Probe())
    for size in (1, 4, 11, 100):
        probe = Probe(passes=in_order(size))
        parts = probe_losses(model_of(), quadratic_losses, examples, 5, probe)
        assert np.array_equal(parts.plus, whole.plus)
        assert np.array_equal(parts.minus, whole.minus)
    assert len(set(whole.plus)) == len(examples)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="training mode"):
        probe_losses(model_of().train(), quadratic_losses, [0.1], 1, Probe())
    with pytest.raises(ValueError, match=r"gave shape \(1,\) for 2 examples"):
        probe_losses(
            model_of(), lambda model, _: quadratic_losses(model, [0.1]), [0.1, 0.2], 1, Probe()
        )
    for scale in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="perturbation_scale"):
            Probe(perturbation_scale=scale)


@pytest.mark.parametrize("scalar", [math.nan, math.inf, 1e300])
def test_an_update_that_is_not_finite_is_refused(scalar: float) -> None:
    with pytest.raises(ValueError, match="not a finite float32"):
        update_coefficient(scalar, 1e-3)


def test_an_update_moves_shared_weights_once_and_leaves_frozen_ones() -> None:
    torch.manual_seed(0)
    first, second, frozen = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    frozen.requires_grad_(False)
    model = nn.Sequential(first, nn.BatchNorm1d(5), second, frozen)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    apply_update(model, 3, update_coefficient(2.0, 0.25))
    moved = torch.cat([first.weight.flatten(), first.bias]) - torch.cat(
        [before["0.weight"].flatten(), before["0.bias"]]
    )
    assert torch.allclose(moved, -0.5 * torch.from_numpy(direction(3, 0, 30)), atol=1e-6)
    for name in ("1.running_mean", "1.running_var", "3.weight", "3.bias"):
        assert torch.equal(model.state_dict()[name], before[name])


def test_the_loss_falls() -> None:
    model, probe = model_of(), Probe()
    means = []
    for seed in range(400):
        losses = probe_losses(model, quadratic_losses, [0.5], seed, probe)
        means.append(losses.plus.mean() + losses.minus.mean())
        scalar = projected_gradient(losses.plus.mean(), losses.minus.mean(), 2.0**-10)
        apply_update(model, seed, update_coefficient(scalar, 0.02))
    assert means[-1] < 0.01 * means[0]
