"""How commands print tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.report.printable_console import PrintableConsole

console = PrintableConsole(highlight=False, markup=False)


def print_pairs(rows: Iterable[tuple[str, str]], title: str) -> None:
    """Print names in bold beside their values."""
    table = Table(box=SIMPLE_HEAD, show_header=False, title=title)
    table.add_column(style="bold")
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below their headings; only the last columns may wrap."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


@contextmanager
def note_progress() -> Iterator[Callable[[str], None]]:
    """Give what notes on standard error what a command does; nothing stays of it there."""
    on_error = PrintableConsole(stderr=True, highlight=False, markup=False)
    if not on_error.is_terminal:
        yield lambda text: None
        return
    with on_error.status("opening") as status:
        yield status.update
