r"""From the scalars so far to the step that all clients take: a function of the journal alone.

With $s_t$ the broadcast scalar, $z_t$ its direction, $g_t = \frac1q \sum s_i z_i$ the mean of
a group of $q$ directions probed at the same weights, and $\eta$ the step size:

    plain       theta <- (1 - eta w) theta - eta g_t
    momentum    g_t becomes  sum_a beta^a g_{t-a}, over the last ``window`` groups
    adaptive    the weighted mean of those groups, over the root mean square of the scalars

No vector as large as the model is kept: directions of earlier groups are made again from
their seeds, one pass over the weights each. So momentum with a window of L costs L passes.

References:
    Cai et al., "AdaMeZO", ICML 2026 (PMLR 306), has the idea of moments made again from past
    (seed, scalar) pairs. Here the second moment is one number, the mean square of the
    scalars: one for every weight would need memory as large as the model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from zo_core.directions.generator import DirectionKind
from zo_core.directions.rounding import RoundingNoise
from zo_core.directions.steps import placements
from zo_core.stepping.update import apply_update, update_coefficient

SAMPLE = 4096
"""Weights of a tensor that are looked at to tell how many a step has changed."""

SMALLEST_RMS = 1e-8
"""Added to the root mean square that an adaptive step is divided by, as Adam does."""


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
        momentum: $\beta$ in [0, 1); 0 for none.
        window: Groups that momentum reaches back, this one included; at least 1.
        rms_decay: Forgetting factor in (0, 1) of the mean square of the scalars by which
            an adaptive step is divided; None for a step that is not adaptive.
        weight_decay: $w$, decoupled from the scalar; 0 for none.
        stochastic_rounding: Whether moves of 16-bit weights are rounded stochastically.
    """

    directions_per_step: int = 1
    momentum: float = 0.0
    window: int = 1
    rms_decay: float | None = None
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
        if self.rms_decay is not None and not 0 < self.rms_decay < 1:
            raise ValueError(f"rms_decay = {self.rms_decay} must be in (0, 1)")

    def moves(self, updates: Sequence[Update]) -> list[tuple[int, float]]:
        """Return the step after the last update as (seed, coefficient of its direction).

        Args:
            updates: All updates of the run so far; a whole number of groups.

        Raises:
            UpdateNotFiniteError: A coefficient is not a finite float32.
        """
        size = self.directions_per_step
        reach = self.window if self.momentum else 1
        recent = updates[-reach * size :]
        rate, n_groups = updates[-1].learning_rate, len(recent) // size
        scale = self._adaptive_scale(updates, n_groups) / size
        return [
            (u.seed, update_coefficient(u.scalar * self._weight(place, n_groups) * scale, rate))
            for place, u in enumerate(recent)
        ]

    def _weight(self, place: int, n_groups: int) -> float:
        """Return beta to the power of a group's age."""
        age = n_groups - 1 - place // self.directions_per_step
        return self.momentum**age if age else 1.0

    def _adaptive_scale(self, updates: Sequence[Update], n_groups: int) -> float:
        if self.rms_decay is None:
            return 1.0
        mean_square, weight = 0.0, 0.0
        for update in updates:
            mean_square = self.rms_decay * mean_square + (1 - self.rms_decay) * update.scalar**2
            weight = self.rms_decay * weight + (1 - self.rms_decay)
        # Momentum adds up to n_groups groups; this makes a weighted mean of them.
        lift = (1 - self.momentum) / (1 - self.momentum**n_groups) if self.momentum else 1.0
        return lift / (math.sqrt(mean_square / weight) + SMALLEST_RMS)


def at_step_boundary(n_updates: int, rule: UpdateRule) -> bool:
    """Return whether no update waits for others of its group."""
    return n_updates % rule.directions_per_step == 0


def take_step(
    model: torch.nn.Module, updates: Sequence[Update], rule: UpdateRule, kind: DirectionKind
) -> float | None:
    """Move the weights by what the last group of updates asks for; wait if it is not complete.

    Args:
        model: Model; parameters with ``requires_grad`` move.
        updates: All updates of the run so far.
        rule: What is made of them.
        kind: Distribution of the directions.

    Returns:
        Share of a sample of the 16-bit weights that the step has changed; None where it waits
        or no weight has 16 bits.

    Raises:
        UpdateNotFiniteError: The step is not finite; no weight has moved.
    """
    if not at_step_boundary(len(updates), rule):
        return None
    moves = rule.moves(updates)
    before = _sample_16_bit(model)
    if rule.weight_decay:
        _shrink(model, 1.0 - updates[-1].learning_rate * rule.weight_decay)
    for place, (seed, coefficient) in enumerate(moves):
        noise = RoundingNoise(len(updates), place) if rule.stochastic_rounding else None
        apply_update(model, seed, coefficient, kind, noise)
    if before.numel() == 0:
        return None
    return float((_sample_16_bit(model) != before).float().mean())


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
