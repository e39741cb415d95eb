"""`sdr-ota watch`: a page that follows a run."""

from contextlib import suppress
from typing import Annotated

import typer

from sdr_ota.cli.options import RunFolder

Port = Annotated[
    int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 for any that is free.")
]


def watch(run: RunFolder, port: Port = 8765) -> None:
    """Follow a run in a browser on this machine, until Ctrl-C.

    It may be running or finished. Spectrum and constellation of the last capture, sums,
    loss, health. The run folder is all that is read; the page loads nothing from anywhere.
    """
    from sdr_ota.report.watch.server import LOOPBACK, open_server

    with open_server(run, port) as server:
        print(f"http://{LOOPBACK}:{server.server_port}/ follows {run}; Ctrl-C ends it", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
