"""The page of all commands, made from the command line itself."""

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from sdr_ota.cli import app, commands


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add reference/commands.md."""
    if not app.registered_commands:  # a server builds the site again and again
        commands.register(app)
    command = typer.main.get_command(app)
    with typer.Context(command) as context:
        text = get_docs_for_click(obj=command, ctx=context, name="sdr-ota", title="Commands")
    files.append(File.generated(config, "reference/commands.md", content=text))
    return files
