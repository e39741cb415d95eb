"""The sign-reversal study of finished runs: measure, print, write."""

from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.run_slopes import slopes_of_run
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.named_run import NamedRun, name_runs
from sdr_ota.runs.new_folder import check_new_folder
from sdr_ota.runs.run_folder import RunFolderError, read_run
from sdr_ota.study.sign_figure import print_signs, sign_drawing, sign_record
from sdr_ota.study.sign_reversal import SignSetting, sign_reversal
from sdr_ota.study.study_files import write_study


def study_signs(
    folders: Sequence[Path],
    every: int | None,
    setting: SignSetting,
    output: Path | None,
    width_in: float | None = None,
) -> None:
    """Study the signs of runs, print what was found and write it where it is asked for.

    Args:
        folders: Of the runs.
        every: Rounds between two points of a run; None for start and end.
        setting: What is drawn.
        output: New folder for figure, CSV and JSON; None for none of them.
        width_in: Of the figure, in inches; None for its own.

    Raises:
        CommandFailed: If a run has no model or is private, or something cannot be read or written.
    """
    if output is not None:
        check_new_folder(output)
    seeds = range(setting.n_directions)
    found = [
        sign_reversal(named.name, at.rounds_done, at.slopes, setting)
        for named in _named(folders)
        for at in slopes_of_run(named.run.folder, every, seeds)
    ]
    print_signs(found, setting)
    if output is not None:
        write_study(sign_record(found, setting), sign_drawing(found), output, width_in)


def _named(folders: Sequence[Path]) -> list[NamedRun]:
    try:
        return name_runs([read_run(folder) for folder in folders])
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
