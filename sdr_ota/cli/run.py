"""`sdr-ota run`: run or resume an experiment, then print and plot its figures."""

from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.run import resume_run, start_run
from sdr_ota.cli.report import print_report, save_plots
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.owner_only import owner_only
from sdr_ota.runs.run_folder import read_run
from sdr_ota.runs.run_records import is_private


def run_command(experiment: Path | None, settings: Sequence[str]) -> None:
    """Run an experiment from a config file, or the demo without one, and show its figures."""
    _show(start_run(experiment, settings))


def resume_command(path: Path, more_rounds: int = 0) -> None:
    """Continue a run that was interrupted, or for more rounds, and show its figures."""
    if resume_run(path, more_rounds):
        _show(path)
        return
    print_report(read_run(path))
    print("nothing left to do: the run has ended; go on for N more rounds with --rounds N")


def _show(folder: Path) -> None:
    run = read_run(folder)
    print_report(run)
    try:
        with owner_only(is_private(run.start)):
            save_plots(run)
    except OSError as error:
        raise CommandFailed(
            f"the run is complete, but its plots cannot be written: {error.strerror or error}"
        ) from error
