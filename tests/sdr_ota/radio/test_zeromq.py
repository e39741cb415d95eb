"""Virtual radios that are asked over a socket, against a process that answers badly."""

import threading
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.radio.base import RadioLost
from sdr_ota.radio.virtual.zmq_control import (
    NOTHING,
    ControlServer,
    Fields,
    connect,
    receive_message,
    send_message,
)
from sdr_ota.radio.zeromq import ZeroMqRadio
from sdr_ota.types import Samples

HELLO = {"serial": "receiver", "receives": True, "sample_rate_hz": 1e6, "center_freq_hz": 915e6}


def test_a_late_answer_is_never_taken_for_that_to_another_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdr_ota.radio.zeromq._ANSWER_S", 0.1)
    may_answer = threading.Event()

    def serve(listener: Listener) -> None:
        with listener.accept() as connection:
            receive_message(connection)
            send_message(connection, HELLO)
            receive_message(connection)
            may_answer.wait(30)
            with suppress(OSError):  # nobody waits for it any more
                send_message(connection, {"tick": 5}, np.ones(10, np.complex64))

    path = str(tmp_path / "radio")
    with Listener(path, "AF_UNIX") as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        with ZeroMqRadio(path) as radio:
            with pytest.raises(RadioLost, match=r"receiver's process did not answer in 0\.1 s"):
                radio.begin_receive(10).result(0.0)
            may_answer.set()
            with pytest.raises(RadioLost, match="was given up"):
                radio.now_tick()
        server.join(30)
    assert not server.is_alive()


def ask(connection: Connection) -> None:
    send_message(connection, {"what": "tick"})


def test_whoever_connects_last_is_talked_to(tmp_path: Path) -> None:
    def answer(asked: Fields, samples: Samples) -> tuple[Fields, Samples]:
        return {"tick": 7}, NOTHING

    path = str(tmp_path / "radio")
    server = ControlServer(path, answer, lambda: None)
    first, last = connect(path), connect(path)
    for connection in (first, last):
        ask(connection)
    answered = False
    for _ in range(1000):
        server.serve(0.01)
        answered = answered or last.poll()
        if answered and not server._waiting:
            break
    assert receive_message(last)[0] == {"tick": 7}
    for _ in range(3):
        ask(last)
        server.serve(0.01)
        assert receive_message(last)[0] == {"tick": 7}
