"""The application: all commands, and how one that fails ends."""

import logging
import os
import sys

import typer

from sdr_ota.cli import commands
from sdr_ota.cli.command_list import CommandList
from sdr_ota.failure import INTERRUPTED, CommandFailed
from sdr_ota.printable import printable
from sdr_ota.report.printable_console import PrintableFormatter

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


commands.register(app)


def run_application() -> None:
    """Run the command that was typed; wrong input gives a sentence, never a traceback.

    Raises:
        KeyboardInterrupt: If it was interrupted and has not said so itself.
    """
    # Commands draw into files alone; a notebook's back-end may not even be installed here.
    os.environ["MPLBACKEND"] = "agg"
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PrintableFormatter())
    try:
        app()
    except SystemExit as ended:  # typer's: it says nothing
        if ended.code == INTERRUPTED:
            raise KeyboardInterrupt from None
        raise
    except (CommandFailed, OSError) as failed:
        failure = failed if isinstance(failed, CommandFailed) else _of_the_system(failed)
        if os.environ.get("SDR_OTA_TRACEBACK") or failure is None:
            raise
        print(f"sdr-ota: {printable(str(failure))}", file=sys.stderr)
        sys.exit(failure.exit_code)


def _of_the_system(error: OSError) -> CommandFailed | None:
    """Return what a file, a disk or a mode denied; None for what is no answer of the system."""
    if error.strerror is None:
        return None
    where = f" {error.filename}" if error.filename is not None else ""
    return CommandFailed(
        f"the system refuses{where}: {error.strerror}; see who may read and write there, and "
        "whether there is room (SDR_OTA_TRACEBACK=1 shows where it happened)"
    )
