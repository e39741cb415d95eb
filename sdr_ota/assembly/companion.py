"""GNU Radio Companion with this project's blocks in its list."""

import os
import shutil
import subprocess
from pathlib import Path

from ota_flowgraphs.compile import HOME, companion_environment
from ota_flowgraphs.process import PYTHON
from platformdirs import user_cache_path

from sdr_ota.failure import WRONG_USE, CommandFailed

NAMES = ("PYTHONPATH", "PYTHONNOUSERSITE", "GRC_BLOCKS_PATH")
"""What tells GNU Radio Companion where blocks are described and where they are written."""

INSTALL = "apt-get install gnuradio stterm gir1.2-gtk-3.0"
"""What brings GNU Radio Companion with all that its window needs."""

_WINDOW = """
import gi
gi.require_version("Gtk", "3.0")
gi.require_version("PangoCairo", "1.0")
gi.require_foreign("cairo")
from gi.repository import Gtk, PangoCairo
"""
_DISPLAY = f"""{_WINDOW}
if not Gtk.init_check()[0]:
    raise SystemExit("no display can be opened")
"""


def missing_for_a_window() -> str:
    """Return what GNU Radio Companion's windows lack on this machine; empty for nothing."""
    return _complaint(_WINDOW)


def _complaint(code: str) -> str:
    """Return the last line of what the interpreter that runs the program says about some code."""
    try:
        done = subprocess.run(
            [PYTHON, "-c", code], capture_output=True, text=True, timeout=60, check=False,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else lines[-1] if lines else "it crashed"


def blocks_environment() -> dict[str, str]:
    """Return the environment variables with which GNU Radio Companion finds the blocks."""
    environment = companion_environment(user_cache_path("sdr-ota"))
    return {name: environment[name] for name in NAMES}


def open_companion(flowgraph: Path | None) -> None:
    """Start GNU Radio Companion in this process's place.

    Args:
        flowgraph: A .grc file; None for the receiver.

    Raises:
        CommandFailed: If the program, the file, a library for its windows or a display is not
            there.
    """
    environment = companion_environment(user_cache_path("sdr-ota"))
    program = shutil.which("gnuradio-companion")
    if program is None:
        raise CommandFailed(f"gnuradio-companion is not installed: {INSTALL}")
    opened = flowgraph or HOME / "receiver.grc"
    if not opened.is_file():
        raise CommandFailed(
            f"there is no {opened}; flowgraphs of this project lie in {HOME}", WRONG_USE
        )
    _refuse_without_window()
    os.execve(program, [program, str(opened)], environment)


def _refuse_without_window() -> None:
    if lacks := missing_for_a_window():
        raise CommandFailed(f"GNU Radio Companion cannot open a window: {lacks}. {INSTALL}")
    if lacks := _complaint(_DISPLAY):
        raise CommandFailed(
            f"GNU Radio Companion cannot open a window: {lacks}. Start it on a desktop, or over "
            "ssh -X; flowgraphs need no window: python -m ota_flowgraphs.compile builds them"
        )
