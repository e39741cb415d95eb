"""`sdr-ota replay`: the captures of a run decoded again, old against new."""

from typing import Annotated

import typer

from sdr_ota.cli.options import RunFolder, Settings
from sdr_ota.failure import CommandFailed

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def replay(
    run: RunFolder,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: AsJson = False,
) -> None:
    """Decode a run's captures again: old against new.

    Round by round, with other parameters of the scheme or the receiver (--set), or with
    this version of the code. Opens no radio and changes nothing in the run folder.
    """
    from sdr_ota.assembly.replay import replay_run
    from sdr_ota.report.replay_table import print_replay, replay_json

    rounds, damaged = replay_run(run, settings)
    if as_json:
        print(replay_json(rounds))
    else:
        print_replay(run, rounds)
    if damaged:
        raise CommandFailed("\n".join(damaged))
