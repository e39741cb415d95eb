"""`sdr-ota decode`: what frames a recording holds, whoever made it."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import Settings
from sdr_ota.failure import CommandFailed
from sdr_ota.printable import printable

File = Annotated[Path, typer.Argument(help=".sigmf-meta, .sigmf, .npy, .wav, or raw: .cf32, .ci16")]
Rate = Annotated[float | None, typer.Option(min=1, help="Samples/s, where the file is silent.")]


def decode(file: File, rate: Rate = None, settings: Settings = []) -> None:  # noqa: B006 - copied
    """Find frames in a recording; of a capture of ours decode the sum, too.

    Says level, clipping and every preamble, or why there is none. --set names the frame to
    look for where the recording does not carry it.
    """
    from sdr_ota.report.decode_table import findings_lines
    from sdr_ota.runs.found_frames import look_into, recorded_sum

    found = look_into(file, rate, settings)
    for line in findings_lines(found):
        print(printable(line))
    if (decoded := recorded_sum(file)) is not None:
        print(printable(str(decoded)))
    elif found.why_none:
        raise CommandFailed(f"no frame found: {found.why_none}")
