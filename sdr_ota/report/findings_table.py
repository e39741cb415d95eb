"""What was found on this machine, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sdr_ota.report.printable_console import PrintableConsole


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        said: What was found.
        cure: Command or advice; empty if all is well.
        is_needed: Whether nothing works without it.
    """

    name: str
    said: str
    cure: str = ""
    is_needed: bool = False


def print_findings(findings: Iterable[Finding]) -> None:
    """Print a finding a row."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        sign = "ok" if not finding.cure else "MISSING" if finding.is_needed else "-"
        table.add_row(sign, finding.name, finding.said, finding.cure)
    PrintableConsole(highlight=False, markup=False).print(table)
