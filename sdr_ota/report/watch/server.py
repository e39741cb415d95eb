"""`sdr-ota watch`: a run in a browser page, served on loopback from its folder alone."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.watch.state import WatchState
from sdr_ota.runs.recording import Json
from sdr_ota.runs.run_folder import RunFolderError
from sdr_ota.runs.strict_json import strict_json

LOOPBACK = "127.0.0.1"

HTML, SCRIPT, STYLE = (f"text/{kind}; charset=utf-8" for kind in ("html", "javascript", "css"))

CHARTS = {"/charts.js": ("charts.js", SCRIPT), "/watch.css": ("watch.css", STYLE)}
"""What pages have in common."""

_PAGES = {"/": ("index.html", HTML), "/watch.js": ("watch.js", SCRIPT), **CHARTS}


def watch_server(run: Path, port: int) -> ThreadingHTTPServer:
    """Return the server of a run's page, bound to loopback.

    Raises:
        RunFolderError: If it is no run folder.
        OSError: If the port is taken.
    """
    state = WatchState(run)

    class Handler(PageHandler):
        """Answers about this run."""

        pages = _PAGES

        def answer(self, path: str, query: Mapping[str, str]) -> Json | None:
            if path == "/progress.json":
                return _progress(state, query)
            return state.capture(query.get("name", "")) if path == "/capture.json" else None

    return page_server(Handler, port)


def page_server(handler: "type[PageHandler]", port: int) -> ThreadingHTTPServer:
    """Return a server of one page, bound to loopback.

    Raises:
        OSError: If the port is taken.
    """
    server = ThreadingHTTPServer((LOOPBACK, port), handler)
    server.daemon_threads = True  # a browser that stays connected does not keep us alive
    return server


def open_server(run: Path, port: int) -> ThreadingHTTPServer:
    """Return the server of a run's page.

    Raises:
        CommandFailed: If it is no run folder or the port is taken.
    """
    try:
        return watch_server(run, port)
    except RunFolderError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except OSError as taken:
        if taken.filename is not None:  # a file of the run, not the port
            text = f"cannot read {taken.filename}: {taken.strerror}"
            raise CommandFailed(text, WRONG_USE) from taken
        raise CommandFailed(
            f"cannot serve on port {port}: {taken.strerror}; choose another with --port", WRONG_USE
        ) from taken


def _progress(state: WatchState, query: Mapping[str, str]) -> Json | None:
    try:
        generation, first = int(query.get("generation", "-1")), int(query.get("first", "0"))
    except ValueError:
        return None
    try:
        return state.progress(generation, max(first, 0))
    except RunFolderError as gone:
        return {"error": str(gone)}


class PageHandler(BaseHTTPRequestHandler):
    """Serves the files of a page and what it asks for, to this machine alone.

    Attributes:
        pages: Path of a URL to a file's name and its kind.
    """

    pages: Mapping[str, tuple[str, str]]

    def answer(self, path: str, query: Mapping[str, str]) -> Json | None:
        """Return what the page asks for; None if there is no such thing."""
        raise NotImplementedError

    def handle(self) -> None:
        """Answer what a browser asks."""
        with suppress(ConnectionError):  # the browser has gone meanwhile
            super().handle()

    def do_GET(self) -> None:
        """Send a file of the page, or an answer."""
        host, url = _host(self.headers.get("Host", "")), _parts(self.path)
        if host is None or url is None:
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", b"this is no address")
            return
        if not _is_local(host):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"this page is for this machine alone")
            return
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path in self.pages:
            name, kind = self.pages[url.path]
            file = files("sdr_ota.report.watch").joinpath("page_files", name)
            self._send(HTTPStatus.OK, kind, file.read_bytes())
        else:
            self._send_json(self.answer(url.path, query))

    def _send_json(self, record: Json | None) -> None:
        status = HTTPStatus.NOT_FOUND if record is None else HTTPStatus.OK
        self._send(status, "application/json", strict_json(record).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: a line a second is no log."""


def _parts(address: str) -> SplitResult | None:
    """Return the parts of an address; None where it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # it is looked at only now
    except ValueError:
        return None
    return parts


def _host(header: str) -> SplitResult | None:
    """Return name and port of a Host header; None where it holds anything else."""
    parts = _parts(f"//{header}")
    return parts if parts is not None and parts.netloc == header else None


def _is_local(host: SplitResult) -> bool:
    """Return whether the page was asked for by a name of this machine.

    A foreign page whose name was made to point here would otherwise read along.
    """
    return host.hostname in {LOOPBACK, "localhost"} and host.username is None
