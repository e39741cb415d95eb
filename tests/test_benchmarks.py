"""The page of the benchmarks takes every file, whatever becomes of it; no figure is judged."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

GOOD = '''"""A benchmark.

More about it.
"""
import sys
sys.path.insert(0, {folder!r})
import argparse
from rows import Row, emit, parsed
options = parsed(argparse.ArgumentParser(), n=3)
emit(Row("ours", 1.0, "theirs", 4.0, "s", "small" if options.quick else "large", [0.25, 0.5]))
'''


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(FOLDER))
    import page  # noqa: PLC0415

    return page


@pytest.mark.parametrize(("quick", "setting"), [(True, "small"), (False, "large")])
def test_rows_become_ratios(tmp_path: Path, page: object, quick: bool, setting: str) -> None:
    path = tmp_path / "good.py"
    path.write_text(GOOD.format(folder=str(FOLDER)))
    section, rows = page.measured(path, quick)
    assert [row.ratios for row in rows] == [[0.25, 0.5]]
    assert section.text.startswith("A benchmark.\n\nIt took")
    assert section.tables[0].rows == [("ours", "theirs", "0.25", "1 s", "4 s", setting)]
    assert len(section.figures) == 1


def test_a_file_without_rows_is_quoted_and_a_failure_is_named(
    tmp_path: Path, page: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.py"
    path.write_text('print("12 MS/s")')
    assert "12 MS/s" in page.measured(path, quick=True)[0].text
    path.write_text('print("| a | b |\\n|---|---|\\n| 1 | 2 |")')
    (table,) = page.measured(path, quick=True)[0].tables
    assert (table.headings, table.rows) == (["a", "b"], [["1", "2"]])
    monkeypatch.setattr(page, "TIMEOUT_S", 0.0)
    assert "It failed: not done after 0 s" in page.measured(path, quick=False)[0].text
    monkeypatch.undo()
    path.write_text('raise SystemExit("no radio here")')
    assert "It failed: no radio here" in page.measured(path, quick=True)[0].text


def test_an_unknown_name_is_refused_with_those_that_are_there(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "page.py"), "--only", "zo_setp"]
    refused = subprocess.run(
        [*command, "--output", str(tmp_path / "out")],
        timeout=100, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "no benchmark is called zo_setp" in refused.stderr
    assert "zo_step" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_one_command_writes_one_page(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "page.py"), "--quick", "--only", "simulated_round"]
    subprocess.run([*command, "--output", str(tmp_path)], timeout=100, check=True)
    html = (tmp_path / "bench.html").read_text()
    assert "its time on the air" in html
    assert html.count("<svg") == 1
    assert "](./simulated_round.svg)" in (tmp_path / "bench.md").read_text()
    assert (tmp_path / "simulated_round.svg").stat().st_size > 1000
