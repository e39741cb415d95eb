"""The list of commands in ``sdr-ota --help``: in groups, what a newcomer needs first."""

from itertools import groupby
from typing import Any

from typer.core import TyperGroup


class CommandList(TyperGroup):
    """Lists commands under the panels of their registration, every summary whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section a panel; commands of one panel are registered together."""
        commands: list[tuple[str, Any]] = [
            (name, self.commands[name]) for name in self.list_commands(ctx)
        ]
        for panel, members in groupby(commands, lambda command: command[1].rich_help_panel):
            with formatter.section(panel):
                formatter.write_dl([(n, (c.help or "").partition("\n")[0]) for n, c in members])
