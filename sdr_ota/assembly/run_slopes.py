"""Slopes of every training example along random directions, at several points of a run.

A journal is the model at every moment of its run, so nothing has to be measured while it goes on.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.assembly.checked_run import checked_run
from sdr_ota.assembly.learning import JOURNAL, task_of, training_examples
from sdr_ota.assembly.model_learning import with_sentences
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.runs.consistency import has_model
from sdr_ota.runs.run_folder import RunFolderError, RunRecord

if TYPE_CHECKING:
    import torch

    from zo_core.probing.estimator import Probe
    from zo_core.probing.passes import ExampleLosses


@dataclass(frozen=True)
class SlopesAt:
    """Slopes of all training examples at one point of a run.

    Attributes:
        rounds_done: Rounds before it.
        slopes: Of each example along each direction, shape ``(n_directions, n_examples)``; their
            mean over examples is the projection p of arXiv 2604.12401, eq. 6.
    """

    rounds_done: int
    slopes: NDArray[np.float64]


def study_points(n_rounds: int, every: int | None) -> list[int]:
    """Return the rounds after which a run is looked at: the start, every so many, and the end.

    Args:
        n_rounds: Of the run.
        every: Rounds between two points; None for start and end alone.

    >>> study_points(10, 4)
    [0, 4, 8, 10]
    """
    between = range(every, n_rounds, every) if every else ()
    return sorted({0, *between, n_rounds})


def slopes_of_run(path: Path, every: int | None, seeds: Sequence[int]) -> list[SlopesAt]:
    """Replay a run's journal, and probe all its training examples on the way.

    Args:
        path: The run folder.
        every: Rounds between two points.
        seeds: 64-bit unsigned seeds of the directions.

    Raises:
        CommandFailed: If the run has no model, is private, or cannot be used.
    """
    try:
        run, config, _ = checked_run(path)
    except (ConfigError, RunFolderError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    if not has_model(run):
        raise CommandFailed(f"{path} has no model: its clients were synthetic", WRONG_USE)
    if config.privacy.protect != "nothing":
        raise CommandFailed(
            f"{path} has promised to protect its clients' examples, and their slopes would tell of "
            'them: use a run with privacy.protect = "nothing"',
            WRONG_USE,
        )
    points = study_points(len(run.rounds), every)
    return with_sentences(lambda: list(_slopes(run, config, points, seeds)))


def _slopes(
    run: RunRecord, config: Config, points: Sequence[int], seeds: Sequence[int]
) -> Iterator[SlopesAt]:
    from sdr_ota.assembly.objective import probe_passes  # noqa: PLC0415 - torch is optional, slow
    from sdr_ota.assembly.trained_copy import load_scored  # noqa: PLC0415
    from sdr_ota.assembly.trained_model import is_small  # noqa: PLC0415
    from zo_core.directions.generator import DirectionKind  # noqa: PLC0415
    from zo_core.directions.threads import one_thread  # noqa: PLC0415
    from zo_core.probing.estimator import Probe  # noqa: PLC0415
    from zo_core.stepping.journal import JournalError, read_journal, replay_steps  # noqa: PLC0415

    home = Path(str(run.start["home"]))
    scored = load_scored(config, home, lambda *_: None)
    model = scored.model.eval()
    examples = scored.objective.encode(training_examples(config.data, task_of(config.data), home))
    kind = DirectionKind(config.zo.direction)
    probe = Probe(config.zo.perturbation_scale, kind, probe_passes(config, model))
    due = [(sum(len(one.mean_scalars) for one in run.rounds[:n]), n) for n in points]
    with one_thread() if is_small(model) else nullcontext():
        for n_updates in replay_steps(model, read_journal(run.folder / JOURNAL)):
            if here := [n for wanted, n in due if wanted == n_updates]:
                found = example_slopes(model, scored.objective.losses, examples, seeds, probe)
                yield from (SlopesAt(n, found) for n in here)
            if n_updates == due[-1][0]:
                return
    raise JournalError(f"{run.folder / JOURNAL} holds fewer updates than its run has taken")


def example_slopes(
    model: "torch.nn.Module",
    example_losses: "ExampleLosses[Any]",
    examples: Sequence[Any],
    seeds: Sequence[int],
    probe: "Probe",
) -> NDArray[np.float64]:
    """Return the slope of every example's loss along each direction, by two passes a direction.

    Args:
        model: In evaluation mode.
        example_losses: Losses of given examples under the model.
        examples: At least one.
        seeds: Of the directions.
        probe: How far, and in which distribution, to probe; on both sides.

    Returns:
        Shape ``(n_directions, n_examples)``.
    """
    from zo_core.probing.estimator import directions_losses, projected_gradient  # noqa: PLC0415

    probed = directions_losses(model, example_losses, examples, seeds, probe)
    return np.array(
        [projected_gradient(one.plus, one.minus, probe.perturbation_scale) for one in probed]
    )
