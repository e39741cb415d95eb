"""A selftest on the terminal: its checks as a table."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sdr_ota.study.selftest.command import SelfTest


def print_selftest(test: SelfTest) -> None:
    """Print what was measured, what was expected, and whether it does."""
    console = Console(highlight=False, markup=False)
    there = test.settings
    console.print(f"{test.address} ({test.serial})")
    console.print(
        f"{there['center_freq_hz'] / 1e6:g} MHz, {there['sample_rate_hz'] / 1e6:g} MS/s, transmit "
        f"gain {there['tx_gain_db']:g} dB, receive gain {there['rx_gain_db']:g} dB"
    )
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("", "check", "measured", "expected"):
        table.add_column(heading, overflow="fold")
    for check in test.checks:
        table.add_row("ok" if check.passed else "FAIL", check.name, check.measured, check.expected)
    console.print(table)
