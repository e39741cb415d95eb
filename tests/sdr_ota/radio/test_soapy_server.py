"""A virtual SoapySDR device's driver that stops in the middle of a burst holds nobody else up."""

import socket

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld

ANSWER_S = 30.0
"""A stopped driver would hold the others up for ever."""


def test_others_are_answered_while_a_driver_has_stopped() -> None:
    world = SoapyWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, 1))
    with VirtualSoapy(world) as served:
        port = int(served.receiver_address.partition("port=")[2].partition(",")[0])
        places = [("127.0.0.1", port)] * 2
        stopped, other = (socket.create_connection(place, ANSWER_S) for place in places)
        with stopped, other:
            stopped.sendall(b"HELLO 0\n")
            assert stopped.recv(100).startswith(b"OK")
            stopped.sendall(b"WRITE 0 1000000 100000 1\nhalf")
            other.sendall(b"HELLO 1\n")
            assert other.recv(100).startswith(b"OK")
