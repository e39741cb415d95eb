"""`sdr-ota calibrate`: measure the nodes and write records."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import OrDemo, Settings

What = Annotated[
    str, typer.Argument(help="gain, cfo, timing, phase, noise-floor, linearity, latency; or all.")
]
Output = Annotated[
    Path | None, typer.Option(help="For records and report; otherwise calibration.folder.")
]
Precision = Annotated[
    list[str],
    typer.Option(
        metavar="QUANTITY=HALF_WIDTH", help="Of a 95 % interval, as cfo_hz=0.5; repeatable."
    ),
]
FromCaptures = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Read recorded captures; open no radio.")
]
KeepCaptures = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Record every capture for later.")
]


def calibrate(  # noqa: PLR0913, PLR0917 - one a command-line option
    what: What,
    bench: OrDemo = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    output: Output = None,
    precision: Precision = [],  # noqa: B006
    from_captures: FromCaptures = None,
    keep_captures: KeepCaptures = None,
) -> None:
    """Measure each node, judge it, write records that expire.

    Nodes are sounded one at a time, again and again until the 95 % intervals are as narrow
    as --precision asks for, within a bound. Its quantities: gain_db, cfo_hz, delay_samples,
    clock_error_ppm.
    """
    from sdr_ota.study.calibration.survey_run import Asked, calibrate_command

    asked = Asked(what, bench, tuple(settings), output, tuple(precision), keep_captures)
    calibrate_command(asked, from_captures)
