"""`sdr-ota run`: run or resume an experiment, then print and plot its figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import Settings
from sdr_ota.failure import WRONG_USE, CommandFailed

Experiment = Annotated[Path | None, typer.Argument(help="TOML file; units stand in its keys.")]
Resume = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Continue an interrupted run in its own folder.")
]


def run(
    experiment: Experiment = None,
    demo: Annotated[bool, typer.Option("--demo", help="Run the built-in demo.")] = False,
    resume: Resume = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Run an experiment: K clients fine-tune one model together.

    Each sends one scalar a round. Writes a run folder (runs/TIME) with the config, every
    round and plots, and prints a table at the end. Ctrl-C stops cleanly; --resume goes on
    from there.
    """
    if demo + (experiment is not None) + (resume is not None) != 1:
        raise CommandFailed("give one of: a config file, --demo, --resume RUN", WRONG_USE)
    if resume is None:
        run_command(experiment, settings)
        return
    if settings:
        raise CommandFailed("--resume keeps the run's own config: leave out --set", WRONG_USE)
    resume_command(resume)


def run_command(experiment: Path | None, settings: Sequence[str]) -> None:
    """Run an experiment from a config file, or the demo without one, and show its figures."""
    from sdr_ota.assembly.run import start_run
    from sdr_ota.report.run_report import show_run

    show_run(start_run(experiment, settings))


def resume_command(path: Path) -> None:
    """Continue a run that was interrupted, and show its figures."""
    from sdr_ota.assembly.run import resume_run
    from sdr_ota.report.run_report import show_run

    resume_run(path)
    show_run(path)
