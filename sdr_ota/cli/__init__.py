"""The command line: parses, calls and prints; one thin file a command.

Standard output is the result, standard error the log. Exit codes: 0 done, 1 failed,
2 wrong use or configuration, 3 no radio, 130 interrupted.
"""

import logging
import os
import sys

import typer

from sdr_ota.cli.command_list import CommandList
from sdr_ota.failure import CommandFailed
from sdr_ota.printable import printable

app = typer.Typer(
    name="sdr-ota",
    cls=CommandList,
    help="Federated fine-tuning of language models by scalars that add up in the air.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _about() -> None:
    """Federated fine-tuning of language models by scalars that add up in the air."""


def main() -> None:
    """Run the command line; wrong input gives a sentence, never a traceback."""
    from sdr_ota.cli import commands
    from sdr_ota.report.printable_console import PrintableFormatter

    # Commands draw into files alone; a notebook's back-end may not even be installed here.
    os.environ["MPLBACKEND"] = "agg"
    commands.register(app)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PrintableFormatter())
    try:
        app()
    except CommandFailed as failure:
        if os.environ.get("SDR_OTA_TRACEBACK"):
            raise
        print(f"sdr-ota: {printable(str(failure))}", file=sys.stderr)
        sys.exit(failure.exit_code)
