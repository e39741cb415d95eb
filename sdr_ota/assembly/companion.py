"""GNU Radio Companion with this project's blocks in its list."""

import os
import shutil
from pathlib import Path

from ota_flowgraphs.compile import HOME, companion_environment
from platformdirs import user_cache_path

from sdr_ota.failure import WRONG_USE, CommandFailed

NAMES = ("PYTHONPATH", "PYTHONNOUSERSITE", "GRC_BLOCKS_PATH")
"""What tells GNU Radio Companion where blocks are described and where they are written."""


def blocks_environment() -> dict[str, str]:
    """Return the environment variables with which GNU Radio Companion finds the blocks."""
    environment = companion_environment(user_cache_path("sdr-ota"))
    return {name: environment[name] for name in NAMES}


def open_companion(flowgraph: Path | None) -> None:
    """Start GNU Radio Companion in this process's place.

    Args:
        flowgraph: A .grc file; None for the receiver.

    Raises:
        CommandFailed: If the program or the file is not there.
    """
    environment = companion_environment(user_cache_path("sdr-ota"))
    program = shutil.which("gnuradio-companion")
    if program is None:
        raise CommandFailed("gnuradio-companion is not installed: apt-get install gnuradio stterm")
    opened = flowgraph or HOME / "receiver.grc"
    if not opened.is_file():
        raise CommandFailed(
            f"there is no {opened}; flowgraphs of this project lie in {HOME}", WRONG_USE
        )
    os.execve(program, [program, str(opened)], environment)
