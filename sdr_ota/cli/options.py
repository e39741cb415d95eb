"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="TABLE.KEY=VALUE", help="Change a value of the config; repeatable."
    ),
]
OrDemo = Annotated[Path | None, typer.Argument(help="TOML file; without one, the demo.")]
Width = Annotated[
    float | None,
    typer.Option(
        metavar="INCHES", min=1, max=40, help="Width of the figure; letters keep their size."
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Preset = Annotated[str, typer.Option(help="The air between them.")]
Seed = Annotated[int, typer.Option(min=0, help="Everything random follows from it.")]
