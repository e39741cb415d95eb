"""What computes on a node's own machine: its data never leave it, nor does its scalar by wire."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import msgspec
import torch
from ota_calibration.privacy.data_set_ledger import DataSet

from sdr_ota.assembly.data_set import data_set_of_node
from sdr_ota.assembly.learning import (
    BUILTIN,
    client_parts,
    rate_of,
    sampling_rate_of,
    task_of,
    training_examples,
    training_of,
)
from sdr_ota.assembly.objective import Objective, objective_of, probe_passes
from sdr_ota.assembly.trained_model import choose_trainable, is_small, load_base, put_on_device
from sdr_ota.config.load import Config
from sdr_ota.rounds.node import ScalarClient
from sdr_ota.rounds.synthetic import SyntheticClient
from zo_core.client import Cohort
from zo_core.directions.fingerprint import direction_fingerprint, weight_checksum
from zo_core.directions.threads import one_thread
from zo_core.stepping.rules import Update, curvature_of, take_step
from zo_core.stepping.weight_checkpoint import save_weights

FINGERPRINT_SEED = 1


class NodeClient(Protocol):
    """A client that has joined a run, and follows it before it takes part.

    Attributes:
        fingerprint: Of the directions that it makes; empty without a model.
        base_checksum: Of the weights that it has loaded; empty without a model.
        sampling_rate: Chance of an example to be in a batch.
        data_set: What a private client learns from; None where there is none.
    """

    fingerprint: str
    base_checksum: str
    sampling_rate: float
    data_set: DataSet | None

    def follow(self, updates: Sequence[Update]) -> str:
        """Take updates that others have taken before; return the checksum of the weights."""
        ...

    def start(self) -> ScalarClient:
        """Return the client that takes part from here on."""
        ...

    def save(self, path: Path, n_updates: int) -> str:
        """Write what has been learned into a file; return the checksum of the weights."""
        ...


class ModelClient:
    """One client with its own copy of the model.

    Args:
        config: Of the run; file names in it are those of this machine.
        index: Which client this is.
        home: Folder to which file names are relative.

    Raises:
        DataError: If the data cannot be used.
        ModelUnavailableError: If the model cannot be had.
    """

    def __init__(self, config: Config, index: int, home: Path) -> None:
        torch.set_num_threads(os.cpu_count() or 1)  # Ray allows one to what asks for no core
        self._config, self._index = config, index
        examples, self.sampling_rate = _own_examples(config, index, home)
        self.data_set = data_set_of_node(config, index, home)
        loaded = load_base(config, task_of(config.data), lambda *_: None)
        self._model: torch.nn.Module = choose_trainable(config, loaded)
        self._passes = probe_passes(config, self._model)
        self._objective: Objective = objective_of(config, task_of(config.data), loaded)
        self._encoded: list[Any] = self._objective.encode(examples)
        self._updates: list[Update] = []
        self._threads = ExitStack()
        if is_small(self._model):
            self._threads.enter_context(one_thread())
        device = put_on_device(config, self._model)
        self.fingerprint = direction_fingerprint(FINGERPRINT_SEED, str(device))
        self.base_checksum = weight_checksum(self._model)

    def follow(self, updates: Sequence[Update]) -> str:
        """Take updates that others have taken before; return the checksum of the weights."""
        training = training_of(self._config, self.sampling_rate, self._passes)
        how = (training.rule, training.probe.kind)
        curvature = curvature_of(self._model, *how, self._updates)
        for update in updates:
            self._updates.append(update)
            take_step(self._model, self._updates, *how, curvature)
        return weight_checksum(self._model)

    def start(self) -> ScalarClient:
        """Return the client of a cohort of one."""
        training = training_of(self._config, self.sampling_rate, self._passes)
        cohort = Cohort(
            self._model,
            self._objective.losses,
            [self._encoded],
            replace(training, first_client=self._index),
            past_updates=self._updates,
        )
        return cohort.clients[0]

    def save(self, path: Path, n_updates: int) -> str:
        """Write the weights that learn as safetensors; return the checksum of all weights."""
        save_weights(self._model, path, n_updates)
        return weight_checksum(self._model)


class ModellessClient:
    """Draws its scalars at random; there is nothing to follow.

    Args:
        config: Of the run.
        index: Which client this is.
    """

    fingerprint = base_checksum = ""
    sampling_rate = 1.0
    data_set: DataSet | None = None

    def __init__(self, config: Config, index: int) -> None:
        self._client = SyntheticClient(index, config.clients.synthetic_scalar_std)

    def follow(self, updates: Sequence[Update]) -> str:
        """Do nothing."""
        return ""

    def start(self) -> ScalarClient:
        """Return the client."""
        return self._client

    def save(self, path: Path, n_updates: int) -> str:
        """Do nothing."""
        return ""


def node_client(config: Config, index: int, home: Path) -> NodeClient:
    """Load what computes on a node's machine."""
    if config.clients.source == "synthetic":
        return ModellessClient(config, index)
    return ModelClient(config, index, home)


def updates_to_bytes(updates: Sequence[Update]) -> bytes:
    """Return steps of a journal in the form in which they cross to a node."""
    return msgspec.msgpack.encode(list(updates))


def updates_from_bytes(data: bytes) -> list[Update]:
    """Return the steps that bytes hold.

    Raises:
        msgspec.ValidationError: If they are none.
    """
    return msgspec.msgpack.decode(data, type=list[Update]) if data else []


def _own_examples(config: Config, index: int, home: Path) -> tuple[list[Any], float]:
    """Return a client's examples and the chance of each to be in a batch."""
    task = task_of(config.data)
    if config.data.train == BUILTIN:  # every machine has the same: each client takes its part
        parts = client_parts(config, home, task)
        return parts[index], rate_of(config, parts)
    examples = training_examples(config.data, task, home)
    return examples, sampling_rate_of(config, home)
