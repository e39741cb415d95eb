"""The page of a sweep: its points with their endings, and every result over every swept key."""

from collections.abc import Mapping
from pathlib import Path

from sdr_ota.cli.html_page import Cell, Section, Table, Verdict, render_page, save_figures
from sdr_ota.cli.sweep_figures import RESULTS, sweep_figures
from sdr_ota.cli.sweep_plan import Sweep
from sdr_ota.cli.sweep_table import Row, Value

VERDICTS: dict[str, Verdict] = {"done": "good", "failed": "bad", "not run yet": "fair"}


def write_page(sweep: Sweep, rows: Mapping[str, Row], folder: Path) -> Path:
    """Write ``sweep.html``, and its figures as PNG in ``plots``."""
    figures = sweep_figures(list(rows.values()), sweep.keys)
    sections = [
        Section("Results", figures=figures),
        Section("Points", tables=[_table(sweep, rows)]),
    ]
    save_figures(sections, folder / "plots", "png")
    n_failed = sum(row["ending"] == "failed" for row in rows.values())
    summary = f"{len(rows)} points over {', '.join(sweep.keys)}; {n_failed} failed. In {folder}."
    path = folder / "sweep.html"
    path.write_text(render_page(f"Sweep {folder.name}", summary, sections), encoding="utf-8")
    return path


def _table(sweep: Sweep, rows: Mapping[str, Row]) -> Table:
    columns = [
        r.column for r in RESULTS if any(row.get(r.column) is not None for row in rows.values())
    ]
    cells = []
    for row in rows.values():
        ending = str(row["ending"])
        words = f"{ending}: {row['why']}" if row["why"] else ending
        settings = [_written(row.get(key)) for key in sweep.keys]
        figures = [_written(row.get(column)) for column in columns]
        cells.append([*settings, *figures, Cell(words, VERDICTS[ending])])
    return Table((*sweep.keys, *columns, "ending"), cells)


def _written(value: Value) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
