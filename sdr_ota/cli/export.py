"""`sdr-ota export`: the model of a run as a normal Hugging Face folder."""

from pathlib import Path
from typing import Annotated

import typer

from sdr_ota.cli.options import RunFolder

Output = Annotated[Path, typer.Option("--output", help="Folder to write the model to.")]

Best = Annotated[
    bool, typer.Option("--best", help="The model as it did best on the held-out examples.")
]


def export(run: RunFolder, output: Output, best: Best = False) -> None:
    """Write the model of a run as a Hugging Face folder.

    Replays the run's journal onto its base model and saves it as safetensors;
    `from_pretrained` loads the folder.
    """
    from sdr_ota.assembly.export import best_rounds, export_run

    exported = export_run(run, output, best_rounds(run) if best else None)
    print(f"{output}: {exported.model_name} after {exported.n_updates} updates")
