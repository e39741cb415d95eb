"""How curves are told apart, and that the user's own settings do not reach our figures."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import pytest
from matplotlib.figure import Figure

from sdr_ota.cli.run import run_command
from sdr_ota.report import run_report
from sdr_ota.report.plots import (
    curve_style,
    house_style,
    joined_style,
    marker_style,
    save_figure,
    write_figure,
)


def test_curves_differ_in_colour_and_shape_and_many_of_them_in_one_of_both() -> None:
    for style, shape in ((curve_style, "linestyle"), (marker_style, "marker")):
        drawn = [(style(index)["color"], style(index)[shape]) for index in range(36)]
        assert len(set(drawn)) == 36
        assert len({colour for colour, _ in drawn[:6]}) == 6
        assert len({form for _, form in drawn[:6]}) == 6


def test_a_joined_curve_is_its_line_with_its_markers() -> None:
    for index in (0, 7):
        assert joined_style(index) == {**marker_style(index), **curve_style(index)}
        assert joined_style(index)["linestyle"] != "none"


LINK = Path(__file__).parents[3] / "examples" / "link.toml"
LINK_ONLY = ("clients.source=synthetic", "run.rounds=3")


def test_a_user_s_backend_and_rc_file_do_not_reach_our_figures(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfigure.facecolor: red\n")
    settings = [word for one in LINK_ONLY for word in ("--set", one)]
    done = subprocess.run(
        [sys.executable, "-m", "sdr_ota.cli", "run", str(LINK), *settings],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": "module://no_such_notebook.backend",
             "MATPLOTLIBRC": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "NMSE of the decoded sum" in done.stdout
    (run,) = (tmp_path / "runs").iterdir()
    assert list((run / "plots").glob("*.png"))


def test_our_figures_leave_the_settings_of_the_process_alone(tmp_path: Path) -> None:
    with mpl.rc_context({"font.size": 31, "axes.grid": False}):
        with house_style():
            assert (mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]) == (9, True)
        assert mpl.rcParams["font.size"] == 31


def test_fonts_in_a_pdf_are_truetype(tmp_path: Path) -> None:
    with house_style():
        figure = Figure()
        figure.subplots().set_title("sum")
    save_figure(figure, tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/Subtype /Type3" not in content


def test_a_figure_that_cannot_be_drawn_costs_neither_table_nor_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def broken(*_: object) -> None:
        raise RuntimeError("latex was not found")

    monkeypatch.setattr(run_report, "save_figures", broken)
    with caplog.at_level(logging.WARNING):
        run_command(None, [*LINK_ONLY, f"run.folder={tmp_path}"])
    assert "NMSE of the decoded sum" in capsys.readouterr().out
    assert "a figure cannot be drawn: latex was not found" in caplog.text


def plain(tmp_path: Path, label: str, width_in: float | None = None) -> bytes:
    with house_style():
        figure = Figure(figsize=(8, 3))
        axes = figure.subplots()
    axes.loglog([1, 10, 100], [1, 2, 3], label=label)
    axes.set_title(label)
    axes.legend()
    save_figure(figure, tmp_path / "figure.png", width_in)
    write_figure(figure, tmp_path / "figure.svg", more={"svg.fonttype": "none"})
    return (tmp_path / "figure.svg").read_bytes()


@pytest.mark.parametrize("name", ["a$b$c", "costs $5", "$x^2$"])
def test_a_dollar_in_a_name_is_a_dollar(tmp_path: Path, name: str) -> None:
    drawn = plain(tmp_path, name)
    assert drawn.count(f">{name}</text>".encode()) == 2
    assert b"mathdefault{10^{0}}$</text>" not in drawn  # powers of ten are written as such


@pytest.mark.parametrize("width_in", [3.5, 7.0])
def test_a_figure_is_as_wide_as_it_is_asked_to_be(tmp_path: Path, width_in: float) -> None:
    plain(tmp_path, "a name", width_in)
    pixels = matplotlib.image.imread(tmp_path / "figure.png").shape[1]
    assert pixels / 150 == pytest.approx(width_in, rel=0.02)
