"""The report of a calibration: what a person at the bench sees in ten seconds."""

from pathlib import Path

from sdr_ota.cli.calibration_result import BenchResult
from sdr_ota.cli.html_page import Section, Table, render_page


def write_page(result: BenchResult, folder: Path) -> None:
    """Write ``report.html`` into the folder."""
    rows = [
        (node.serial, str(node.verdict.fitness), node.verdict.reason)
        for node in result.nodes
        if node.verdict is not None
    ]
    table = Table(("node", "fit for", "because"), rows)
    page = render_page("Calibration", "", (Section("Verdicts", tables=(table,)),))
    (folder / "report.html").write_text(page, encoding="utf-8")
