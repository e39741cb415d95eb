r"""From the scalars so far to the step that all clients take: a function of the journal alone.

With $s_t$ the broadcast scalar, $z_t$ its direction, $g_t = \frac1q \sum s_i z_i$ the mean of
a group of $q$ directions probed at the same weights, and $\eta$ the step size:

    sgd         theta <- (1 - eta w) theta - eta g_t
    momentum    g_t becomes  sum_a beta^a g_{t-a}, over the last ``window`` groups
    normalised  the weighted mean of those groups, over the root mean square of the scalars
    adamezo     Adam with both moments over the window, each weight its own (`replayed_moments`)
    hiso        probe and step along z over the root of a diagonal curvature (`curvature`)

Directions of earlier groups are made again from their seeds, one pass over the weights each. So
momentum and adamezo with a window of L groups cost L q passes a step. Memory beside the weights:
none for sgd, momentum and normalised; buffers of 256 KiB for adamezo; one float32 number a
trainable weight for hiso.

The normalised rule is not Adam: it has one second moment for all weights, the mean square of the
scalars, so it changes how long steps are and not where they go.

References:
    Dbouk, Gazagnadou, Reisser, Louizos, "On Adaptivity in Zeroth-Order Optimization" (MEAZO),
    arXiv 2605.03869, has one number as second moment too; it averages a group's scalars before
    they are squared, and has no momentum. For adamezo and hiso see their files.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import torch

from zo_core.directions.generator import DirectionKind
from zo_core.directions.rounding import RoundingNoise
from zo_core.directions.steps import Step, move_weights, placements
from zo_core.stepping.curvature import Curvature, Estimate
from zo_core.stepping.replayed_moments import Decays, step_by_moments
from zo_core.stepping.update import apply_update, update_coefficient

SAMPLE = 4096
"""Weights of a tensor that are looked at to tell how many a step has changed."""

SMALLEST_RMS = 1e-8
"""Added to the root mean square that a normalised step is divided by."""


class RuleName(StrEnum):
    """What a step is made of, beside the last scalars."""

    SGD = "sgd"
    NORMALISED = "normalised"
    ADAMEZO = "adamezo"
    HISO = "hiso"


@dataclass(frozen=True)
class Update:
    """One broadcast: the direction's seed, its mean scalar, the step size of that moment."""

    seed: int
    scalar: float
    learning_rate: float


@dataclass(frozen=True)
class UpdateRule:
    r"""What is made of the scalars.

    Attributes:
        directions_per_step: $q$, broadcasts that make one step; at least 1.
        momentum: $\beta$ in [0, 1), of adamezo's first moment too; 0 for none, as hiso needs.
        window: Groups that momentum and adamezo reach back, this one included; at least 1.
        name: Which rule.
        square_decay: Forgetting factor in (0, 1) of what is squared: the scalars (normalised),
            the elements of the estimate (adamezo, hiso). Plain steps have none.
        weight_decay: $w$, decoupled from the scalar; 0 for none.
        stochastic_rounding: Whether moves of 16-bit weights are rounded stochastically.
    """

    directions_per_step: int = 1
    momentum: float = 0.0
    window: int = 1
    name: RuleName = RuleName.SGD
    square_decay: float = 0.99
    weight_decay: float = 0.0
    stochastic_rounding: bool = False

    def __post_init__(self) -> None:
        if self.directions_per_step < 1 or self.window < 1:
            raise ValueError(
                f"directions_per_step = {self.directions_per_step} and window = {self.window} "
                "must be at least 1"
            )
        if not (0 <= self.momentum < 1 and 0 <= self.weight_decay < math.inf):
            raise ValueError(
                f"momentum = {self.momentum} must be in [0, 1), weight_decay = "
                f"{self.weight_decay} not negative"
            )
        if not 0 < self.square_decay < 1:
            raise ValueError(f"square_decay = {self.square_decay} must be in (0, 1)")
        if self.stochastic_rounding and self.name in (RuleName.ADAMEZO, RuleName.HISO):
            raise ValueError(
                f"stochastic_rounding with the {self.name} rule: only steps along plain directions "
                "are rounded so; use the sgd or normalised rule, or round to nearest"
            )
        if self.name is RuleName.HISO and self.momentum:
            raise ValueError(
                f"momentum = {self.momentum} with the hiso rule: earlier slopes were measured "
                "along other curvatures; use momentum = 0, or another rule"
            )

    def moves(self, updates: Sequence[Update]) -> list[tuple[int, float]]:
        """Return the step after the last update as (seed, coefficient of its direction).

        Not of the adamezo rule, whose step is no sum of directions.

        Args:
            updates: All updates of the run so far; a whole number of groups.

        Raises:
            UpdateNotFiniteError: A coefficient is not a finite float32.
        """
        size = self.directions_per_step
        reach = self.window if self.momentum else 1
        recent = updates[-reach * size :]
        rate, n_groups = updates[-1].learning_rate, len(recent) // size
        scale = self._scale(updates, n_groups) / size
        return [
            (u.seed, update_coefficient(u.scalar * self._weight(place, n_groups) * scale, rate))
            for place, u in enumerate(recent)
        ]

    def _weight(self, place: int, n_groups: int) -> float:
        """Return beta to the power of a group's age."""
        age = n_groups - 1 - place // self.directions_per_step
        return self.momentum**age if age else 1.0

    def estimates(self, updates: Sequence[Update]) -> Iterator[Estimate]:
        """Give g of every complete group of these updates, in order."""
        size = self.directions_per_step
        for first in range(0, len(updates) - size + 1, size):
            yield [(u.seed, u.scalar / size) for u in updates[first : first + size]]

    def _scale(self, updates: Sequence[Update], n_groups: int) -> float:
        if self.name is not RuleName.NORMALISED:
            return 1.0
        decay, mean_square, weight = self.square_decay, 0.0, 0.0
        for update in updates:
            mean_square = decay * mean_square + (1 - decay) * update.scalar**2
            weight = decay * weight + (1 - decay)
        # Momentum adds up to n_groups groups; this makes a weighted mean of them.
        lift = (1 - self.momentum) / (1 - self.momentum**n_groups) if self.momentum else 1.0
        return lift / (math.sqrt(mean_square / weight) + SMALLEST_RMS)


def at_step_boundary(n_updates: int, rule: UpdateRule) -> bool:
    """Return whether no update waits for others of its group."""
    return n_updates % rule.directions_per_step == 0


def curvature_of(
    model: torch.nn.Module, rule: UpdateRule, kind: DirectionKind, updates: Sequence[Update] = ()
) -> Curvature | None:
    """Make the curvature along which a rule probes and steps again from the journal.

    Args:
        model: Model; parameters with ``requires_grad`` are probed.
        rule: What is made of the updates.
        kind: Distribution of the directions.
        updates: All updates of the run so far.

    Returns:
        What `take_step` keeps up to date; None for a rule that needs none.
    """
    if rule.name is not RuleName.HISO:
        return None
    curvature = Curvature(model, rule.square_decay, kind)
    curvature.follow(rule.estimates(updates))
    return curvature


def take_step(
    model: torch.nn.Module,
    updates: Sequence[Update],
    rule: UpdateRule,
    kind: DirectionKind,
    curvature: Curvature | None = None,
) -> float | None:
    """Move the weights by what the last group of updates asks for; wait if it is not complete.

    Args:
        model: Model; parameters with ``requires_grad`` move.
        updates: All updates of the run so far.
        rule: What is made of them.
        kind: Distribution of the directions.
        curvature: `curvature_of` this model and rule; it follows. Without it a hiso step makes
            it again from the first update on.

    Returns:
        Share of a sample of the 16-bit weights that the step has changed; None where it waits
        or no weight has 16 bits.

    Raises:
        UpdateNotFiniteError: The step is not finite; no weight has moved.
    """
    if not at_step_boundary(len(updates), rule):
        return None
    move = _prepared(model, updates, rule, kind, curvature)
    before = _sample_16_bit(model)
    if rule.weight_decay:
        _shrink(model, 1.0 - updates[-1].learning_rate * rule.weight_decay)
    move()
    if before.numel() == 0:
        return None
    return float((_sample_16_bit(model) != before).float().mean())


def _prepared(
    model: torch.nn.Module,
    updates: Sequence[Update],
    rule: UpdateRule,
    kind: DirectionKind,
    curvature: Curvature | None,
) -> Callable[[], None]:
    """Return the move of a step; what can be wrong with it is found before a weight moves."""
    if rule.name is RuleName.ADAMEZO:
        return _by_moments(model, updates, rule, kind)
    steps = [
        Step(seed, coefficient, kind, _noise(rule, len(updates), place))
        for place, (seed, coefficient) in enumerate(rule.moves(updates))
    ]
    if rule.name is RuleName.HISO:
        return _along_curvature(model, updates, rule, steps, curvature)
    return partial(_move, model, steps)


def _move(model: torch.nn.Module, steps: Sequence[Step]) -> None:
    for step in steps:
        apply_update(model, step.seed, step.coefficient, step.kind, step.noise)


def _noise(rule: UpdateRule, n_updates: int, place: int) -> RoundingNoise | None:
    return RoundingNoise(n_updates, place) if rule.stochastic_rounding else None


def _by_moments(
    model: torch.nn.Module, updates: Sequence[Update], rule: UpdateRule, kind: DirectionKind
) -> Callable[[], None]:
    recent, rate = updates[-rule.window * rule.directions_per_step :], updates[-1].learning_rate
    for update in recent:
        update_coefficient(update.scalar * update.scalar, rate)  # its square must be finite too
    decays = Decays(rule.momentum, rule.square_decay)
    return partial(step_by_moments, model, list(rule.estimates(recent)), rate, decays, kind)


def _along_curvature(
    model: torch.nn.Module,
    updates: Sequence[Update],
    rule: UpdateRule,
    steps: Sequence[Step],
    curvature: Curvature | None,
) -> Callable[[], None]:
    size, kind = rule.directions_per_step, steps[0].kind
    for update in updates[-size:]:
        update_coefficient(update.scalar * update.scalar, update.learning_rate)
    known = curvature or Curvature(model, rule.square_decay, kind)

    def move() -> None:
        known.follow(rule.estimates(updates[known.n_steps * size : -size]))
        for step in steps:
            move_weights(model, replace(step, curvature=known.diagonal))
        known.follow(rule.estimates(updates[-size:]))

    return move


def _sample_16_bit(model: torch.nn.Module) -> torch.Tensor:
    """Return a copy of the first weights of every trainable tensor of 16-bit numbers."""
    parts = [
        placement.parameter.detach().reshape(-1)[:SAMPLE].float().cpu()
        for placement in placements(model)
        if placement.parameter.dtype != torch.float32
    ]
    return torch.cat(parts) if parts else torch.zeros(0)


def _shrink(model: torch.nn.Module, factor: float) -> None:
    for placement in placements(model):
        placement.parameter.detach().mul_(factor)
