"""Stochastic rounding: the definition in exact numbers, the same bits everywhere, no bias."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zo_core.directions import steps, torch_kernels
from zo_core.directions.generator import DirectionKind, direction, key_words, philox4x32
from zo_core.directions.rounding import RoundingNoise
from zo_core.directions.steps import Step, move_weights

FORMATS = {torch.bfloat16: (7, -126), torch.float16: (10, -14)}
"""Bits of a fraction, and the exponent below which neighbours are equally far apart."""


def noise_of(seed: int, noise: RoundingNoise, n: int) -> NDArray[np.uint16]:
    blocks = np.arange(-(-n // 8), dtype=np.uint32)
    counter = np.zeros((blocks.size, 4), np.uint32)
    counter[:, 0], counter[:, 2], counter[:, 3] = blocks, noise.update, 2 + noise.move
    return philox4x32(counter, key_words(seed)).astype("<u4").view(np.uint16).ravel()[:n]


def rounded_exactly(value: float, noise: int, dtype: torch.dtype) -> float:
    """Round one number towards 0 or away from it, in whole fractions."""
    bits, smallest = FORMATS[dtype]
    size = Fraction(abs(value))
    exponent = smallest if size == 0 else max(math.frexp(abs(value))[1] - 1, smallest)
    step = Fraction(2) ** (exponent - bits)
    below = size // step
    dropped = size / step - below
    # As many bits of noise take part as float32 holds behind the format's own.
    kept = 16 if dtype == torch.bfloat16 or exponent == smallest else 13
    up = dropped + Fraction(noise >> (16 - kept), 2**kept) >= 1
    return math.copysign(float((below + up) * step), value)


def model_of(weights: torch.Tensor) -> torch.nn.Module:
    model = torch.nn.Module()
    model.weights = torch.nn.Parameter(weights.clone())
    return model


def some_weights(dtype: torch.dtype, n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(8)
    sizes = 2.0 ** torch.randint(-13, 8, (n,), generator=generator)
    return (torch.randn(n, generator=generator) * sizes).to(dtype)


@pytest.mark.parametrize("kind", DirectionKind)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("coefficient", [3e-5, -0.7])
def test_every_weight_is_rounded_as_defined(
    dtype: torch.dtype, kind: DirectionKind, coefficient: float
) -> None:
    theta, noise = some_weights(dtype, 5003), RoundingNoise(7, 3)
    model = model_of(theta)
    move_weights(model, Step(2**63 + 5, coefficient, kind, noise))
    product = np.float32(coefficient) * direction(2**63 + 5, 0, theta.numel(), kind)
    moved = theta.float().numpy() + product
    bits = noise_of(2**63 + 5, noise, theta.numel())
    found = model.weights.detach().float().numpy()
    expected = [rounded_exactly(float(v), int(r), dtype) for v, r in zip(moved, bits, strict=True)]
    differs = found != np.array(expected, np.float32)
    # Below 2^-14 a sum of steps and noise is rounded to 2^-13 of a step: that turns one in 2^13.
    may_differ = (np.abs(moved) < 2.0**-14) & (dtype == torch.float16)
    assert not differs[~may_differ].any()
    assert differs.sum() <= 0.01 * may_differ.sum()
    assert not np.array_equal(found, moved.astype(np.float32))


@pytest.mark.parametrize("kind", DirectionKind)
@pytest.mark.parametrize("dtype", FORMATS)
def test_threads_and_devices_give_the_same_bits(
    dtype: torch.dtype, kind: DirectionKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    theta = some_weights(dtype, 3_000_017)
    step = Step(11, 1e-4, kind, RoundingNoise(2**32 - 1))
    found = []
    for n_threads, limit in ((1, 1 << 20), (3, 1 << 18)):
        monkeypatch.setattr(steps, "_ELEMENTS_WORTH_A_THREAD", limit)
        monkeypatch.setattr(torch, "get_num_threads", lambda n=n_threads: n)
        model = model_of(theta)
        move_weights(model, step)
        found.append(model.weights.detach())
    monkeypatch.setattr(steps, "has_fused_kernels", lambda _: False)
    monkeypatch.setattr(torch_kernels, "_CHUNK", 70_001)
    model = model_of(theta)
    move_weights(model, step)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], model.weights.detach())


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("weight", [1.5, 2.0**-16 * 1.5])
def test_small_steps_add_up_without_bias(dtype: torch.dtype, weight: float) -> None:
    """Rounded to nearest they are lost; the mean of n walks is within 5 sigma of their sum."""
    bits, smallest = FORMATS[dtype]
    ulp = 2.0 ** (max(math.floor(math.log2(weight)), smallest) - bits)
    theta = torch.full((20_000,), weight).to(dtype)
    n_steps, size = 50, ulp / 100
    model, nearest = model_of(theta), model_of(theta)
    total = np.zeros(theta.numel())
    for update in range(n_steps):
        step = Step(3, size, DirectionKind.RADEMACHER)
        move_weights(model, Step(3, size, step.kind, RoundingNoise(update)))
        move_weights(nearest, step)
        total += size * direction(3, 0, theta.numel(), step.kind)
    assert torch.equal(nearest.weights.detach(), theta)
    error = (model.weights.detach().double() - theta.double()).numpy() - total
    # Each step rounds by 0 or 1 ulp, with chance 0.01: variance 0.0099 ulp^2.
    std = ulp * math.sqrt(n_steps * 0.0099)
    assert abs(error.mean()) < 5 * std / math.sqrt(theta.numel())
    assert error.std() == pytest.approx(std, rel=5 * math.sqrt(1 / theta.numel()) * 4)


def test_noise_is_new_for_every_update_and_move_though_the_seed_is_the_same() -> None:
    theta = torch.full((4096,), 1.5).to(torch.bfloat16)
    found = []
    for noise in (RoundingNoise(0), RoundingNoise(1), RoundingNoise(0, 1), RoundingNoise(0)):
        model = model_of(theta)
        move_weights(model, Step(3, 2.0**-8, noise=noise))
        found.append(model.weights.detach())
    assert torch.equal(found[0], found[3])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        # Half of the weights move, each pair of noises agrees on about half of them.
        agreed = float((found[one] == found[other]).float().mean())
        assert abs(agreed - 0.5) < 5 * 0.5 / math.sqrt(theta.numel())


@pytest.mark.parametrize("dtype", FORMATS)
def test_what_is_no_finite_number_stays_and_float32_is_untouched(dtype: torch.dtype) -> None:
    strange = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0])
    model = model_of(strange.to(dtype))
    move_weights(model, Step(1, 0.0, noise=RoundingNoise(1)))
    torch.testing.assert_close(
        model.weights.detach().float(), strange, rtol=0, atol=0, equal_nan=True
    )
    one = model_of(torch.randn(100))
    other = model_of(one.weights.detach())
    move_weights(one, Step(1, 1e-9, noise=RoundingNoise(1)))
    move_weights(other, Step(1, 1e-9))
    assert torch.equal(one.weights, other.weights)


def test_the_noise_is_fixed() -> None:
    """A known answer of our own: the generator's are published with Random123."""
    model = model_of(torch.full((64,), 1.5).to(torch.bfloat16))
    move_weights(model, Step(1, 2.0**-9, noise=RoundingNoise(5, 1)))
    moved = np.packbits((model.weights.detach() != 1.5).numpy())
    assert moved.tobytes().hex() == "b10210320cc12201"
