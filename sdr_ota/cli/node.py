"""`sdr-ota node`: this machine lends its radios to a run whose server is elsewhere."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Name of this machine in the run.")]
Address = Annotated[
    str, typer.Option(help="Of the cluster: where `ray start --head` runs, HOST:PORT.")
]
Radios = Annotated[
    list[str],
    typer.Option("--radio", metavar="ADDRESS", help="A radio of this machine to lend."),
]


def node(name: Name, address: Address, radios: Radios) -> None:
    """Lend this machine's radios to a run elsewhere, until Ctrl-C.

    In that run's config a radio lent here is ADDRESS,host=NAME. Every radio is opened
    once before, and closed again: nothing is sent. Files of the machine's own data are
    looked for in the folder in which this command was started.
    """
    from sdr_ota.assembly.node import node_command

    node_command(name, address, radios)
