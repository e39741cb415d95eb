"""What computes on a node's own machine: its data never leave it, only scalars do."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from sdr_ota.assembly.learning import (
    BUILTIN,
    client_parts,
    examples_of,
    task_of,
    training_of,
)
from sdr_ota.assembly.objective import Objective, objective_of
from sdr_ota.assembly.trained_copy import is_small
from sdr_ota.assembly.trained_model import choose_trainable, load_base
from sdr_ota.config.load import Config
from sdr_ota.radio.agent import offered
from zo_core.client import Cohort, Training
from zo_core.directions.fingerprint import direction_fingerprint, weight_checksum
from zo_core.directions.threads import one_thread
from zo_core.stepping.rules import Update, take_step

FINGERPRINT_SEED = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a client's machine says of itself; the server compares it with its own.

    Attributes:
        version: Of this software there.
        fingerprint: `direction_fingerprint` of seed 1 there.
        base_checksum: `weight_checksum` of the model that it has loaded.
    """

    version: str
    fingerprint: str
    base_checksum: str


class ClientAgent:
    """One client with its own copy of the model."""

    def __init__(self) -> None:
        self._updates: list[Update] = []
        self._threads = ExitStack()

    def load(self, config: Config, index: int) -> Loaded:
        """Load model and data.

        Args:
            config: Of the run; file names in it are those of this machine.
            index: Which client this is.

        Raises:
            DataError: If the data cannot be used.
            ModelUnavailableError: If the model cannot be had.
        """
        torch.set_num_threads(os.cpu_count() or 1)  # Ray allows one to what asks for no core
        task, home = task_of(config.data), Path(offered().home)
        if config.data.train == BUILTIN:  # every machine has the same: each client takes its part
            examples = client_parts(config, home, task)[index]
        else:
            examples = examples_of(config.data.train, "train", config.data.train_limit, task, home)
        loaded = load_base(config, task, lambda *_: None)
        self._config, self._index = config, index
        self._model: torch.nn.Module = choose_trainable(config, loaded)
        self._objective: Objective = objective_of(config, task, loaded)
        self._encoded: list[Any] = self._objective.encode(examples)
        if is_small(self._model):
            self._threads.enter_context(one_thread())
        return Loaded(
            version=metadata.version("sdr-ota"),
            fingerprint=direction_fingerprint(FINGERPRINT_SEED),
            base_checksum=weight_checksum(self._model),
        )

    def follow(self, updates: Sequence[Update]) -> int:
        """Take updates that others have taken before; return how many that makes in all."""
        training = self._training()
        for update in updates:
            self._updates.append(update)
            take_step(self._model, self._updates, training.rule, training.probe.kind)
        return len(self._updates)

    def start(self) -> str:
        """Begin to take part; return the checksum of the weights after the updates so far."""
        training = replace(self._training(), first_client=self._index)
        self._cohort = Cohort(
            self._model,
            self._objective.losses,
            [self._encoded],
            training,
            past_updates=self._updates,
        )
        return weight_checksum(self._model)

    def _training(self) -> Training:
        return training_of(self._config, 1.0)  # no promise here, so no Poisson batches

    def local_scalar(self, seed: int) -> tuple[float, float]:
        """Return the scalar and the loss for the direction that a seed announces."""
        client = self._cohort.clients[0]
        scalar = client.local_scalar(seed)
        return scalar, client.loss

    def apply(self, mean_scalar: float, seed: int) -> None:
        """Take the step that the broadcast mean asks for."""
        self._cohort.clients[0].apply(mean_scalar, seed)
