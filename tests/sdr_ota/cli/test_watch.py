"""The page of a run: what it is told, to whom, and that a browser can draw it."""

import http.client
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_ota.cli.run import run_command
from sdr_ota.cli.watch import watch
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.report.erasure_words import Situation, first_check
from sdr_ota.report.watch.server import LOOPBACK, watch_server
from sdr_ota.report.watch.state import WatchState
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.link_verdict import link_verdict
from sdr_ota.runs.run_folder import Evaluation, RunFolder, read_run
from sdr_ota.runs.summary import summarise


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    settings = ["clients.source=synthetic", "run.rounds=20", "captures.every=4"]
    run_command(None, [*settings, "air.preset=lab-indoor", f"run.folder={folder}"])
    (path,) = folder.iterdir()
    return path


@contextmanager
def _served(run: Path) -> Iterator[ThreadingHTTPServer]:
    with watch_server(run, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _get(server: ThreadingHTTPServer, path: str, host: str = "") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=20)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    said = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return said


def _json(server: ThreadingHTTPServer, path: str) -> dict[str, object]:
    status, kind, body = _get(server, path)
    assert (status, kind) == (200, "application/json")
    record: dict[str, object] = json.loads(body, parse_constant=pytest.fail)
    return record


def test_the_page_is_told_what_the_record_says(run: Path) -> None:
    record = read_run(run)
    with _served(run) as server:
        said = _json(server, "/progress.json")
    new = said["new"]
    assert isinstance(new, dict)
    assert new["decoded"] == [r.decoded_sum for r in record.rounds]
    assert new["true"] == [r.true_sum for r in record.rounds]
    assert new["erasure"] == [r.erasure for r in record.rounds]
    lost = {r.erasure for r in record.rounds if r.erasure}
    share = sum(r.erasure is not None for r in record.rounds) / len(record.rounds)
    assert said["check_first"] == {reason: first_check(reason, Situation()) for reason in lost}
    assert said["verdict"] == list(link_verdict(summarise(record).nmse_db, share))
    assert said["n_planned"] == 20
    assert said["nmse_db"] == summarise(record).nmse_db
    assert said["stop"] == record.stop


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    folder = RunFolder.create(tmp_path)
    folder.write_start({"config": {"run": {"rounds": 2}}, "score_name": "accuracy"})
    for index in range(2):
        folder.append_round(
            RoundResult(round=index, seed=1, loss=0.7, decoded_sum=0.1, true_sum=0.1)
        )
    folder.append_evaluation(Evaluation(0, 0.5, None, {"bad": 1.0, "good": 0.0}))
    folder.append_evaluation(Evaluation(1, 0.6, 0.6931))
    folder.append_evaluation(Evaluation(2, 0.75, 0.4321, {"bad": 0.875, "good": 0.625}))
    return folder.path


def test_held_out_loss_and_labels_are_told(learned: Path) -> None:
    said = WatchState(learned).progress(-1, 0)
    assert said["scores"] == [[0, 0.5], [1, 0.6], [2, 0.75]]
    assert said["held_out_losses"] == [[1, 0.6931], [2, 0.4321]]
    assert said["label_scores"] == [("good", 0.625), ("bad", 0.875)]


def test_a_browser_shows_held_out_loss_and_labels(
    learned: Path, browse: Callable[[str], Any]
) -> None:
    with _served(learned) as server:
        seen = browse(f"http://127.0.0.1:{server.server_port}/")
    assert seen.console == []
    assert "0.4321 nat" in seen.document
    assert "good: 0.63, bad: 0.88" in seen.document


def test_only_new_rounds_are_told_again_unless_some_were_taken_back(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_start({"config": {}})
    for index in range(4):
        folder.append_round(RoundResult(round=index, seed=1))
    with _served(folder.path) as server:
        told = [_json(server, "/progress.json?generation=0&first=0")]
        folder.append_round(RoundResult(round=4, seed=1))
        told.append(_json(server, "/progress.json?generation=0&first=4"))
        folder.keep_rounds(2)
        told.append(_json(server, "/progress.json?generation=0&first=5"))
    assert [one["new"]["round"] for one in told] == [[0, 1, 2, 3], [4], [0, 1]]  # type: ignore[index]
    assert [one["generation"] for one in told] == [0, 0, 1]


def test_of_very_many_rounds_no_more_than_the_most_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_start({"config": {}})
    for index in range(7):
        folder.append_round(RoundResult(round=index, seed=1))
    monkeypatch.setattr("sdr_ota.report.watch.state.MOST_ROUNDS", 4)
    assert WatchState(folder.path).progress(-1, 0)["new"]["round"] == [0, 2, 4, 6]


def test_captures_are_shown_with_spectrum_and_constellation(run: Path) -> None:
    with _served(run) as server:
        names = _json(server, "/progress.json")["captures"]
        assert isinstance(names, list)
        assert [name for name in names if name == "round-000008"]
        seen = _json(server, "/capture.json?name=round-000008")
        missing = [_get(server, f"/capture.json{query}")[0] for query in ("", "?name=../start")]
    result = read_run(run).rounds[8]
    assert seen["decoded"] == result.decoded_sum
    assert seen["true"] == result.true_sum
    chips, spectrum = seen["i"], seen["power_db"]
    assert isinstance(chips, list) and isinstance(spectrum, list)
    assert (len(chips), len(spectrum)) == (512, 256)
    assert missing == [404, 404]


def test_a_damaged_capture_is_not_there_and_the_page_lives_on(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "captures" / "round-000008.sigmf-data").write_bytes(b"")
    with _served(copy) as server:
        assert _get(server, "/capture.json?name=round-000008")[0] == 404
        assert _get(server, "/progress.json")[0] == 200


def test_only_this_machine_is_served(run: Path) -> None:
    with _served(run) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert _get(server, "/progress.json", host="evil.example")[0] == 403
        assert _get(server, "/progress.json", host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/../watch.py", "/progress.json?first=x", "/page_files/index.html"]
)
def test_what_is_not_there_is_not_found(run: Path, path: str) -> None:
    with _served(run) as server:
        assert _get(server, path)[0] == 404


def test_the_page_loads_nothing_from_elsewhere(run: Path) -> None:
    with _served(run) as server:
        texts = [
            _get(server, path)[2].decode()
            for path in ("/", "/watch.js", "/charts.js", "/watch.css")
        ]
    assert not any("http:" in text or "https:" in text or "//cdn" in text for text in texts)


def test_a_browser_draws_every_figure_without_an_error(
    run: Path, browse: Callable[[str], Any]
) -> None:
    with _served(run) as server:
        seen = browse(f"http://127.0.0.1:{server.server_port}/")
    assert seen.console == []
    assert "round 20 of 20 · ended, success" in seen.document
    assert "round 16: true" in seen.document
    assert seen.document.count("<canvas") == 6
    blue = (seen.picture[..., 2] > 0.55) & (seen.picture[..., 0] < 0.15)  # the points and lines
    assert blue.sum() > 500


def test_what_is_no_run_and_a_taken_port_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no run folder") as refused:
        watch(tmp_path, 0)
    assert refused.value.exit_code == WRONG_USE
    with _served(run) as server, pytest.raises(CommandFailed, match="choose another with --port"):
        watch(run, server.server_port)


@pytest.mark.parametrize("host", ["evil@localhost", "evil.example", "localhost.evil"])
def test_hosts_that_are_not_this_machine_are_refused(run: Path, host: str) -> None:
    with _served(run) as server:
        assert _get(server, "/progress.json", host)[0] == 403


NO_HOSTS = ["[bad", "[::", "localhost:port", "localhost:99999", "[x]:1"]
NO_HOSTS += [f"localhost{sign}x" for sign in "#/?"]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host_is_a_bad_request(run: Path, host: str) -> None:
    with _served(run) as server:
        assert _get(server, "/progress.json", host)[0] == 400


def test_no_request_makes_a_traceback(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rng, words = np.random.default_rng(1), [b"GET", b"/", b"//[bad", b"HTTP/1.1", b"Host:", b"\r\n"]
    with _served(run) as server:
        for _ in range(300):
            parts = [words[k] for k in rng.integers(len(words), size=rng.integers(8))]
            parts.insert(int(rng.integers(len(parts) + 1)), rng.bytes(int(rng.integers(20))))
            with (
                suppress(ConnectionError),
                socket.create_connection(("127.0.0.1", server.server_port), 30) as client,
            ):
                client.sendall(b" ".join(parts) + b"\r\n\r\n")
                if rng.random() < 0.5:  # others leave without waiting for an answer
                    client.recv(100)
        assert _get(server, "/progress.json")[0] == 200
    assert "Traceback" not in capfd.readouterr().err
