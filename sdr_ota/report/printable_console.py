"""A console on which text of files, devices and other machines cannot command the terminal."""

import logging
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sdr_ota.printable import printable


class PrintableConsole(Console):
    """Writes out the control characters of whatever text it shows; its own still work."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is shown, without a control character that is not the console's own."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


class PrintableFormatter(logging.Formatter):
    """The same for the log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line of the log, its control characters written out."""
        return printable(super().format(record))
