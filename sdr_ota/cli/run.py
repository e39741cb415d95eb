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
MoreRounds = Annotated[
    int, typer.Option(metavar="N", min=0, help="With --resume: N rounds more than planned.")
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="1-5", help="Run once for each seed, side by side: a table and a page of means."
    ),
]


def run(
    experiment: Experiment = None,
    demo: Annotated[bool, typer.Option("--demo", help="Run the built-in demo.")] = False,
    resume: Resume = None,
    rounds: MoreRounds = 0,
    seeds: Seeds = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
) -> None:
    """Run an experiment: K clients fine-tune one model together.

    Each sends one scalar a round. Writes a run folder (runs/TIME) with the config, every
    round and plots, and prints a table at the end. Ctrl-C stops cleanly; --resume goes on
    from there.
    """
    if demo + (experiment is not None) + (resume is not None) != 1:
        raise CommandFailed("give one of: a config file, --demo, --resume RUN", WRONG_USE)
    if resume is not None:
        _refuse_with_resume(settings, seeds)
        resume_command(resume, rounds)
    elif rounds:
        raise CommandFailed("--rounds goes with --resume RUN: use --set run.rounds=N", WRONG_USE)
    elif seeds is not None:
        seeds_command(experiment, settings, seeds)
    else:
        run_command(experiment, settings)


def _refuse_with_resume(settings: Sequence[str], seeds: str | None) -> None:
    if settings:
        raise CommandFailed("--resume keeps the run's own config: leave out --set", WRONG_USE)
    if seeds is not None:
        text = "--seeds starts runs: the same command again goes on with them, without --resume"
        raise CommandFailed(text, WRONG_USE)


def run_command(experiment: Path | None, settings: Sequence[str]) -> None:
    """Run an experiment from a config file, or the demo without one, and show its figures."""
    from sdr_ota.assembly.run import start_run

    folder = start_run(experiment, settings)
    from sdr_ota.report.run_report import show_run  # when it is needed: it loads matplotlib

    show_run(folder)


def seeds_command(experiment: Path | None, settings: Sequence[str], seeds: str) -> None:
    """Run an experiment once for each seed and show the table of all of them."""
    from sdr_ota.study.sweep.seeds import run_seeds
    from sdr_ota.study.sweep.terminal import log_progress, print_results

    results = run_seeds(experiment, settings, seeds, log_progress)
    print_results(results)
    results.raise_failures()


def resume_command(path: Path, more_rounds: int = 0) -> None:
    """Continue a run that was interrupted, or for more rounds, and show its figures."""
    from sdr_ota.assembly.run import resume_run
    from sdr_ota.report.run_report import print_run, show_run

    if resume_run(path, more_rounds):
        show_run(path)
    else:
        print_run(path)
        print("nothing left to do: the run has ended; go on for N more rounds with --rounds N")
