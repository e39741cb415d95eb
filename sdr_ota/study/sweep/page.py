"""The page of a sweep: every result over every swept key, the points, what they share."""

import json
from collections.abc import Sequence
from pathlib import Path

from sdr_ota.config.load import Config
from sdr_ota.report.html_page import Cell, Section, Table, Verdict, render_page, save_figures
from sdr_ota.report.named_run import UNTOLD, different_keys, flat_settings
from sdr_ota.study.sweep.figures import sweep_figures
from sdr_ota.study.sweep.means import means_table
from sdr_ota.study.sweep.plan import Sweep, shown_keys
from sdr_ota.study.sweep.results import Row, Value, shown_of

VERDICTS: dict[Value, Verdict] = {"failed": "bad", "not run yet": "fair", "good": "good",
                                  "fair": "fair", "bad": "bad"}  # fmt: skip
"""Of a point that did not end well its ending, else of its link."""


def write_page(sweep: Sweep, rows: Sequence[Row], folder: Path) -> Path:
    """Write ``sweep.html``, and its figures as PNG in ``plots``."""
    sections = [
        Section("Results", figures=sweep_figures(rows, sweep.keys, sweep.axis, sweep.results)),
        Section("Means", "Over the repeats, ± one standard deviation.", tables=_means(sweep, rows)),
        Section("Points", tables=[_points(sweep, rows)]),
        Section("What all points share", "Other than the defaults:", tables=[_shared(sweep)]),
    ]
    sections = [one for one in sections if one.tables or one.figures]
    save_figures(sections, folder / "plots", "png")
    n_failed = sum(row["ending"] == "failed" for row in rows)
    over = f" over {', '.join(sweep.keys)}" if sweep.keys else ""
    summary = f"{len(rows)} points{over}; {n_failed} failed. In {folder}."
    path = folder / "sweep.html"
    path.write_text(render_page(f"Sweep {folder.name}", summary, sections), encoding="utf-8")
    return path


def _means(sweep: Sweep, rows: Sequence[Row]) -> list[Table]:
    lines = means_table(rows, shown_keys(sweep), sweep.results)
    return [Table(lines[0], lines[1:])] if lines else []


def _points(sweep: Sweep, rows: Sequence[Row]) -> Table:
    columns = [*shown_keys(sweep), *(one.column for one in shown_of(sweep.results, rows))]
    cells: list[list[str | Cell]] = []
    for row in rows:
        ending = str(row["ending"])
        why = row["why"] or row.get("link_why")
        words = f"{ending}: {why}" if why else ending
        values = [_written(row.get(column)) for column in columns]
        judged = row.get("link") if ending == "done" else ending
        cells.append([*values, Cell(words, VERDICTS.get(judged))])
    return Table((*columns, "ending"), cells)


def _shared(sweep: Sweep) -> Table:
    defaults = flat_settings(Config().model_dump(mode="json"))
    shared = flat_settings(sweep.points[0].config.model_dump(mode="json"))
    changed = different_keys([defaults, shared])
    swept = {key for point in sweep.points for key in point.settings}
    rows = [
        (key, json.dumps(shared.get(key)))
        for key in changed
        if key not in UNTOLD and key not in swept
    ]
    return Table(("key", "value"), rows)


def _written(value: Value) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
