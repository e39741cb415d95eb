"""K clients on one machine that share the weights and pay for two forward passes a direction.

In a simulation all clients hold the same weights and probe the same direction. So the
cohort probes once with the examples of all of them as one joint batch, splits the losses by
client, and takes the common update once. A device on its own is a cohort of one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import fmean
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
from zo_core.stepping.learning_rate import LearningRate
from zo_core.stepping.rules import Update, UpdateRule, at_step_boundary, take_step


class LossNotFiniteError(RuntimeError):
    """A client's loss is NaN or infinite, so it has no scalar to send."""


class ClientsDisagreeError(RuntimeError):
    """Clients that share weights were told to update them differently."""


ScalarOfExamples: TypeAlias = Callable[[NDArray[np.float64]], float]
"""From the slopes of a batch's examples, shape (n_examples,), to the client's scalar."""


def mean_slope(example_scalars: NDArray[np.float64]) -> float:
    """Return the slope of the batch's mean loss: the mean of its examples' slopes."""
    return float(example_scalars.mean())


@dataclass(frozen=True)
class Training:
    """How a client learns.

    Attributes:
        learning_rate: Step size of every update.
        draw: Which examples each client probes in a round.
        combine: What a client's scalar is made of; a private client clips every example.
        rule: What is made of the broadcast scalars.
        data_seed: Names the draws; not negative.
        probe: How the model is probed.
        first_client: Number of a cohort's first client among all of the run, by which their
            draws differ.
        seed_pool: Directions come from the seeds 0 to ``seed_pool - 1`` alone, so that the
            model is that many sums (FedKSeed, arXiv 2312.06353); None for no limit.
        directions_per_round: Probed at the same weights with the same examples, and broadcast
            together; the step size counts rounds.
    """

    learning_rate: LearningRate
    draw: Draw
    combine: ScalarOfExamples = mean_slope
    rule: UpdateRule = field(default_factory=UpdateRule)
    data_seed: int = 0
    probe: Probe = field(default_factory=Probe)
    first_client: int = 0
    seed_pool: int | None = None
    directions_per_round: int = 1

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

        All on the same examples, drawn for the first seed.

        Raises:
            LossNotFiniteError: A client of the cohort has a NaN or infinite loss.
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
        self._last: tuple[int, tuple[float, ...], tuple[int, ...]] | None = None

    @property
    def at_step_boundary(self) -> bool:
        """Whether no update waits for others of its group; a run is resumed there."""
        return at_step_boundary(len(self._updates), self._training.rule)

    def scalars(self, seeds: Sequence[int]) -> list[tuple[float, ...]]:
        """Give every client's scalars for the seeds of a round; measured at the first call.

        Raises:
            LossNotFiniteError: A client's loss is NaN or infinite.
        """
        asked = tuple(seeds)
        if asked not in self._scalars:
            probed, combine = self._probe(asked), self._training.combine
            self.losses = tuple(
                fmean((_mean(part.plus) + _mean(part.minus)) / 2 for part in own) for own in probed
            )
            slopes = [[self._slopes(part) for part in own] for own in probed]
            self.example_scalars = tuple(tuple(np.concatenate(own).tolist()) for own in slopes)
            self._scalars = {asked: [tuple(combine(part) for part in own) for own in slopes]}
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
        rate = self._training.learning_rate.at(
            len(self._updates) // self._training.directions_per_round
        )
        for mean_scalar, seed in zip(mean_scalars, seeds, strict=True):
            self._move(mean_scalar, seed, rate)
        self._last = update

    def _move(self, mean_scalar: float, seed: int, rate: float) -> None:
        training = self._training
        update = Update(training.direction_seed(seed), mean_scalar, rate)
        updates = [*self._updates, update]
        moved_share = take_step(self._model, updates, training.rule, training.probe.kind)
        self._updates.append(update)
        self._scalars = {}
        if self._on_update:
            self._on_update(update, moved_share)

    def _probe(self, seeds: tuple[int, ...]) -> list[list[ProbeLosses]]:
        """Return the probe losses of every client's drawn examples, from one joint batch.

        For each client, of each direction.
        """
        training = self._training
        drawn = [
            [
                examples[i]
                for i in training.draw(len(examples), (training.data_seed, index, seeds[0]))
            ]
            for index, examples in enumerate(self._client_examples, training.first_client)
        ]
        joint = [example for examples in drawn for example in examples]
        directions = [training.direction_seed(seed) for seed in seeds]
        joint_losses = directions_losses(
            self._model, self._example_losses, joint, directions, training.probe
        )
        ends = list(accumulate(len(examples) for examples in drawn))[:-1]
        by_direction = []
        for losses, seed in zip(joint_losses, seeds, strict=True):
            parts = zip(np.split(losses.plus, ends), np.split(losses.minus, ends), strict=True)
            by_direction.append([ProbeLosses(plus, minus) for plus, minus in parts])
            _check_finite(by_direction[-1], seed)
        return [list(own) for own in zip(*by_direction, strict=True)]

    def _slopes(self, losses: ProbeLosses) -> NDArray[np.float64]:
        probe = self._training.probe
        slope = projected_gradient if probe.is_central else forward_difference
        return slope(losses.plus, losses.minus, probe.perturbation_scale)


def _mean(losses: NDArray[np.float64]) -> float:
    """Return the mean; NaN of an empty batch."""
    return float(losses.mean()) if losses.size else math.nan


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
    return next(loss for loss in losses if not math.isfinite(loss))


def _check_finite(probed: Sequence[ProbeLosses], seed: int) -> None:
    for index, losses in enumerate(probed):
        up, down = float(losses.plus.sum()), float(losses.minus.sum())
        if not (math.isfinite(up) and math.isfinite(down)):
            raise LossNotFiniteError(
                f"client {index} has a probe loss of {_not_finite(up, down)} at seed {seed}; a "
                "scalar needs finite losses: lower the learning rate (the weights have probably "
                "diverged), or look at this client's examples and the number format of the weights"
            )
