"""`sdr-ota companion`: GNU Radio Companion with this project's blocks in its list."""

from pathlib import Path
from typing import Annotated

import typer

Flowgraph = Annotated[Path | None, typer.Argument(help="A .grc file; without one, the receiver.")]
Environment = Annotated[
    bool, typer.Option("--environment", help="Only print what it needs, for a shell.")
]


def companion(flowgraph: Flowgraph = None, environment: Environment = False) -> None:
    """Open GNU Radio Companion with this project's blocks.

    They stand in its list under "Over-the-air sums". Needs GNU Radio and a display.
    """
    from sdr_ota.assembly.companion import blocks_environment, open_companion

    if not environment:
        open_companion(flowgraph)
        return
    for name, value in blocks_environment().items():
        print(f"export {name}={value}")
