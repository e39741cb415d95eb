"""A whole run from Python, and what its folder holds."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdr_ota.assembly.run import Origin, resume_run, run_config
from sdr_ota.door.columns import Columns
from sdr_ota.door.errors import door_errors
from sdr_ota.door.experiment import Changes, ConfigSource, experiment_of
from sdr_ota.failure import EveryRoundErased
from sdr_ota.report.progress import AllViews, OpenLive, RunView, live_view
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs import run_folder
from sdr_ota.runs.run_folder import Evaluation, RunRecord
from sdr_ota.runs.summary import Summary, summarise

OnRound = Callable[[RoundResult], object]
"""Shown every round as soon as it is over."""


@dataclass(frozen=True)
class Run:
    """A run as its folder holds it, finished or not.

    Attributes:
        folder: The run folder.
        rounds: One `RoundResult` a round, as columns; also the erased ones.
        evaluations: Held-out score after so many rounds, as columns; empty without a model.
        start: What was known before: config, versions, radios.
        ending: ``success``, ``abort`` or ``fail``; empty while it goes on or after a crash.
        why: One sentence on that.
    """

    folder: Path
    rounds: Columns[RoundResult]
    evaluations: Columns[Evaluation]
    start: Mapping[str, object]
    ending: str
    why: str

    @property
    def summary(self) -> Summary:
        """The figures of the run: scores, error of the sum beside theory, erasures, time."""
        return summarise(run_folder.read_run(self.folder))

    def report(self, page: str | os.PathLike[str] | None = None) -> Path:
        """Write the run as one HTML page that needs nothing else.

        Args:
            page: The file; None for ``report.html`` in the run folder.

        Returns:
            The file.

        Raises:
            SdrOtaError: If the folder cannot be read any more.
            OSError: If it cannot be written.
        """
        from sdr_ota.door.report import write_report  # noqa: PLC0415 - draws figures

        path = self.folder / "report.html" if page is None else Path(page)
        with door_errors():
            write_report(run_folder.read_run(self.folder), path)
        return path


def run(
    config: ConfigSource = None,
    *,
    set: Changes | None = None,
    on_round: OnRound | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Run:
    """Run an experiment to its end: K clients fine-tune one model together.

    Args:
        config: A TOML file, its tables as a dict, or None for the demo.
        set: Values that replace those of the configuration, as ``{"run.rounds": 50}``.
        on_round: Called with the result of each round, an erased one too; what it raises ends
            the run.
        resume: A run folder to go on with, by its own configuration: give nothing but this,
            ``on_round`` and ``progress``.
        progress: Also show the run on standard error, as the command line does.

    Returns:
        The run; one of which every round was erased has the ending ``fail``.

    Raises:
        SdrOtaError: If it cannot begin, or ends before its last round; its folder says why.
        KeyboardInterrupt: On Ctrl-C; the folder is complete and can be resumed.
        ValueError: If ``resume`` is given beside a configuration.
    """
    if resume is not None and (config is not None or set):
        raise ValueError("resume goes on with the run's own configuration: leave out config, set")
    open_live = _opener(on_round, progress)
    with door_errors():
        try:
            if resume is not None:
                folder = Path(resume)
                resume_run(folder, open_live=open_live)
            else:
                given = experiment_of(config, set)
                folder = run_config(given.config, Origin(given.home, given.name), open_live)
        except EveryRoundErased as erased:
            folder = erased.folder
    return read_run(folder)


def read_run(folder: str | os.PathLike[str]) -> Run:
    """Read a run folder, finished or not.

    Raises:
        SdrOtaError: If it is none, or damaged.
    """
    with door_errors():
        record: RunRecord = run_folder.read_run(Path(folder))
    return Run(
        folder=record.folder,
        rounds=Columns(RoundResult, record.rounds),
        evaluations=Columns(Evaluation, record.evaluations),
        start=record.start,
        ending=str(record.stop.get("ending", "")),
        why=str(record.stop.get("why", "")),
    )


class _Caller:
    """A view that calls a function with every round."""

    def __init__(self, on_round: OnRound | None) -> None:
        self._on_round = on_round

    def preparing(self, step: int, n_steps: int, loss: float) -> None:
        """Do nothing."""

    def round_done(self, result: RoundResult) -> None:
        """Call the function."""
        if self._on_round is not None:
            self._on_round(result)

    def evaluated(self, evaluation: Evaluation, name: str) -> None:
        """Do nothing."""


def _opener(on_round: OnRound | None, progress: bool) -> OpenLive:
    """Return what opens the views that were asked for."""

    @contextmanager
    def open_live(n_rounds: int) -> Iterator[RunView]:
        caller = _Caller(on_round)
        if not progress:
            yield caller
            return
        with live_view(n_rounds) as live:
            yield AllViews(live, caller)

    return open_live
