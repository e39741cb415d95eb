"""`sdr-ota watch`: a page that follows a run."""

from contextlib import suppress
from pathlib import Path

from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.watch.server import LOOPBACK, watch_server
from sdr_ota.runs.run_folder import RunFolderError


def watch_command(run: Path, port: int) -> None:
    """Serve the page until interrupted."""
    try:
        server = watch_server(run, port)
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except OSError as taken:
        raise CommandFailed(
            f"cannot serve on port {port}: {taken.strerror}; choose another with --port", WRONG_USE
        ) from taken
    with server:
        print(f"http://{LOOPBACK}:{server.server_port}/ follows {run}; Ctrl-C ends it", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
