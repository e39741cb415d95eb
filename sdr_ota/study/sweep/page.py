"""The page of a sweep: every result over every swept key, the points, what they share."""

import json
from collections.abc import Sequence
from pathlib import Path

from sdr_ota.config.load import Config
from sdr_ota.report.html_page import Cell, Section, Table, Verdict, render_page, save_figures
from sdr_ota.report.named_run import UNTOLD, different_keys, flat_settings
from sdr_ota.study.sweep.figures import RESULTS, sweep_figures
from sdr_ota.study.sweep.plan import Sweep
from sdr_ota.study.sweep.table import Row, Value

VERDICTS: dict[Value, Verdict] = {"failed": "bad", "not run yet": "fair", "good": "good",
                                  "fair": "fair", "bad": "bad"}  # fmt: skip
"""Of a point that did not end well its ending, else of its link."""


def write_page(sweep: Sweep, rows: Sequence[Row], folder: Path) -> Path:
    """Write ``sweep.html``, and its figures as PNG in ``plots``."""
    sections = [
        Section("Results", figures=sweep_figures(rows, sweep.keys)),
        Section("Points", tables=[_points(sweep, rows)]),
        Section("What all points share", "Other than the defaults:", tables=[_shared(sweep)]),
    ]
    save_figures(sections, folder / "plots", "png")
    n_failed = sum(row["ending"] == "failed" for row in rows)
    over = f" over {', '.join(sweep.keys)}" if sweep.keys else ""
    summary = f"{len(rows)} points{over}; {n_failed} failed. In {folder}."
    path = folder / "sweep.html"
    path.write_text(render_page(f"Sweep {folder.name}", summary, sections), encoding="utf-8")
    return path


def _points(sweep: Sweep, rows: Sequence[Row]) -> Table:
    there = [r.column for r in RESULTS if any(row.get(r.column) is not None for row in rows)]
    cells: list[list[str | Cell]] = []
    for row in rows:
        ending = str(row["ending"])
        why = row["why"] or row.get("link_why")
        words = f"{ending}: {why}" if why else ending
        values = [_written(row.get(key)) for key in (*sweep.keys, *there)]
        judged = row.get("link") if ending == "done" else ending
        cells.append([*values, Cell(words, VERDICTS.get(judged))])
    return Table((*sweep.keys, *there, "ending"), cells)


def _shared(sweep: Sweep) -> Table:
    defaults = flat_settings(Config().model_dump(mode="json"))
    shared = flat_settings(sweep.points[0].config.model_dump(mode="json"))
    changed = different_keys([defaults, shared])
    rows = [
        (key, json.dumps(shared.get(key)))
        for key in changed
        if key not in UNTOLD and key not in sweep.keys
    ]
    return Table(("key", "value"), rows)


def _written(value: Value) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
