"""`sdr-ota audit`: an adversary tries to break the privacy promise of a config."""

from typing import Annotated

import typer

from sdr_ota.cli.options import OrDemo, Settings
from sdr_ota.failure import CommandFailed

Runs = Annotated[
    int, typer.Option(min=100, max=1_000_000, help="On each of two neighbouring data sets.")
]
Rounds = Annotated[
    int, typer.Option(min=1, max=100_000, help="Of each run; the promise is made for so many.")
]


def audit(
    experiment: OrDemo = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    runs: Runs = 3000,
    rounds: Rounds = 4,
) -> None:
    """Try to break the privacy promise of a config; send nothing.

    The config's own nodes run with and without a canary among their data; an adversary that knows
    all the rest guesses which. Prints how often it is right, as mu and as epsilon with 99.9 %
    confidence. Exit code 1 if that is more than the promise allows. Opens no radio and loads no
    model.
    """
    from sdr_ota.assembly.audit import audit_config
    from sdr_ota.cli.terminal import print_pairs

    report = audit_config(experiment, settings, runs, rounds)
    print_pairs(report.rows, "audit; nothing is sent")
    if report.contradiction:
        raise CommandFailed(report.contradiction)
