"""One experiment with several seeds: a sweep over nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.learning import BUILTIN
from sdr_ota.config.load import Config, ConfigError
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.study.sweep.plan import Sweep, point_of
from sdr_ota.study.sweep.results import SEED
from sdr_ota.study.sweep.run import Progress, SweepResults, run_points

MOST_SEEDS = 1000

_PART = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


def run_seeds(
    experiment: Path | None, settings: Sequence[str], seeds: str, show: Progress
) -> SweepResults:
    """Run an experiment once for each seed, one a core, then write table and page of all of them.

    They lie in ``NAME-seeds`` in the experiment's ``run.folder``; the same call again goes on with
    what is not done.

    Args:
        experiment: Its file; None for the demo.
        settings: Keys to change in it, as ``table.key=value``.
        seeds: As `read_seeds` takes them.
        show: Shows how it goes.

    Raises:
        CommandFailed: If experiment or seeds are wrong, it is interrupted, or the disk takes
            nothing.
    """
    try:
        numbers = read_seeds(seeds)
        file = experiment.resolve() if experiment else None
        points = tuple(point_of(file, settings, {SEED: seed}) for seed in numbers)
    except (ConfigError, ValueError) as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    check_pays_for_all(points[0].config, len(points))
    sweep = Sweep(Path.cwd(), None, (SEED,), points)
    name = experiment.stem if experiment else "demo"
    folder = Path(points[0].config.run.folder) / f"{name}-seeds"
    return run_points(sweep, folder, None, None, show)


def check_pays_for_all(config: Config, n_runs: int) -> None:
    """Refuse private runs that would together pass what their training data may spend.

    Raises:
        CommandFailed: If nothing says what runs may spend together beyond the epsilon of one.
    """
    privacy, learns_from_file = config.privacy, config.data.train != BUILTIN
    is_private = privacy.protect != "nothing" and config.clients.source == "model"
    if n_runs == 1 or not (is_private and learns_from_file) or privacy.dataset_epsilon is not None:
        return
    raise CommandFailed(
        f"{n_runs} private runs would learn from the same data, and privacy.epsilon = "
        f"{privacy.epsilon:g} is what these may spend in all: only the first would run. Together "
        f"they spend at most {n_runs * privacy.epsilon:g}: allow it with --set "
        f"privacy.dataset_epsilon={n_runs * privacy.epsilon:g}",
        WRONG_USE,
    )


def read_seeds(text: str) -> tuple[int, ...]:
    """Return seeds from a text.

    Raises:
        ValueError: If it names none, one twice, or too many.

    >>> read_seeds("1-3,7")
    (1, 2, 3, 7)
    """
    parts = [_PART.fullmatch(part.strip()) for part in text.split(",")]
    pairs = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    n_seeds = sum(last - first + 1 for first, last in pairs)
    if len(pairs) < len(parts) or any(last < first for first, last in pairs):
        raise ValueError(f"--seeds {text!r}: write 1-5, or 1,4,9")
    if n_seeds > MOST_SEEDS:
        raise ValueError(f"--seeds {text!r} are {n_seeds} runs; allowed: {MOST_SEEDS}")
    seeds = [seed for first, last in pairs for seed in range(first, last + 1)]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds {text!r} names a seed twice")
    return tuple(seeds)
