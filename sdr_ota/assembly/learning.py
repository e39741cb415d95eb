"""The learning side of a run, and what it is made of: data, training, journal."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ota_calibration.privacy.adjacency import clipped_mean
from ota_calibration.privacy.data_set_ledger import DataSet

from sdr_ota.assembly.named_task import named_task
from sdr_ota.config.load import Config
from sdr_ota.config.tables import DataTable
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.rounds.node import ScalarClient
from sdr_ota.rounds.synthetic import SyntheticClient

if TYPE_CHECKING:
    import torch

    from zo_core.client import ScalarsOfExamples, Training
    from zo_core.data.batches import Draw
    from zo_core.data.examples import Example
    from zo_core.language.held_out import HeldOutResult
    from zo_core.language.tasks import PromptTask, QuestionTask
    from zo_core.probing.passes import Passes
    from zo_core.stepping.journal import JournalWriter
    from zo_core.stepping.rules import Update

    Task = PromptTask | QuestionTask

BUILTIN = "builtin"
DATASETS = "datasets:"
TRAIN, TEST = "train", "test"
JOURNAL = "journal.jsonl"
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Learning:
    """The learning side of an experiment.

    Attributes:
        clients: One a node.
        n_parameters: Trainable weights; None without a model.
        evaluate: Judges the model by the held-out examples; None without a model.
        score_name: What that score is called.
        device: Where the model lives; None without one.
        threads: Context in which the rounds run: one thread where a model is small.
        at_step_boundary: Whether the run could be resumed from here.
        close: Call at the end.
        failures: What a client raises when it cannot go on; the text is for the user.
        sampling_rate: Largest chance of an example to be in a batch.
        followers: Copies of the model on the server that take every step and send nothing.
        data_set: What a private run of this process learns from; None where there is none.
        unknown_token_share: Of the tokens of held-out and, where this process may tell, training
            examples: those that the tokenizer does not know.
    """

    clients: Sequence[ScalarClient]
    n_parameters: int | None = None
    evaluate: Callable[[], "HeldOutResult"] | None = None
    score_name: str = "accuracy"
    device: str | None = None
    threads: Callable[[], AbstractContextManager[None]] = nullcontext
    at_step_boundary: Callable[[], bool] = lambda: True
    close: Callable[[], None] = lambda: None
    failures: tuple[type[Exception], ...] = ()
    sampling_rate: float = 1.0
    followers: Sequence[ScalarClient] = ()
    data_set: DataSet | None = None
    unknown_token_share: Mapping[str, float] = field(default_factory=dict)


def synthetic_learning(config: Config) -> Learning:
    """Return clients that draw their scalars at random."""
    std = config.clients.synthetic_scalar_std
    return Learning([SyntheticClient(k, std) for k in range(config.clients.count)])


def sampling_rate_of(config: Config, home: Path) -> float:
    """Return the chance of an example to be in a client's Poisson batch.

    All clients draw at one rate, so that a client weighs as much as it has examples. Where nodes
    have files of their own the config states it: nobody else counts their examples.

    Raises:
        CommandFailed: If the data cannot be used.
    """
    if config.clients.source == "synthetic":
        return 1.0
    if config.clients.are_elsewhere and config.data.train != BUILTIN:
        return config.clients.sampling_rate or 1.0
    from zo_core.data.examples import DataError  # noqa: PLC0415

    try:
        parts = client_parts(config, home, task_of(config.data))
    except DataError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    return rate_of(config, parts)


def rate_of(config: Config, parts: Sequence[Sequence["Example"]]) -> float:
    """Return the chance of an example of these parts to be in a client's Poisson batch."""
    n_examples = sum(len(part) for part in parts)
    return min(config.clients.examples_per_round * config.clients.count / n_examples, 1.0)


def client_parts(config: Config, home: Path, task: "Task") -> list[list["Example"]]:
    """Return the examples that each client holds, dealt out from one file."""
    return _split(config, training_examples(config.data, task, home))


def open_journal(
    path: Path, n_updates: int, model: "torch.nn.Module", training: "Training", experiment: str
) -> tuple["JournalWriter", Sequence["Update"]]:
    """Start a run's journal, or replay the one that is there and go on with it.

    Args:
        path: The journal.
        n_updates: Updates that count; what follows them is cut off.
        model: With the base weights; it takes the updates.
        training: How clients learn.
        experiment: Digest of the configuration.

    Raises:
        JournalError: If journal, weights and model do not belong together.
        WeightsError: If the saved weights are damaged.
    """
    from zo_core.stepping.journal import (  # noqa: PLC0415
        JournalError,
        check_base,
        continue_journal,
        read_journal,
        replay,
        start_journal,
    )
    from zo_core.stepping.weight_checkpoint import load_weights  # noqa: PLC0415

    if not path.exists():
        if n_updates:
            raise JournalError(f"{path} is missing: {n_updates} updates of this run are lost")
        kind, rule = training.probe.kind, training.rule
        return start_journal(path, model, kind, rule, experiment), ()
    journal = read_journal(path)
    check_base(model, journal)
    past = journal.updates[:n_updates]
    n_taken = load_weights(model, path.with_name(WEIGHTS), n_updates)
    try:
        replay(model, replace(journal, updates=past), n_taken)
    except JournalError as wrong:
        if n_taken:
            raise JournalError(f"{path.with_name(WEIGHTS)} and {path}: {wrong}") from wrong
        raise
    return continue_journal(path, n_updates), past


def training_of(config: Config, sampling_rate: float, passes: "Passes[Any]") -> "Training":
    """Return how clients learn.

    Args:
        config: The experiment.
        sampling_rate: Chance of an example to be in a batch.
        passes: Which examples share a forward pass.
    """
    from zo_core.client import Training  # noqa: PLC0415
    from zo_core.directions.generator import DirectionKind  # noqa: PLC0415
    from zo_core.probing.estimator import Probe  # noqa: PLC0415
    from zo_core.stepping.learning_rate import Decay, LearningRate  # noqa: PLC0415
    from zo_core.stepping.rules import RuleName, UpdateRule  # noqa: PLC0415

    zo = config.zo
    return Training(
        learning_rate=LearningRate(
            zo.learning_rate, zo.warmup_rounds, Decay(zo.decay), config.run.rounds
        ),
        draw=draw_of(config, sampling_rate),
        combine=combine_of(config),
        rule=UpdateRule(
            zo.directions_per_step * config.frame.symbols // zo.local_steps,
            zo.momentum,
            zo.momentum_window,
            RuleName(zo.rule),
            zo.square_decay,
            zo.weight_decay,
            config.model.rounding == "stochastic",
        ),
        data_seed=config.run.seed,
        probe=Probe(
            zo.perturbation_scale,
            DirectionKind(zo.direction),
            passes,
            is_central=zo.difference == "central",
        ),
        seed_pool=zo.seed_pool,
        directions_per_round=config.frame.symbols,
        local_steps=zo.local_steps,
    )


def draw_of(config: Config, sampling_rate: float) -> "Draw":
    """Return which examples a client probes in a round.

    Args:
        config: The experiment.
        sampling_rate: Chance of an example to be in a batch, where batches are Poisson samples.
    """
    from zo_core.data.batches import fixed_batch, poisson_batch  # noqa: PLC0415

    if config.privacy.is_subsampled:
        return poisson_batch(sampling_rate)
    return fixed_batch(config.clients.examples_per_round)


def combine_of(config: Config) -> "ScalarsOfExamples":
    """Return what a client's scalars are made of; a private client clips every example."""
    if config.privacy.protect == "nothing":
        from zo_core.client import mean_slopes  # noqa: PLC0415

        return mean_slopes
    limit, divisor = config.link.fixed_scalar_limit(), config.clients.examples_per_round
    return partial(clipped_mean, scalar_limit=limit, batch_divisor=divisor)


def task_of(table: DataTable) -> "Task":
    """Return the task of a config: one that has a name, or its own template."""
    from zo_core.language.tasks import PromptTask  # noqa: PLC0415

    if table.template is None or table.verbaliser is None:
        return named_task(table.task)
    return PromptTask(table.task, table.template, table.verbaliser, table.label_column)


def training_examples(table: DataTable, task: "Task", home: Path) -> list["Example"]:
    """Return what is learned from."""
    return _examples(table, TRAIN, task, home)


def held_out_examples(table: DataTable, task: "Task", home: Path) -> list["Example"]:
    """Return what the model is judged by."""
    return _examples(table, TEST, task, home)


def _examples(table: DataTable, split: str, task: "Task", home: Path) -> list["Example"]:
    """Return the examples of a file, of a data set, or of the built-in one."""
    from zo_core.data.examples import fetch_examples, read_examples  # noqa: PLC0415
    from zo_core.language.tasks import PromptTask, check_labels, with_data_labels  # noqa: PLC0415

    is_train = split == TRAIN
    source = table.train if is_train else table.held_out
    limit = table.train_limit if is_train else table.held_out_limit
    wanted = task.columns, task.label_column, limit
    if source.startswith(DATASETS):
        examples = fetch_examples(source.removeprefix(DATASETS), hub_split(split), *wanted)
    elif source == BUILTIN:
        examples = read_examples(builtin_file(split), *wanted)
    else:
        examples = read_examples(home / Path(source).expanduser(), *wanted, table.columns)
    if isinstance(task, PromptTask):
        examples = with_data_labels(examples, task)
        check_labels(examples, task, source)
    return examples


def hub_split(split: str) -> str:
    """Return what data sets on the hub call a split."""
    return "train" if split == TRAIN else "validation"


def builtin_file(split: str) -> Path:
    """Return the file of the built-in reviews."""
    return Path(str(files("zo_core").joinpath("data", f"reviews_{split}.tsv")))


def _split(config: Config, examples: Sequence["Example"]) -> list[list["Example"]]:
    from zo_core.data.splits import split_by_dirichlet, split_evenly  # noqa: PLC0415

    count, seed = config.clients.count, config.run.seed
    if config.clients.split == "even":
        return split_evenly(examples, count, seed)
    return split_by_dirichlet(examples, count, config.clients.dirichlet_alpha, seed)
