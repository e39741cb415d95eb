"""`sdr-ota run`: run or resume an experiment, then print and plot its figures."""

from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.run import resume_run, start_run
from sdr_ota.cli.report import print_report, save_plots
from sdr_ota.failure import CommandFailed
from sdr_ota.runs.run_folder import read_run


def run_command(experiment: Path | None, settings: Sequence[str]) -> None:
    """Run an experiment from a config file, or the demo without one, and show its figures."""
    _show(start_run(experiment, settings))


def resume_command(path: Path) -> None:
    """Continue a run that was interrupted, and show its figures."""
    resume_run(path)
    _show(path)


def _show(folder: Path) -> None:
    run = read_run(folder)
    print_report(run)
    try:
        save_plots(run)
    except OSError as error:
        raise CommandFailed(
            f"the run is complete, but its plots cannot be written: {error.strerror or error}"
        ) from error
