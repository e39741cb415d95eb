"""Servers of virtual radios and clients that mean them ill, or do not know better.

No line ends a server or writes a traceback, no client holds up another board, memory is bounded,
and what cannot be a value is refused and changes nothing.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.virtual.loopback_server import LONGEST_LINE, MOST_CLIENTS
from sdr_ota.radio.virtual.pluto_attributes import ADC, DAC, PHY, RX, SWITCHES, TX, TX_LO, XADC
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import LONGEST_TEXT, MOST_SAMPLES, VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import LAST_TICK, SoapyWorld
from sdr_ota.types import RadioSettings
from tests.sdr_ota.radio.bad_clients import ANSWER_S, Words, ask, hammer, memory_mib

N_LINES = int(os.environ.get("FUZZ_LINES", "1000"))
"""Of each kind. FUZZ_LINES=10000 takes some minutes: for whoever changes a server."""
MOST_MIB = 100.0

PLUTO_WORDS = Words(
    (
        "VERSION",
        "PRINT",
        "GETTRIG",
        "TIMEOUT 5000",
        "BINARY",
        "EXIT",
        f"SET {ADC} BUFFERS_COUNT 4",
        f"OPEN {ADC} 1000 00000003",
        f"OPEN {DAC} 10 00000001",
        f"OPEN {DAC} 10 00000003 CYCLIC",
        f"READBUF {ADC} 4000",
        f"WRITEBUF {DAC} 8\n01234567",
        f"WRITEBUF {DAC} 40\nhalf",
        f"CLOSE {DAC}",
        f"READ {PHY} INPUT voltage0 hardwaregain",
        f"READ {ADC} DEBUG direct_reg_access",
        f"READ {ADC} BUFFER watermark",
        f"WRITE {PHY} xo_correction 8\n40000100",
        f"WRITE {PHY} INPUT voltage0 sampling_frequency 7\n2000000",
        f"WRITE {PHY} OUTPUT altvoltage1 frequency 9\n915000000",
        f"WRITE {PHY} DEBUG loopback 1\n1",
        f"WRITE {PHY} DEBUG pass_samples 4\n1000",
        f"WRITE {DAC} DEBUG direct_reg_access 10\n0x88 0x001",
        f"WRITE {DAC} OUTPUT altvoltage0 raw 1\n1",
    ),
    (PHY, ADC, DAC, SWITCHES, "iio:device9", "INPUT", "OUTPUT", "DEBUG", "BUFFER", "voltage0"),
)
SOAPY_WORDS = Words(
    (
        "HELLO 1",
        "SET 0 rate 1e6",
        "SET 0 freq 915e6",
        "SET 0 gain -10",
        "GET 0 bandwidth",
        "CLOCK external",
        "TIME internal",
        "ZERO 0",
        "JUMP 1000",
        "NOW",
        "EDGE",
        "LOCKED",
        "SOURCES",
        "PLACES",
        "PASS 100",
        "WRITE 0 - 2 1\n0123456789abcdef",
        "WRITE 0 - 2 0\n0123456789abcdef",
        "WRITE 0 100000000 1 1\n\0\0\0\0\0\0\0\0",
        "WRITE 0 - 0 1",
        "WRITE 0 - 100 1\nhalf",
        "STATUS 0",
        "HEAR 200000000 100 0",
        "HEAR 0 100 1",
    ),
    ("gain", "external", "-", "2"),
)


@pytest.fixture
def boards() -> Iterator[tuple[PlutoWorld, VirtualPlutos]]:
    world = PlutoWorld(AirSettings(air_preset("ideal"), 1, 1e6, 915e6, 1))
    with VirtualPlutos(world) as served:
        yield world, served


@pytest.fixture
def devices() -> Iterator[tuple[SoapyWorld, VirtualSoapy]]:
    world = SoapyWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, 1))
    with VirtualSoapy(world) as served:
        yield world, served


def port_of(uri: str) -> int:
    return int(uri.rpartition(":")[2])


def test_no_line_breaks_a_board(
    boards: tuple[PlutoWorld, VirtualPlutos], capfd: pytest.CaptureFixture[str]
) -> None:
    world, served = boards
    node, receiver = port_of(served.node_uris[0]), port_of(served.receiver_uri)
    before_mib = memory_mib()

    def is_fine() -> None:
        for port in (node, receiver):
            assert ask(port, b"VERSION\n").startswith(b"0.24")
            assert int(ask(port, b"PRINT\n").split()[0]) > 1000

    hammer(node, PLUTO_WORDS.lines(1, N_LINES), b"", is_fine)
    buffer = f"OPEN {ADC} 1000 00000003\n".encode()
    hammer(receiver, PLUTO_WORDS.lines(2, N_LINES // 10), buffer, is_fine)
    assert "Traceback" not in capfd.readouterr().err
    assert memory_mib() - before_mib < MOST_MIB
    for board in world.boards:
        for key, rule in board.rules.items():
            if rule is not None and key in board.values and key[2] != "filter_fir_config":
                assert rule(board.values[key]) == board.values[key], key
    with PlutoRadio(served.node_uris[0]) as radio:  # still a board like any other
        radio.configure(RadioSettings(915e6, 1e6, 0.8e6))
        radio.begin_cyclic(np.full(1000, 0.5, np.complex64))


def test_no_line_breaks_a_device(
    devices: tuple[SoapyWorld, VirtualSoapy], capfd: pytest.CaptureFixture[str]
) -> None:
    world, served = devices
    before_mib = memory_mib()

    def is_fine() -> None:
        assert ask(served.port, b"PLACES\n") == b"OK 3\n"

    hammer(served.port, SOAPY_WORDS.lines(1, N_LINES), b"HELLO 0\n", is_fine)
    hammer(served.port, SOAPY_WORDS.lines(2, N_LINES // 10), b"HELLO 2\n", is_fine)
    assert "Traceback" not in capfd.readouterr().err
    assert memory_mib() - before_mib < MOST_MIB
    for device in world.devices:
        for value in device.channels[0].settings.values():
            assert np.isfinite(value)
        assert {device.clock_source, device.time_source} <= {"internal", "external"}


MALFORMED = {
    ("sampling_frequency", "INPUT voltage0"): ["abc", "0", "-1", "nan", "1e6", "99999999999", ""],
    ("hardwaregain", "INPUT voltage0"): ["zzz", "nan", "inf", "90", "-400", "5 V"],
    ("hardwaregain", "OUTPUT voltage0"): ["0.25", "-90", "nan"],
    ("gain_control_mode", "INPUT voltage0"): ["nonsense", "MANUAL"],
    ("rf_port_select", "INPUT voltage0"): ["Z"],
    ("filter_fir_en", "INPUT voltage0"): ["x", "2"],
    ("rf_bandwidth", "OUTPUT voltage0"): ["0", "nan", "60000000"],
    ("frequency", "OUTPUT altvoltage1"): ["70000000", "nan", "6000000001"],
    ("powerdown", "OUTPUT altvoltage1"): ["yes", "2"],
    ("loopback", "DEBUG"): ["3", "-1", "nan"],
    ("xo_correction", ""): ["0", "nan", "inf", "-40000000", "zzz", "41000000"],
    ("filter_fir_config", ""): ["", "1,1", "RX 3 GAIN 0 DEC 4"],
    ("ensm_mode", ""): ["nonsense"],
}


@pytest.mark.parametrize(("name", "place"), MALFORMED)
def test_what_cannot_be_a_value_is_einval_and_changes_nothing(
    boards: tuple[PlutoWorld, VirtualPlutos], name: str, place: str
) -> None:
    world, served = boards
    port = port_of(served.node_uris[0])
    before = dict(world.nodes[0].values)
    for value in MALFORMED[name, place]:
        words = f"WRITE {PHY} {place} {name} {len(value)}\n{value}"
        if value:
            assert ask(port, words.encode()) == b"-22\n", value
    assert world.nodes[0].values == before


def test_what_nobody_can_write_is_eacces_and_what_is_not_there_enoent(
    boards: tuple[PlutoWorld, VirtualPlutos],
) -> None:
    port = port_of(boards[1].node_uris[0])
    assert ask(port, f"WRITE {PHY} INPUT voltage0 rssi 1\n1".encode()) == b"-13\n"
    assert ask(port, f"WRITE {PHY} INPUT voltage9 rssi 1\n1".encode()) == b"-2\n"
    assert ask(port, f"READ {PHY} nothing\n".encode()) == b"-2\n"
    assert ask(port, f"READ {PHY} multichip_sync\n".encode()) == b"-22\n"


@pytest.mark.parametrize("size", [-1, 0, 1, 3, 4004, 400_000_000, 2**63])
def test_a_length_that_is_none_is_refused_at_once(
    boards: tuple[PlutoWorld, VirtualPlutos], size: int
) -> None:
    port = port_of(boards[1].node_uris[0])
    for device, command in ((DAC, "WRITEBUF"), (ADC, "READBUF")):
        with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
            client.sendall(f"OPEN {device} 1000 00000003\n".encode())
            assert client.recv(10) == b"0\n"
            client.sendall(f"{command} {device} {size}\n".encode())
            assert client.recv(10) == b"-22\n"


@pytest.mark.parametrize("size", [-1, LONGEST_TEXT + 1, 2**63])
def test_a_text_of_no_length_ends_the_connection(
    boards: tuple[PlutoWorld, VirtualPlutos], size: int
) -> None:
    port = port_of(boards[1].node_uris[0])
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
        client.sendall(f"WRITE {PHY} xo_correction {size}\n".encode())
        assert client.recv(10) == b"-22\n"
        assert client.recv(10) == b""


def test_a_line_without_an_end_is_not_kept(boards: tuple[PlutoWorld, VirtualPlutos]) -> None:
    port = port_of(boards[1].node_uris[0])
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
        client.sendall(b"x" * (LONGEST_LINE + 1))
        with suppress(ConnectionResetError):
            assert client.recv(10) == b""  # it is closed


def test_more_clients_than_there_are_places_for_are_sent_away(
    boards: tuple[PlutoWorld, VirtualPlutos],
) -> None:
    here, there = (port_of(uri) for uri in (boards[1].node_uris[0], boards[1].receiver_uri))
    idle = [socket.create_connection(("127.0.0.1", here), ANSWER_S) for _ in range(MOST_CLIENTS)]
    for client in idle:  # each of them is served
        client.sendall(b"VERSION\n")
        assert client.recv(20).startswith(b"0.24")
    with socket.create_connection(("127.0.0.1", here), ANSWER_S) as one_more:
        assert one_more.recv(10) == b""
    assert ask(there, b"VERSION\n").startswith(b"0.24")  # other boards have their own places
    for client in idle:
        client.close()


def test_clients_share_the_memory_of_a_board(boards: tuple[PlutoWorld, VirtualPlutos]) -> None:
    port = port_of(boards[1].receiver_uri)
    half = f"OPEN {DAC} {MOST_SAMPLES // 2} 00000003\n".encode()
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as one:
        one.sendall(half)
        assert one.recv(10) == b"0\n"
        assert ask(port, f"OPEN {ADC} {MOST_SAMPLES // 4} 00000003\n".encode()) == b"-12\n"
        one.sendall(f"CLOSE {DAC}\n".encode())
        assert one.recv(10) == b"0\n"
        assert ask(port, f"OPEN {ADC} {MOST_SAMPLES // 4} 00000003\n".encode()) == b"0\n"


def test_servers_are_reached_from_this_host_alone(
    boards: tuple[PlutoWorld, VirtualPlutos], devices: tuple[SoapyWorld, VirtualSoapy]
) -> None:
    listening = set()
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            address, port = line.split()[1].split(":")
            listening.add((int(port, 16), address))
    ports = [port_of(uri) for uri in (*boards[1].node_uris, boards[1].receiver_uri)]
    for port in (*ports, devices[1].port):
        assert {address for there, address in listening if there == port} == {"0100007F"}


@pytest.mark.parametrize(
    "line",
    ["SET 0 rate nan", "SET 0 rate 0", "SET 0 rate -1", "SET 0 freq nan", "SET 0 gain inf",
     "SET 1 gain 0", "SET 0 colour 3", "CLOCK sundial", "TIME gpsdo", f"PASS {10**30}", "PASS -1",
     f"JUMP {10**23}", "HEAR 0 -1 0", "HEAR 0 99999999999 0", "HELLO 3", "WORD", "GET 0 place"],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_answered_with_the_reason(
    devices: tuple[SoapyWorld, VirtualSoapy], line: str
) -> None:
    assert ask(devices[1].port, f"{line}\n".encode()).startswith(b"NO ")


def test_time_has_an_end(devices: tuple[SoapyWorld, VirtualSoapy]) -> None:
    world, served = devices
    assert ask(served.port, f"PASS {LAST_TICK}\n".encode()).startswith(b"OK")
    assert ask(served.port, b"PASS 1\n").startswith(b"NO time ends")
    assert ask(served.port, b"EDGE\n").startswith(b"NO time ends")
    assert world.air.now_tick == LAST_TICK


def test_attributes_that_move_together_stay_together(
    boards: tuple[PlutoWorld, VirtualPlutos],
) -> None:
    board = boards[0].nodes[0]
    assert board.write((PHY, RX, "sampling_frequency"), "2000000")
    rates = {v for k, v in board.values.items() if k[2] == "sampling_frequency" and k[0] != XADC}
    assert rates == {"2000000"}
    assert board.number((PHY, TX, "hardwaregain")) == -10
    assert board.write((PHY, TX_LO, "frequency"), "915000000")
