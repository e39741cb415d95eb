"""Steps by every rule against the textbook recursions on vectors."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zo_core.directions.generator import DirectionKind, direction
from zo_core.stepping.rules import SMALLEST_RMS, RuleName, Update, UpdateRule, take_step
from zo_core.stepping.update import UpdateNotFiniteError

KIND = DirectionKind.RADEMACHER
N = 40


class Weights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.linspace(-1, 1, N))


def updates(count: int) -> list[Update]:
    return [Update(100 + t, math.sin(1 + t), 0.01 / (1 + t)) for t in range(count)]


def run(rule: UpdateRule, count: int) -> np.ndarray:
    model = Weights()
    for t in range(count):
        take_step(model, updates(count)[: t + 1], rule, KIND)
    return model.theta.detach().double().numpy()


def z(seed: int) -> np.ndarray:
    return direction(seed, 0, N).astype(np.float64)


START = np.linspace(-1, 1, N)


def test_plain_steps() -> None:
    expected = START - sum(u.learning_rate * u.scalar * z(u.seed) for u in updates(6))
    np.testing.assert_allclose(run(UpdateRule(), 6), expected, atol=1e-6)


def test_a_group_is_averaged_at_the_last_learning_rate() -> None:
    expected = START.copy()
    for first in (0, 3):
        group = updates(6)[first : first + 3]
        expected -= group[-1].learning_rate * sum(u.scalar * z(u.seed) for u in group) / 3
    np.testing.assert_allclose(run(UpdateRule(directions_per_step=3), 6), expected, atol=1e-6)
    unfinished = run(UpdateRule(directions_per_step=3), 5)
    np.testing.assert_allclose(unfinished, run(UpdateRule(directions_per_step=3), 3))


@pytest.mark.parametrize("size", [1, 2])
def test_momentum_with_a_long_window_is_the_heavy_ball(size: int) -> None:
    beta, expected, velocity = 0.8, START.copy(), np.zeros(N)
    for first in range(0, 8, size):
        group = updates(8)[first : first + size]
        velocity = beta * velocity + sum(u.scalar * z(u.seed) for u in group) / size
        expected -= group[-1].learning_rate * velocity
    rule = UpdateRule(directions_per_step=size, momentum=beta, window=8)
    np.testing.assert_allclose(run(rule, 8), expected, atol=1e-6)


def test_momentum_forgets_beyond_its_window() -> None:
    beta, expected = 0.5, START.copy()
    for t in range(5):
        recent = updates(5)[max(t - 1, 0) : t + 1]
        velocity = sum(beta ** (len(recent) - 1 - i) * u.scalar * z(u.seed)
                       for i, u in enumerate(recent))  # fmt: skip
        expected -= updates(5)[t].learning_rate * velocity
    np.testing.assert_allclose(run(UpdateRule(momentum=beta, window=2), 5), expected, atol=1e-6)


def test_normalised_steps_are_adams_with_one_second_moment() -> None:
    beta1, beta2 = 0.9, 0.95
    expected, first, second = START.copy(), np.zeros(N), 0.0
    for t, u in enumerate(updates(7), start=1):
        first = beta1 * first + (1 - beta1) * u.scalar * z(u.seed)
        second = beta2 * second + (1 - beta2) * u.scalar**2
        rms = math.sqrt(second / (1 - beta2**t)) + SMALLEST_RMS
        expected -= u.learning_rate * first / (1 - beta1**t) / rms
    rule = UpdateRule(momentum=beta1, window=7, name=RuleName.NORMALISED, square_decay=beta2)
    np.testing.assert_allclose(run(rule, 7), expected, atol=1e-6)


def test_weight_decay_is_apart_from_the_scalars() -> None:
    expected = START.copy()
    for u in updates(5):
        expected = (1 - u.learning_rate * 0.3) * expected - u.learning_rate * u.scalar * z(u.seed)
    np.testing.assert_allclose(run(UpdateRule(weight_decay=0.3), 5), expected, atol=1e-6)


def test_steps_along_one_direction_are_rounded_with_new_noise_each_time() -> None:
    """The noise belongs to the number of the update and to the direction's place in its group."""
    rule, half = UpdateRule(directions_per_step=2, stochastic_rounding=True), 2.0**-8

    def stepped(*scalars: float) -> torch.Tensor:
        model = nn.Module()
        model.theta = nn.Parameter(torch.full((4096,), 1.5, dtype=torch.bfloat16))
        take_step(model, [Update(3, scalar, 2.0) for scalar in scalars], rule, KIND)
        return model.theta.detach()

    first, later, other_place = stepped(half, 0), stepped(half, 0, half, 0), stepped(0, half)
    # Half of the weights move, each pair of noises agrees on about half of them.
    for one, other in ((first, later), (first, other_place), (later, other_place)):
        agreed = float((one == other).float().mean())
        assert agreed == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(4096))


def test_a_step_that_is_not_finite_moves_nothing() -> None:
    model = Weights()
    with pytest.raises(UpdateNotFiniteError):
        take_step(model, [Update(1, 1.0, 0.1), Update(2, math.inf, 0.1)],
                  UpdateRule(directions_per_step=2, weight_decay=0.1), KIND)  # fmt: skip
    np.testing.assert_array_equal(model.theta.detach().numpy(), Weights().theta.detach().numpy())


@pytest.mark.parametrize(
    "wrong",
    [{"directions_per_step": 0}, {"momentum": 1.0}, {"window": 0}, {"square_decay": 1.0},
     {"weight_decay": -1.0}],
)  # fmt: skip
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        UpdateRule(**wrong)  # type: ignore[arg-type]
