"""Serves virtual SoapySDR devices to the driver of ``soapy_module.cpp``, on loopback only.

A line is a question, ``OK ...`` or ``NO reason`` its answer; samples follow as complex64.
"""

import socketserver
import threading
import time

import numpy as np

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.virtual.soapy_world import SoapyWorld

_TIME_ERROR = -6
"""SOAPY_SDR_TIME_ERROR of SoapySDR's Errors.h."""


class VirtualSoapy(ClosedByBlock):
    """Serves the devices of a world until it is closed.

    Args:
        world: The devices and their air.
        port: 0 for any free port.

    Attributes:
        node_addresses: How the transmitting devices are opened.
        receiver_address: How the receiving device is opened.
    """

    def __init__(self, world: SoapyWorld, port: int = 0) -> None:
        self._server = _Server(world, port)
        self.port = int(self._server.server_address[1])
        common = f"driver=soapy,device=otavirtual,port={self.port}"
        clocks = "clock_source=external,time_source=external"
        addresses = [f"{common},place={device.place},{clocks}" for device in world.devices]
        self.node_addresses, self.receiver_address = tuple(addresses[:-1]), addresses[-1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, world: SoapyWorld, port: int) -> None:
        self.world = world
        super().__init__(("127.0.0.1", port), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer line after line until the driver goes."""
        self._device = self.server.world.receiver
        for line in self.rfile:
            name, *rest = line.decode().split()
            if name == "HEAR":
                time.sleep(self._device.s_until(int(rest[0])))
            # Bytes come and go without the lock: a driver that is frozen stops nobody else.
            sent = self.rfile.read(8 * int(rest[1])) if name == "SEND" else b""
            with self.server.world.lock:
                answer, samples = self._answer(name, rest, sent)
            self.wfile.write(f"OK {answer}\n".encode() + samples)

    def _answer(self, name: str, rest: list[str], sent: bytes) -> tuple[str, bytes]:
        match name, *rest:
            case "HELLO", place:
                self._device = self.server.world.devices[int(place)]
                rate = self._device.settings["rate"]
                return f"{self._device.serial} {rate:.17g} {int(self._device.is_receiver)}", b""
            case "SEND", tick, _:
                samples = np.frombuffer(sent, np.complex64)
                return str(0 if self._device.send(samples, int(tick)) else _TIME_ERROR), b""
            case "HEAR", tick, n_samples:
                received = self._device.receive(int(tick), int(n_samples))
                return (
                    ("0", received.tobytes()) if received is not None else (str(_TIME_ERROR), b"")
                )
            case _:
                return self._told(name, rest), b""

    def _told(self, name: str, rest: list[str]) -> str:
        """Answer questions about settings and time."""
        device = self._device
        match name, *rest:
            case "SET", setting, value:
                return f"{device.set(setting, float(value)):.17g}"
            case "GET", setting:
                return f"{device.settings[setting]:.17g}"
            case "CLOCK", source:
                device.clock_source = source
            case "TIME", source:
                device.time_source = source
            case "ZERO", tick:
                device.set_at_pulse(int(tick))
            case "PASS", n_samples:
                self.server.world.air.pass_time(int(n_samples))
            case "JUMP", tick:
                device.time_offset = int(tick) - self.server.world.air.now_tick
            case _:
                return str(self._asked(name))
        return "0"

    def _asked(self, name: str) -> int:
        match name:
            case "NOW":
                return self._device.now
            case "EDGE":
                return self._device.last_pulse()
            case "LOCKED":
                return int(self._device.is_steady)
            case _:
                return len(self.server.world.devices)
