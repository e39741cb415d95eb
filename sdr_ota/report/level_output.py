"""Where readings go: live on a terminal, as lines elsewhere, as JSON for machines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.live import Live

from sdr_ota.receiver.reading import Reading
from sdr_ota.report.level_view import LevelView
from sdr_ota.report.level_words import level_json, level_line
from sdr_ota.runs.strict_json import strict_json

LINE_S = 1.0
"""Between two lines."""

Taker: TypeAlias = Callable[[float, Reading], None]
"""Takes a reading and its time in seconds."""


@contextmanager
def level_output(name: str, as_json: bool) -> Iterator[Taker]:
    """Give what shows readings in the form that fits standard output.

    Args:
        name: What is listened to.
        as_json: Whether machines read it.
    """
    console = Console(highlight=False, markup=False)
    if as_json:
        yield every_second(console, level_json_line)
    elif not console.is_terminal:
        console.print(name, soft_wrap=True)
        yield every_second(console, level_line)
    else:
        view = LevelView(name)
        with Live(view, console=console, auto_refresh=False) as live:

            def take(at_s: float, reading: Reading) -> None:
                view.take(at_s, reading)
                live.refresh()

            yield take


def level_json_line(at_s: float, reading: Reading) -> str:
    """Return a reading as one line of JSON."""
    return strict_json(dict(level_json(at_s, reading)))


def every_second(console: Console, line: Callable[[float, Reading], str]) -> Taker:
    """Return what prints a line for the first reading of every second."""
    next_s = 0.0

    def take(at_s: float, reading: Reading) -> None:
        nonlocal next_s
        if at_s >= next_s:
            next_s = at_s + LINE_S
            console.print(line(at_s, reading), soft_wrap=True)
            console.file.flush()

    return take
