"""The page of all commands, made from the command line itself."""

import re
from collections.abc import Iterator

import typer
import typer.core
from typer.cli import get_docs_for_click

from sdr_ota.cli.application import app

_SHORTENED = re.compile(r"^\* `([a-z][\w-]*)`: .*$", re.MULTILINE)
"""An entry of the list of commands, whose help has been cut to fit a terminal."""

_KEPT_LINES = re.compile(r"^\x08\n((?: +\S.*\n)+)", re.MULTILINE)
"""Lines of a command's help that a terminal shows as they stand."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield reference/commands.md."""
    command = typer.main.get_command(app)
    with typer.Context(command) as context:
        text = get_docs_for_click(obj=command, ctx=context, name="sdr-ota", title="Commands")
    text = _SHORTENED.sub(lambda found: _entry(command, found[1]), text)
    yield "reference/commands.md", _KEPT_LINES.sub(r"```text\n\1```\n", text)


def _entry(command: typer.core.TyperGroup, name: str) -> str:
    about = (command.commands[name].help or "").partition("\n")[0]
    return f"* [`{name}`](#sdr-ota-{name}): {about}"
