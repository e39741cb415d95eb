"""K clients on one machine that share the weights and pay for two forward passes a direction.

In a simulation all clients hold the same weights and probe the same direction. So the
cohort probes once with the examples of all of them as one joint batch, splits the losses by
client, and takes the common update once. A device on its own is a cohort of one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from zo_core.data.batches import Draw
from zo_core.probing.estimator import (
    Probe,
    ProbeLosses,
    directions_losses,
    forward_difference,
    projected_gradient,
)
from zo_core.probing.passes import ExampleLosses, ExampleT
from zo_core.stepping.kept_weights import weights_kept
from zo_core.stepping.learning_rate import LearningRate
from zo_core.stepping.rules import (
    RuleName,
    Update,
    UpdateRule,
    at_step_boundary,
    curvature_of,
    take_step,
)


class LossNotFiniteError(RuntimeError):
    """A client's loss is NaN or infinite, so it has no scalar to send."""


class ClientsDisagreeError(RuntimeError):
    """Clients that share weights were told to update them differently."""


ScalarsOfExamples: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the slopes of a batch's examples, shape (n_directions, n_examples), to the client's scalars,
shape (n_directions,)."""


def mean_slopes(example_scalars: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes of the batch's mean loss: the means of its examples' slopes."""
    means: NDArray[np.float64] = example_scalars.mean(axis=-1)
    return means


@dataclass(frozen=True)
class Training:
    """How a client learns.

    Attributes:
        learning_rate: Step size of every update.
        draw: Which examples each client probes in a round.
        combine: What a client's scalars are made of; a private client clips every example.
        rule: What is made of the broadcast scalars.
        data_seed: Names the draws; not negative.
        probe: How the model is probed.
        first_client: Number of a cohort's first client among all of the run, by which their
            draws differ.
        seed_pool: Directions come from the seeds 0 to ``seed_pool - 1`` alone, so that the
            model is that many sums (FedKSeed, arXiv 2312.06353); None for no limit.
        directions_per_round: Broadcast together; probed at the same weights with the same examples
            where a round has one local step. The step size counts rounds.
        local_steps: Steps that a client takes on its own in a round, each along its share of the
            directions with examples of its own, before it is told the means and takes all of them
            from where the round began (DeComFL, arXiv 2405.15861). A client's local steps follow
            the rule as if its own scalars had been broadcast.

    Raises:
        ValueError: If local steps do not go with the directions or the rule.
    """

    learning_rate: LearningRate
    draw: Draw
    combine: ScalarsOfExamples = mean_slopes
    rule: UpdateRule = field(default_factory=UpdateRule)
    data_seed: int = 0
    probe: Probe = field(default_factory=Probe)
    first_client: int = 0
    seed_pool: int | None = None
    directions_per_round: int = 1
    local_steps: int = 1

    def __post_init__(self) -> None:
        if self.local_steps == 1:
            return
        size, left = divmod(self.directions_per_round, self.local_steps)
        if left or self.rule.directions_per_step != size:
            raise ValueError(
                f"local_steps = {self.local_steps} in a round of {self.directions_per_round} "
                f"directions, with {self.rule.directions_per_step} directions a step: the round "
                "must be so many whole steps"
            )
        if self.rule.name is RuleName.HISO:
            raise ValueError(
                f"local_steps = {self.local_steps} with the hiso rule: its curvature follows "
                "broadcasts; use another rule, or 1 local step"
            )

    def direction_seed(self, seed: int) -> int:
        """Return the seed of the direction that an announced seed stands for."""
        return seed if self.seed_pool is None else seed % self.seed_pool


class ZOClient(Generic[ExampleT]):
    """One client of a cohort: what the radio side sees of the learning side."""

    def __init__(self, cohort: "Cohort[ExampleT]", index: int) -> None:
        self.index = index
        self._cohort = cohort

    @property
    def loss(self) -> float:
        """Mean of the client's last probe losses; NaN before the first probe."""
        return self._cohort.losses[self.index]

    @property
    def example_scalars(self) -> Sequence[float]:
        """Slopes of the examples along each direction of the last probe, before any clip.

        Direction after direction; empty before the first probe.
        """
        return self._cohort.example_scalars[self.index]

    def local_scalars(self, seeds: Sequence[int]) -> tuple[float, ...]:
        """Give the slope of the client's loss along each z(seed).

        All on the same examples, drawn for the first seed; of each local step for its first.

        Raises:
            LossNotFiniteError: A client of the cohort has a scalar that is not finite, because a
                loss is NaN or infinite.
        """
        return self._cohort.scalars(seeds)[self.index]

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Take the common updates theta <- theta - learning_rate * mean_scalar * z(seed).

        The first client of a cohort that is told of a round moves the weights that all share.

        Raises:
            ClientsDisagreeError: Another client of the cohort was told something else.
            UpdateNotFiniteError: The update is not finite.
        """
        self._cohort.apply(round_index, mean_scalars, seeds)


class Cohort(Generic[ExampleT]):
    """Clients that share one model; `clients` holds one `ZOClient` for each data set."""

    def __init__(
        self,
        model: torch.nn.Module,
        example_losses: ExampleLosses[ExampleT],
        client_examples: Sequence[Sequence[ExampleT]],
        training: Training,
        on_update: Callable[[Update, float | None], None] | None = None,
        past_updates: Sequence[Update] = (),
    ) -> None:
        """Gather the clients and put the model into evaluation mode.

        Args:
            model: Model that all clients share; parameters with ``requires_grad`` learn.
            example_losses: Losses of given examples under the model.
            client_examples: The examples that each client holds.
            training: How the clients learn.
            on_update: Called after each common update, for example to keep a journal, with the
                share of the 16-bit weights that it changed (`take_step`).
            past_updates: What a resumed run did before; the weights have taken it.

        Raises:
            ValueError: There is no client, or a client holds no example.
        """
        _check_data(client_examples)
        self.clients = tuple(ZOClient(self, index) for index in range(len(client_examples)))
        self.losses: tuple[float, ...] = (math.nan,) * len(client_examples)
        self.example_scalars: tuple[tuple[float, ...], ...] = ((),) * len(client_examples)
        self._model = model.eval()
        self._example_losses = example_losses
        self._client_examples = client_examples
        self._training = training
        self._on_update = on_update
        self._scalars: dict[tuple[int, ...], list[tuple[float, ...]]] = {}
        self._updates = list(past_updates)
        how = (training.rule, training.probe.kind)
        self._curvature = curvature_of(model, *how, self._updates)
        self._last: tuple[int, tuple[float, ...], tuple[int, ...]] | None = None

    @property
    def at_step_boundary(self) -> bool:
        """Whether no update waits for others of its group; a run is resumed there."""
        return at_step_boundary(len(self._updates), self._training.rule)

    def scalars(self, seeds: Sequence[int]) -> list[tuple[float, ...]]:
        """Give every client's scalars for the seeds of a round; measured at the first call.

        Raises:
            LossNotFiniteError: A client's scalar is not finite.
        """
        asked = tuple(seeds)
        if asked not in self._scalars:
            everybody = range(len(self.clients))
            if self._training.local_steps == 1:
                measured = self._measured(everybody, asked)
            else:
                measured = [self._measured_on_the_way(index, asked) for index in everybody]
            self.losses = tuple(one.loss for one in measured)
            self.example_scalars = tuple(one.example_scalars for one in measured)
            self._scalars = {asked: [one.scalars for one in measured]}
        return self._scalars[asked]

    def apply(self, round_index: int, mean_scalars: Sequence[float], seeds: Sequence[int]) -> None:
        """Take the common updates of a round, once, however many clients are told of it.

        Clients that share weights are one model: their isolation is a simulation's.

        Raises:
            ClientsDisagreeError: A client was told another update for the same round, or an
                older round.
            UpdateNotFiniteError: The update is not finite.
        """
        update = (round_index, tuple(mean_scalars), tuple(seeds))
        if update == self._last:
            return
        if self._last is not None and round_index <= self._last[0]:
            raise ClientsDisagreeError(
                f"a client was told (round, mean_scalars, seeds) = {update}, but the weights have "
                f"already taken {self._last}; clients that share weights must all take the same "
                "update of a round"
            )
        for step in self._steps_of(mean_scalars, seeds):
            moved_share = self._take(self._updates, step)
            self._scalars = {}
            if self._on_update:
                self._on_update(step, moved_share)
        self._last = update

    def _steps_of(self, scalars: Sequence[float], seeds: Sequence[int]) -> list[Update]:
        """Return the updates of a round that begins here, or of a part of it."""
        training = self._training
        rate = training.learning_rate.at(len(self._updates) // training.directions_per_round)
        return [
            Update(training.direction_seed(seed), scalar, rate)
            for scalar, seed in zip(scalars, seeds, strict=True)
        ]

    def _take(self, updates: list[Update], update: Update) -> float | None:
        """Move the weights by an update that follows others, and add it to them."""
        how = (self._training.rule, self._training.probe.kind)
        moved_share = take_step(self._model, [*updates, update], *how, self._curvature)
        updates.append(update)
        return moved_share

    def _measured_on_the_way(self, index: int, seeds: tuple[int, ...]) -> "_Measured":
        """Probe for one client and let it step by what it finds; then put the weights back."""
        size, updates = len(seeds) // self._training.local_steps, list(self._updates)
        parts: list[_Measured] = []
        with weights_kept(self._model):
            for first in range(0, len(seeds), size):
                here = seeds[first : first + size]
                (part,) = self._measured([index], here)
                parts.append(part)
                if first + size < len(seeds):  # nothing is probed after the last step
                    for update in self._steps_of(part.scalars, here):
                        self._take(updates, update)
        return _joined(parts)

    def _measured(self, clients: Sequence[int], seeds: tuple[int, ...]) -> list["_Measured"]:
        """Probe for some clients at the weights as they are.

        Raises:
            LossNotFiniteError: A client's scalar is not finite.
        """
        probed = self._probe(clients, seeds)
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is looked at below
            slopes = [np.array([self._slopes(part) for part in own]) for own in probed]
            scalars = [self._training.combine(own) for own in slopes]
            losses = [float(np.mean([_loss(part) for part in own])) for own in probed]
        for index, own_scalars, own in zip(clients, scalars, probed, strict=True):
            _check_finite(index, own_scalars, own, seeds)
        return [
            _Measured(loss, tuple(own.ravel().tolist()), tuple(own_scalars.tolist()))
            for loss, own, own_scalars in zip(losses, slopes, scalars, strict=True)
        ]

    def _probe(self, clients: Sequence[int], seeds: tuple[int, ...]) -> list[list[ProbeLosses]]:
        """Return the probe losses of clients' drawn examples, from one joint batch.

        For each client, of each direction.
        """
        training = self._training
        drawn = []
        for client in clients:
            examples = self._client_examples[client]
            name = (training.data_seed, training.first_client + client, seeds[0])
            drawn.append([examples[i] for i in training.draw(len(examples), name)])
        joint_losses = directions_losses(
            self._model,
            self._example_losses,
            [example for examples in drawn for example in examples],
            [training.direction_seed(seed) for seed in seeds],
            training.probe,
            self._curvature.diagonal if self._curvature else None,
        )
        ends = list(accumulate(len(examples) for examples in drawn))[:-1]
        by_direction = []
        for losses in joint_losses:
            parts = zip(np.split(losses.plus, ends), np.split(losses.minus, ends), strict=True)
            by_direction.append([ProbeLosses(plus, minus) for plus, minus in parts])
        return [list(own) for own in zip(*by_direction, strict=True)]

    def _slopes(self, losses: ProbeLosses) -> NDArray[np.float64]:
        probe = self._training.probe
        slope = projected_gradient if probe.is_central else forward_difference
        return slope(losses.plus, losses.minus, probe.perturbation_scale)


@dataclass(frozen=True)
class _Measured:
    """What one client found in a round, or in a part of it; see `ZOClient`."""

    loss: float
    example_scalars: tuple[float, ...]
    scalars: tuple[float, ...]


def _joined(parts: Sequence[_Measured]) -> _Measured:
    return _Measured(
        loss=float(np.mean([part.loss for part in parts])),
        example_scalars=tuple(one for part in parts for one in part.example_scalars),
        scalars=tuple(one for part in parts for one in part.scalars),
    )


def _loss(losses: ProbeLosses) -> float:
    """Return the mean loss of both probes; NaN of an empty batch."""
    if not losses.plus.size:
        return math.nan
    return (float(losses.plus.mean()) + float(losses.minus.mean())) / 2


def _check_data(client_examples: Sequence[Sequence[object]]) -> None:
    if not client_examples:
        raise ValueError("a cohort needs at least one client; client_examples is empty")
    for index, examples in enumerate(client_examples):
        if not len(examples):
            raise ValueError(
                f"client {index} of {len(client_examples)} holds no example; use fewer clients "
                "or more data"
            )


def _not_finite(*losses: float) -> float:
    """Return the loss that is no number; the other one may be a private client's own."""
    return next((loss for loss in losses if not math.isfinite(loss)), math.nan)


def _check_finite(
    index: int, scalars: NDArray[np.float64], probed: Sequence[ProbeLosses], seeds: Sequence[int]
) -> None:
    for scalar, losses, seed in zip(scalars, probed, seeds, strict=True):
        if not math.isfinite(scalar):
            up, down = float(losses.plus.sum()), float(losses.minus.sum())
            raise LossNotFiniteError(
                f"client {index} has a probe loss of {_not_finite(up, down)} at seed {seed}; a "
                "scalar needs finite losses: lower the learning rate (the weights have probably "
                "diverged), or look at this client's examples and the number format of the weights"
            )
