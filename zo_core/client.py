"""K clients on one machine that share the weights and pay for two forward passes a round.

In a simulation all clients hold the same weights and probe the same direction. So the
cohort probes once with the examples of all of them as one joint batch, splits the losses by
client, and takes the common update once. A device on its own is a cohort of one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic

import numpy as np
import torch

from zo_core.estimator import (
    ExampleLosses,
    ExampleT,
    Probe,
    probe_losses,
    projected_gradient,
)
from zo_core.update import apply_update, update_coefficient


class LossNotFiniteError(RuntimeError):
    """A client's loss is NaN or infinite, so it has no scalar to send."""


class ClientsDisagreeError(RuntimeError):
    """Clients that share weights were told to update them differently."""


@dataclass(frozen=True)
class Training:
    """How a client learns.

    Attributes:
        learning_rate: Step size of the update, positive.
        examples_per_round: Examples that each client draws for a round, without
            replacement; all of them where it holds fewer.
        data_seed: Seed of the draws; not negative.
        probe: How the model is probed.
    """

    learning_rate: float
    examples_per_round: int
    data_seed: int = 0
    probe: Probe = field(default_factory=Probe)

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(f"learning_rate = {self.learning_rate} must be positive and finite")
        if self.examples_per_round < 1:
            raise ValueError(f"examples_per_round = {self.examples_per_round} must be at least 1")


@dataclass(frozen=True)
class Update:
    """One common update: theta <- theta - learning_rate * scalar * z(seed)."""

    seed: int
    scalar: float
    learning_rate: float


def draw_examples(
    examples: Sequence[ExampleT], n_drawn: int, draw_key: Sequence[int]
) -> list[ExampleT]:
    """Draw examples without replacement, as a function of the key alone.

    Args:
        examples: What the client holds.
        n_drawn: Number to draw; all are given, in order, where there are not more.
        draw_key: Numbers that name the draw, here (data seed, client, round seed); each at
            least 0.

    Returns:
        The drawn examples.
    """
    if n_drawn >= len(examples):
        return list(examples)
    chosen = np.random.default_rng(list(draw_key)).choice(len(examples), n_drawn, replace=False)
    return [examples[int(index)] for index in chosen]


class ZOClient(Generic[ExampleT]):
    """One client of a cohort: what the radio side sees of the learning side."""

    def __init__(self, cohort: "Cohort[ExampleT]", index: int) -> None:
        self.index = index
        self._cohort = cohort

    @property
    def loss(self) -> float:
        """Mean of the client's last two probe losses; NaN before the first probe."""
        return self._cohort.losses[self.index]

    def local_scalar(self, seed: int) -> float:
        """Give the slope of the client's loss along z(seed), on examples drawn for the seed.

        Raises:
            LossNotFiniteError: A client of the cohort has a NaN or infinite loss.
        """
        return self._cohort.scalars(seed)[self.index]

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Take the common update theta <- theta - learning_rate * mean_scalar * z(seed).

        Raises:
            ClientsDisagreeError: Another client of the cohort was told something else.
            UpdateNotFiniteError: The update is not finite.
        """
        self._cohort.apply(self.index, mean_scalar, seed)


class Cohort(Generic[ExampleT]):
    """Clients that share one model; `clients` holds one `ZOClient` for each data set."""

    def __init__(
        self,
        model: torch.nn.Module,
        example_losses: ExampleLosses[ExampleT],
        client_examples: Sequence[Sequence[ExampleT]],
        training: Training,
        on_update: Callable[[Update], None] | None = None,
    ) -> None:
        """Gather the clients and put the model into evaluation mode.

        Args:
            model: Model that all clients share; parameters with ``requires_grad`` learn.
            example_losses: Losses of given examples under the model.
            client_examples: The examples that each client holds.
            training: How the clients learn.
            on_update: Called after each common update, for example to keep a journal.

        Raises:
            ValueError: There is no client, or a client holds no example.
        """
        _check_data(client_examples)
        self.clients = tuple(ZOClient(self, index) for index in range(len(client_examples)))
        self.losses: tuple[float, ...] = (math.nan,) * len(client_examples)
        self._model = model.eval()
        self._example_losses = example_losses
        self._client_examples = client_examples
        self._training = training
        self._on_update = on_update
        self._scalars: dict[int, tuple[float, ...]] = {}
        self._update = Update(seed=0, scalar=0.0, learning_rate=training.learning_rate)
        self._waiting: set[int] = set()

    def scalars(self, seed: int) -> tuple[float, ...]:
        """Give every client's scalar for a seed; measured at the first call.

        Raises:
            LossNotFiniteError: A client's loss is NaN or infinite.
        """
        if seed not in self._scalars:
            plus, minus = self._mean_losses(seed)
            scale = self._training.probe.perturbation_scale
            pairs = list(zip(plus, minus, strict=True))
            self.losses = tuple((up + down) / 2 for up, down in pairs)
            self._scalars = {seed: tuple(projected_gradient(*pair, scale) for pair in pairs)}
        return self._scalars[seed]

    def apply(self, index: int, mean_scalar: float, seed: int) -> None:
        """Let one client take the common update; the first of a round moves the weights.

        Raises:
            ClientsDisagreeError: The client was told another (mean_scalar, seed) than those
                before it, or takes the update twice before all have taken it.
            UpdateNotFiniteError: The update is not finite.
        """
        if not self._waiting:
            self._move(mean_scalar, seed)
        told, first = (mean_scalar, seed), (self._update.scalar, self._update.seed)
        if told != first or index not in self._waiting:
            raise ClientsDisagreeError(
                f"client {index} was told (mean_scalar, seed) = {told}, but the weights already "
                f"took {first} and only clients {sorted(self._waiting)} have yet to confirm it; "
                "clients that share weights must all take the same update, once"
            )
        self._waiting.remove(index)

    def _move(self, mean_scalar: float, seed: int) -> None:
        learning_rate = self._training.learning_rate
        coefficient = update_coefficient(mean_scalar, learning_rate)
        apply_update(self._model, seed, coefficient, self._training.probe.kind)
        self._update = Update(seed, mean_scalar, learning_rate)
        self._waiting = set(range(len(self.clients)))
        self._scalars = {}
        if self._on_update:
            self._on_update(self._update)

    def _mean_losses(self, seed: int) -> tuple[list[float], list[float]]:
        wanted, data_seed = self._training.examples_per_round, self._training.data_seed
        drawn = [
            draw_examples(examples, wanted, (data_seed, index, seed))
            for index, examples in enumerate(self._client_examples)
        ]
        joint = [example for examples in drawn for example in examples]
        losses = probe_losses(self._model, self._example_losses, joint, seed, self._training.probe)
        ends = list(accumulate(len(examples) for examples in drawn))[:-1]
        plus = [float(part.mean()) for part in np.split(losses.plus, ends)]
        minus = [float(part.mean()) for part in np.split(losses.minus, ends)]
        _check_finite(plus, minus, seed)
        return plus, minus


def _check_data(client_examples: Sequence[Sequence[object]]) -> None:
    if not client_examples:
        raise ValueError("a cohort needs at least one client; client_examples is empty")
    for index, examples in enumerate(client_examples):
        if not len(examples):
            raise ValueError(
                f"client {index} of {len(client_examples)} holds no example; use fewer clients "
                "or more data"
            )


def _check_finite(plus: Sequence[float], minus: Sequence[float], seed: int) -> None:
    for index, (up, down) in enumerate(zip(plus, minus, strict=True)):
        if not (math.isfinite(up) and math.isfinite(down)):
            raise LossNotFiniteError(
                f"client {index} has probe losses {up} and {down} at seed {seed}; a scalar needs "
                "finite losses: lower the learning rate (the weights have probably diverged), or "
                "look at this client's examples and the number format of the weights"
            )
