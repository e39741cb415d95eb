"""What all plots of this project have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

from sdr_ota.failure import WRONG_USE, CommandFailed

_STYLE: dict[str, Any] = {
    "font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 150,
    "pdf.fonttype": 42, "ps.fonttype": 42,  # TrueType: publishers refuse type 3
}  # fmt: skip

_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's palette, which readers with any colour vision can tell apart."""

_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = "osD^vP"

_SCALINGS = 4
"""Letters do not scale with a figure: its width is met step by step."""


@contextmanager
def house_style(more: dict[str, Any] | None = None) -> Iterator[None]:
    """Let all figures of this project look alike in the block, whatever the user's own settings.

    Args:
        more: Further settings of matplotlib; None for none.
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # all but the backend: files need none
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
        mpl.rcParams.update(more or {})  # type: ignore[arg-type]
        yield


def curve_style(index: int) -> dict[str, Any]:
    """Return how the curve of one run among several is drawn: told apart in grey, too."""
    return {"color": _COLOURS[index % 6], "linestyle": _LINES[_shape(index)]}


def marker_style(index: int) -> dict[str, Any]:
    """Return how the points of one run among several are drawn."""
    return {"color": _COLOURS[index % 6], "marker": _MARKERS[_shape(index)], "linestyle": "none"}


def _shape(index: int) -> int:
    """Return which line or marker goes with a colour: another one each time colours begin anew."""
    return (index + index // 6) % 6


def joined_style(index: int) -> dict[str, Any]:
    """Return how the points of one run among several are drawn, and the line that joins them."""
    return {**marker_style(index), **curve_style(index)}


def write_figure(
    figure: Figure,
    target: Path | IO[str],
    width_in: float | None = None,
    more: dict[str, Any] | None = None,
    **how: Any,
) -> None:
    """Write a figure as it looks in this project; names in it are no formulas, whatever they hold.

    Args:
        figure: The figure.
        target: File to write.
        width_in: Width of what is written, in inches; letters keep their size. None for its own.
        more: Further settings of matplotlib; None for none.
        how: Further arguments of ``savefig``.

    Raises:
        OSError: If it cannot be written.
        ValueError: If there is no such format.
    """
    with house_style(more):
        _show_names(figure)
        if width_in is not None:
            _set_width(figure, width_in)
        figure.savefig(target, bbox_inches="tight", **how)


def _show_names(figure: Figure) -> None:
    """Let a dollar sign be a dollar sign, but for the powers of ten at logarithmic axes."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for label in axis.get_ticklabels(which="both") if axis.get_scale() == "log" else ():
                label.set_parse_math(True)


def _set_width(figure: Figure, width_in: float) -> None:
    """Scale a figure until it is as wide without its empty margins."""
    for _ in range(_SCALINGS):
        figure.draw_without_rendering()
        there_in = figure.get_tightbbox().width + 2 * mpl.rcParams["savefig.pad_inches"]
        figure.set_size_inches(figure.get_size_inches() * width_in / there_in)


def save_figure(figure: Figure, path: Path, width_in: float | None = None) -> None:
    """Save a figure where the user wants it; the ending says in which format.

    Args:
        figure: The figure.
        path: Its file.
        width_in: Its width, in inches; None for its own.

    Raises:
        CommandFailed: If it cannot be written, or not in this format.
    """
    try:
        write_figure(figure, path, width_in)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot save {path}: {error}", WRONG_USE) from error
