"""A model that takes a run's steps, with its journal and the examples that score it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sdr_ota.assembly.learning import (
    WEIGHTS,
    Learning,
    held_out_examples,
    open_journal,
    task_of,
)
from sdr_ota.assembly.lost_steps import LostSteps
from sdr_ota.assembly.objective import Objective, objective_of
from sdr_ota.assembly.trained_model import (
    Progress,
    choose_trainable,
    is_small,
    load_base,
    put_on_device,
)
from sdr_ota.config.load import Config
from sdr_ota.rounds.node import ScalarClient
from zo_core.client import LossNotFiniteError, Training
from zo_core.directions.device import describe
from zo_core.directions.threads import one_thread
from zo_core.language.held_out import HeldOutResult
from zo_core.stepping.journal import JournalWriter
from zo_core.stepping.rules import Update
from zo_core.stepping.update import UpdateNotFiniteError
from zo_core.stepping.weight_checkpoint import save_weights


@dataclass(frozen=True)
class ScoredModel:
    """A model and what it is judged by.

    Attributes:
        model: What learns in it is chosen.
        objective: What the run makes small, and what it is judged by.
        held_out: Encoded examples that no client trains on.
        device: Where the model lives.
    """

    model: torch.nn.Module
    objective: Objective
    held_out: Sequence[Any]
    device: torch.device

    def judge(self) -> HeldOutResult:
        """Judge the model by the held-out examples."""
        return self.objective.judge(self.model, self.held_out)


@dataclass(frozen=True)
class TrainedCopy:
    """A model after all updates of a run's journal.

    Attributes:
        scored: The model.
        journal: Open for the updates to come.
        weights: File in which the weights are kept.
        past: Updates that were taken before.
        lost_steps: Looks at every step.
    """

    scored: ScoredModel
    journal: JournalWriter
    weights: Path
    past: Sequence[Update]
    lost_steps: LostSteps

    def append(self, update: Update, moved_share: float | None) -> None:
        """Write an update into the journal; warn once if most of a step was lost.

        Args:
            update: As taken.
            moved_share: Share of the 16-bit weights that it changed, as `take_step` returns it.
        """
        self.lost_steps.look_at(update, moved_share)
        self.journal.append(update, moved_share)

    def learning(
        self, clients: Sequence[ScalarClient], at_step_boundary: Callable[[], bool]
    ) -> Learning:
        """Return the learning side of a run of which this is the model.

        Args:
            clients: One a node.
            at_step_boundary: Whether the model stands between two steps.
        """
        model = self.scored.model

        def evaluate() -> HeldOutResult:
            if at_step_boundary():
                self._keep_weights()
            return self.scored.judge()

        return Learning(
            clients=clients,
            n_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
            evaluate=evaluate,
            score_name=self.scored.objective.score_name,
            device=describe(self.scored.device),
            threads=one_thread if is_small(model) else nullcontext,
            at_step_boundary=at_step_boundary,
            close=self.journal.close,
            failures=(LossNotFiniteError, UpdateNotFiniteError),
            unknown_token_share={
                "held-out": self.scored.objective.unknown_share(self.scored.held_out)
            },
        )

    def _keep_weights(self) -> None:
        """Note the weights' checksum, so that clients that drift apart are found; save them."""
        self.journal.append_checkpoint(self.scored.model)
        save_weights(self.scored.model, self.weights, self.journal.n_updates)


def load_scored(config: Config, home: Path, progress: Progress) -> ScoredModel:
    """Load the base model of a config and its held-out examples.

    Args:
        config: The experiment.
        home: Folder to which file names in the config are relative.
        progress: Told of the steps while a small model is prepared.
    """
    task = task_of(config.data)
    held_out = held_out_examples(config.data, task, home)
    loaded = load_base(config, task, progress)
    model = choose_trainable(config, loaded)
    device = put_on_device(config, model)
    objective = objective_of(config, task, loaded)
    return ScoredModel(model, objective, objective.encode(held_out), device)


def with_journal(
    scored: ScoredModel, journal_path: Path, n_updates: int, training: Training, experiment: str
) -> TrainedCopy:
    """Let a base model take the updates of a run's journal; begin one if there is none.

    Args:
        scored: With the base weights.
        journal_path: The weights lie beside it.
        n_updates: How many of its updates count; what follows them is cut off.
        training: How clients learn.
        experiment: Digest of the configuration.
    """
    journal, past = open_journal(journal_path, n_updates, scored.model, training, experiment)
    lost_steps = LostSteps(is_quiet=training.rule.stochastic_rounding)
    return TrainedCopy(scored, journal, journal_path.with_name(WEIGHTS), past, lost_steps)
