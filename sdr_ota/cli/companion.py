"""`sdr-ota companion`: GNU Radio Companion with this project's blocks in its list."""

import os
import shutil
from pathlib import Path

from ota_flowgraphs.compile import HOME, companion_environment
from platformdirs import user_cache_path

from sdr_ota.failure import WRONG_USE, CommandFailed

NAMES = ("PYTHONPATH", "PYTHONNOUSERSITE", "GRC_BLOCKS_PATH")
"""What tells GNU Radio Companion where blocks are described and where they are written."""


def companion_command(flowgraph: Path | None, environment_only: bool) -> None:
    """Start the program in this process's place, or print its environment."""
    environment = companion_environment(user_cache_path("sdr-ota"))
    if environment_only:
        for name in NAMES:
            print(f"export {name}={environment[name]}")
        return
    program = shutil.which("gnuradio-companion")
    if program is None:
        raise CommandFailed("gnuradio-companion is not installed: apt-get install gnuradio stterm")
    opened = flowgraph or HOME / "receiver.grc"
    if not opened.is_file():
        raise CommandFailed(
            f"there is no {opened}; flowgraphs of this project lie in {HOME}", WRONG_USE
        )
    os.execve(program, [program, str(opened)], environment)
