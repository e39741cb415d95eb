"""Text of others never commands the terminal; the console's own colours still work."""

import io
import logging

import pytest
from rich.table import Table

from sdr_ota.report.printable_console import PrintableConsole, PrintableFormatter

EVIL = "done\x1b[2J\x1b]0;owned\x9b31m\u202e"


def shown(what: object, is_terminal: bool) -> str:
    file = io.StringIO()
    console = PrintableConsole(
        file=file, force_terminal=is_terminal, width=200, color_system="standard", highlight=False
    )
    console.print(what)
    return file.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_control_characters_are_written_out(is_terminal: bool) -> None:
    table = Table(title=EVIL, caption=EVIL)
    table.add_column(EVIL)
    table.add_row(EVIL)
    for what in (EVIL, table):
        said = shown(what, is_terminal)
        assert "\x1b[2J" not in said
        assert not set(said) & set("\x07\x9b\u202e")
        assert "done\\x1b[2J\\x1b]0;owned\\x9b31m\\u202e" in said


def test_the_console_s_own_colours_work() -> None:
    assert shown("[bold red]bad[/]", True) == "\x1b[1;31mbad\x1b[0m\n"


def test_a_line_of_the_log_is_written_out() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "serial %s", (EVIL,), None)
    assert PrintableFormatter().format(record).startswith("serial done\\x1b[2J")
