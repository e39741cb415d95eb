"""The page of one run, written from Python."""

from pathlib import Path

from sdr_ota.report.html_page import render_page
from sdr_ota.report.named_run import NamedRun
from sdr_ota.report.run_page import report_sections, report_summary, report_title
from sdr_ota.runs.run_folder import RunRecord


def write_report(run: RunRecord, page: Path) -> None:
    """Write the page of a run.

    Raises:
        OSError: If it cannot be written.
    """
    runs = [NamedRun(run.folder.name, run)]
    text = render_page(report_title(runs), report_summary(runs), report_sections(runs))
    page.write_text(text, encoding="utf-8")
