"""What all plots of this project have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from sdr_ota.failure import WRONG_USE, CommandFailed

_STYLE: dict[str, Any] = {
    "font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 150,
    "pdf.fonttype": 42, "ps.fonttype": 42,  # TrueType: publishers refuse type 3
}  # fmt: skip

_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's palette, which readers with any colour vision can tell apart."""

_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = "osD^vP"


@contextmanager
def house_style() -> Iterator[None]:
    """Let all figures of this project look alike in the block, whatever the user's own settings."""
    with mpl.rc_context():
        mpl.rcdefaults()  # all but the backend: files need none
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
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


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure where the user wants it; the ending says in which format.

    Raises:
        CommandFailed: If it cannot be written, or not in this format.
    """
    try:
        with house_style():
            figure.savefig(path, bbox_inches="tight")
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot save {path}: {error}", WRONG_USE) from error
