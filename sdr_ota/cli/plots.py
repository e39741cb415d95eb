"""What all plots of this project have in common."""

from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

_STYLE: dict[str, Any] = {"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 150}

_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's palette, which readers with any colour vision can tell apart."""

_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = "osD^vP"


def house_style() -> AbstractContextManager[None]:
    """Return a context in which all figures of this project look alike."""
    return mpl.rc_context(rc=_STYLE)  # type: ignore[arg-type]


def curve_style(index: int) -> dict[str, Any]:
    """Return how the curve of one run among several is drawn: told apart in grey, too."""
    return {"color": _COLOURS[index % 6], "linestyle": _LINES[index % 6]}


def marker_style(index: int) -> dict[str, Any]:
    """Return how the points of one run among several are drawn."""
    return {"color": _COLOURS[index % 6], "marker": _MARKERS[index % 6], "linestyle": "none"}
