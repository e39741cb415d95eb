"""The page of `sdr-ota listen`: what the receiver shows, served on loopback."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.receiver.reading import Reading
from sdr_ota.report.level_words import level_json, level_rows
from sdr_ota.report.watch.server import CHARTS, HTML, LOOPBACK, SCRIPT, PageHandler, page_server
from sdr_ota.runs.recording import Json

_PAGES = {"/": ("level.html", HTML), "/level.js": ("level.js", SCRIPT), **CHARTS}


class LevelPage:
    """Holds the last reading for whoever asks.

    Args:
        name: What is listened to.
        center_freq_hz: Its carrier; None for a recording.
    """

    def __init__(self, name: str, center_freq_hz: float | None) -> None:
        self._about = {"name": name, "center_freq_hz": center_freq_hz}
        self._said: Json = {**self._about, "rows": {}}

    def take(self, at_s: float, reading: Reading) -> None:
        """Take a reading; a page that asks from now on gets it."""
        rows = dict(level_rows(reading))
        self._said = {**self._about, "rows": rows, **level_json(at_s, reading)}

    def last(self) -> Json:
        """Return the last reading as plain values."""
        return self._said


@contextmanager
def serving(page: LevelPage, port: int) -> Iterator[str]:
    """Serve a page while a block lasts, and give its address.

    Args:
        page: Its readings.
        port: TCP port on loopback; 0 for any that is free.

    Raises:
        CommandFailed: If the port is taken.
    """

    class Handler(PageHandler):
        pages = _PAGES

        def answer(self, path: str, query: Mapping[str, str]) -> Json | None:
            return page.last() if path == "/level.json" else None

    try:
        server = page_server(Handler, port)
    except OSError as taken:
        text = f"cannot serve on port {port}: {taken.strerror}; choose another with --port"
        raise CommandFailed(text, WRONG_USE) from taken
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}/"
        finally:
            server.shutdown()
