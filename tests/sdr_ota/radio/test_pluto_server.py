"""Clients of a virtual Pluto that stop in the middle of a command hold nobody else up."""

import socket
from collections.abc import Iterator

import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos

ANSWER_S = 30.0
"""A stopped client would hold the others up for ever."""

HALF_SENT = {
    "a buffer that is not sent": [f"OPEN {DAC} 1000 00000003\n", f"WRITEBUF {DAC} 400000000\n"],
    "a buffer half sent": [f"OPEN {DAC} 1000 00000003\n", f"WRITEBUF {DAC} 4000\n", "half"],
    "an attribute that is not sent": ["WRITE ad9361-phy INPUT voltage0 hardwaregain 5\n", "1"],
    "a buffer that is not read": [
        f"OPEN {ADC} 3000000 00000003\n",
        f"READBUF {ADC} 12000000\n",
    ],
}


@pytest.fixture
def world() -> PlutoWorld:
    return PlutoWorld(AirSettings(air_preset("ideal"), 1, 1e6, 915e6, 1))


@pytest.fixture
def boards(world: PlutoWorld) -> Iterator[VirtualPlutos]:
    with VirtualPlutos(world) as served:
        yield served


def connected(uri: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(uri.rpartition(":")[2])), ANSWER_S)


@pytest.mark.parametrize("words", HALF_SENT.values(), ids=HALF_SENT.keys())
def test_others_are_answered_while_a_client_has_stopped(
    boards: VirtualPlutos, words: list[str]
) -> None:
    listens = "READBUF" in words[-1]
    with connected(boards.receiver_uri if listens else boards.node_uris[0]) as stopped:
        for word in words:
            stopped.sendall(word.encode())
        if listens:
            assert stopped.recv(1)  # the answer has begun
        for uri in (boards.receiver_uri, *boards.node_uris):
            with connected(uri) as other:
                other.sendall(b"PRINT\n")  # all attributes: looks at the board
                assert int(other.recv(20).split()[0]) > 1000


def test_a_buffer_is_gone_before_its_close_is_answered(
    world: PlutoWorld, boards: VirtualPlutos
) -> None:
    with connected(boards.node_uris[0]) as client:
        client.sendall(f"OPEN {DAC} 1000 00000003 CYCLIC\n".encode())
        assert client.recv(10) == b"0\n"
        client.settimeout(0.3)
        with world.lock:
            client.sendall(f"CLOSE {DAC}\n".encode())
            with pytest.raises(TimeoutError):
                client.recv(10)
        client.settimeout(ANSWER_S)
        assert client.recv(10) == b"0\n"
