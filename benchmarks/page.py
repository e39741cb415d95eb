"""Run every benchmark of this folder and lay their figures out on one page.

Each file runs in a process of its own, one after the other; what it hands over in the form
of `rows.py` becomes a table of ratios and a figure. A file that hands over nothing is quoted
in its own words; one that fails is named with what it said last. Ratios are compared with those of
the committed page (`committed.py`), and what became slower is said first. Nothing here decides a
test.
"""

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import committed
from committed import Interval
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from rows import ROWS, Row

from sdr_ota.report.html_page import (
    Figure,
    Section,
    Table,
    render_markdown,
    render_page,
    save_figures,
)
from sdr_ota.report.plots import house_style

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"committed.py", "page.py", "rows.py", "sst2_small_opt.py"}
PACKAGES = ("sdr-ota", "numpy", "scipy", "torch", "transformers", "numba")
TIMEOUT_S = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--output", type=Path, default=Path("build/bench"), help="folder to write")
    parser.add_argument("--quick", action="store_true", help="small and rough: minutes at most")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="files to run, without .py")
    parser.add_argument(
        "--keep", action="store_true", help=f"write the ratios into {committed.FILE.name}"
    )
    options = parser.parse_args()
    files = sorted(p for p in HERE.glob("*.py") if p.name not in NOT_BENCHMARKS)
    if unknown := {*(options.only or ())} - {p.stem for p in files}:
        there = ", ".join(p.stem for p in files)
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {there}")
    chosen = [p for p in files if not options.only or p.stem in options.only]
    about, before = machine(), committed.read()
    sections, now = [Section("Machine", tables=[Table((), about)])], {}
    for path in chosen:
        print(f"{path.stem} ...", flush=True)
        section, rows = measured(path, options.quick)
        sections.append(section)
        now |= {committed.key_of(path.stem, r): committed.interval_of(r.ratios) for r in rows}
    comparison = compared(now, before)
    print(comparison.text)
    write([comparison, *sections], options)
    if options.keep:
        committed.keep(now, measured=where(dict(about)))


def where(about: Mapping[str, str]) -> str:
    """Say in one line on what was measured."""
    wanted = ("processor", "cores that may be used", "load before", "date", "code")
    return ", ".join(f"{name} {about[name]}" for name in wanted)


def compared(now: Mapping[str, Interval | None], before: Mapping[str, Interval]) -> Section:
    """Lay every ratio beside the committed one; say what became slower."""
    verdicts = {key: committed.verdict(one, before.get(key)) for key, one in now.items()}
    slower = [key for key, said in verdicts.items() if said == "slower"]
    n_judged = sum(said in ("slower", "faster", "as before") for said in verdicts.values())
    text = f"{len(slower)} of {n_judged} ratios that can be judged became worse than the committed "
    text += "ones by more than 10 % beyond both intervals (95 %)."
    cells = [
        (key, _interval(one), _interval(before.get(key)), verdicts[key])
        for key, one in sorted(now.items(), key=lambda item: item[0] not in slower)
        if one is not None
    ]
    told = "".join(f"\n\nslower: {key}" for key in slower)
    headings = ("ratio", "now", "committed", "verdict")
    return Section("Beside the committed page", text + told, [Table(headings, cells)])


def _interval(one: Interval | None) -> str:
    return f"{one.ratio:.3g} ({one.low:.3g} to {one.high:.3g})" if one else "none"


def measured(path: Path, quick: bool) -> tuple[Section, list[Row]]:
    """Run one benchmark and return what it measured, as a section and as rows."""
    about = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    with tempfile.TemporaryDirectory() as folder:
        rows_file = Path(folder) / "rows.jsonl"
        began_s = time.perf_counter()
        quickly = ["--quick"] if quick and takes_quick(path) else []
        said = _run([sys.executable, str(path), *quickly], Path(folder), rows_file)
        took_s = time.perf_counter() - began_s
        lines = rows_file.read_text().splitlines() if rows_file.is_file() else []
    rows = [Row(**json.loads(line)) for line in lines]
    if said.returncode:
        last = (said.stderr.strip().splitlines() or [f"exit code {said.returncode}"])[-1]
        ending = f"{'Not run' if said.returncode == 2 else 'It failed'}: {last}"
    else:
        ending = f"It took {took_s:.0f} s."
    if not rows:
        words, tables = quoted(said.stdout)
        return Section(path.stem, f"{about}\n\n{ending}\n\n{words}", tables), rows
    figures = [figure_of(path.stem, rows)]
    return Section(path.stem, f"{about}\n\n{ending}", [table_of(rows)], figures), rows


def _run(command: list[str], folder: Path, rows: Path) -> subprocess.CompletedProcess[str]:
    """Run a benchmark; one that takes too long has failed, and the others go on."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, ROWS: str(rows)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not done after {TIMEOUT_S:g} s")


def quoted(output: str) -> tuple[str, list[Table]]:
    """Return a benchmark's own words, with the rows of its Markdown table as a table."""
    lines = [line.strip() for line in output.splitlines()]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|") and not line.startswith("|-")
    ]
    words = "\n\n".join(line for line in lines if not line.startswith("|"))
    return words, [Table(rows[0], rows[1:])] if rows else []


def takes_quick(path: Path) -> bool:
    """Tell whether a benchmark has a quick form."""
    said = subprocess.run(
        [sys.executable, str(path), "--help"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return "--quick" in said.stdout


def table_of(rows: Sequence[Row]) -> Table:
    """Return ratios with the figures that they come from."""
    cells = [
        (
            r.what,
            r.peer,
            f"{r.ratio:.3g}",
            _with_unit(r.ours, r.unit),
            _with_unit(r.theirs, r.unit),
            r.setting,
        )
        for r in rows
    ]
    return Table(("measured", "beside", "ratio", "ours", "theirs", "setting"), cells)


def figure_of(name: str, rows: Sequence[Row]) -> Figure:
    """Draw the ratios, the peer at 1."""
    with house_style():
        drawing = Drawing(figsize=(8, 0.7 + 0.28 * len(rows)))
        axes = drawing.subplots()
        places = range(len(rows))
        axes.barh(places, [r.ratio - 1 for r in rows], left=1, color="0.6", edgecolor="black")
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(min(0.5, *(r.ratio for r in rows)), max(2, *(r.ratio for r in rows)))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_yticks(places, [_label(r) for r in rows], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlabel("ours / peer, in the same unit of cost; left of 1 is in our favour")
    return Figure(f"Ratios of {name}: what we measured over its peer.", drawing, name)


def _label(row: Row) -> str:
    setting = f" ({row.setting})" if row.setting else ""
    return f"{row.what} / {row.peer}{setting}"


def _with_unit(value: float, unit: str) -> str:
    if unit == "s" and value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"


def machine() -> list[tuple[str, str]]:
    """Describe what the figures were measured on."""
    cpu = [line for line in _text("/proc/cpuinfo").splitlines() if line.startswith("model name")]
    memory = [line for line in _text("/proc/meminfo").splitlines() if line.startswith("MemTotal")]
    memory_gib = int(memory[0].split()[1]) / 2**20 if memory else 0.0
    rows = [
        ("processor", cpu[0].partition(":")[2].strip() if cpu else platform.processor()),
        ("cores that may be used", str(len(os.sched_getaffinity(0)))),
        ("memory", f"{memory_gib:.1f} GiB"),
        ("system", platform.platform()),
        ("load before", " ".join(f"{load:.2f}" for load in os.getloadavg())),
        ("date", time.strftime("%Y-%m-%d %H:%M %Z")),
        ("code", _said("git", "-C", str(HERE), "describe", "--always", "--dirty")),
        ("python", platform.python_version()),
        ("GNU Radio", _said("gnuradio-config-info", "--version")),
    ]
    return rows + [(name, _version(name)) for name in PACKAGES]


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).is_file() else ""


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not there"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not there"


def write(sections: Sequence[Section], options: argparse.Namespace) -> None:
    title = "Benchmarks" + (", quick form: small and rough" if options.quick else "")
    summary = (
        "Every figure stands beside a peer that was measured in the same run; the ratio is what "
        "counts. Figures are costs: a ratio below 1 is in our favour."
    )
    options.output.mkdir(parents=True, exist_ok=True)
    save_figures(sections, options.output, "svg")
    html, markdown = options.output / "bench.html", options.output / "bench.md"
    html.write_text(render_page(title, summary, sections), encoding="utf-8")
    markdown.write_text(render_markdown(title, summary, sections), encoding="utf-8")
    print(f"wrote {html} and {markdown}")


if __name__ == "__main__":
    main()
