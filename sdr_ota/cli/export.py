"""`sdr-ota export`: the model of a run as a normal Hugging Face folder."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import RunFolder

Output = Annotated[Path, typer.Option("--output", help="Folder to write the model to.")]


def export(run: RunFolder, output: Output) -> None:
    """Write the model of a run as a Hugging Face folder.

    Replays the run's journal onto its base model and saves it as safetensors;
    `from_pretrained` loads the folder.
    """
    from sdr_ota.assembly.export import export_run

    exported = export_run(run, output)
    print(f"{output}: {exported.model_name} after {exported.n_updates} updates")
