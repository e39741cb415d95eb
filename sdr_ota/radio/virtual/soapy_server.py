"""Serves virtual SoapySDR devices to the driver of ``soapy_module.cpp``, on loopback only.

A line is a question, ``OK ...`` or ``NO reason`` its answer; samples follow as complex64.
"""

import re

import numpy as np

from sdr_ota.process.closed_by_block import ClosedByBlock
from sdr_ota.radio.virtual.loopback_server import LineConnection, LoopbackServer, OutOfStep
from sdr_ota.radio.virtual.soapy_bursts import MOST_SAMPLES
from sdr_ota.radio.virtual.soapy_world import LAST_TICK, SOURCES, Channel, NotTaken, SoapyWorld

_SAMPLE_BYTES = 8
_NO_EVENT = 1
"""Above all of SoapySDR's codes."""

_NUMBER = re.compile(r"-?[0-9]{1,16}")


class VirtualSoapy(ClosedByBlock):
    """Serves the devices of a world until it is closed.

    Args:
        world: The devices and their air.
        port: 0 for any free port.

    Attributes:
        node_addresses: How the transmitting devices are opened, an address a transmitter.
        receiver_address: How the receiving device is opened.
        soapy_arguments: What SoapySDR's own programs find every device under.
    """

    def __init__(self, world: SoapyWorld, port: int = 0) -> None:
        self._server = _Server(world, port)
        self.port = int(self._server.server_address[1])
        addresses = []
        for device in world.devices:
            place = f"driver=soapy,device=otavirtual,port={self.port},place={device.place}"
            for number in range(device.n_channels):
                channel = f",channel={number}" if device.n_channels > 1 else ""
                addresses.append(f"{place}{channel}{device.wiring}")
        self.node_addresses, self.receiver_address = tuple(addresses[:-1]), addresses[-1]
        self.soapy_arguments = tuple(
            f"driver=otavirtual,port={self.port},place={device.place}" for device in world.devices
        )
        self._server.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()


class _Server(LoopbackServer):
    def __init__(self, world: SoapyWorld, port: int) -> None:
        self.world = world
        super().__init__(port, _Connection)


class _Connection(LineConnection):
    """One driver's connection. Bytes come and go without the world's lock."""

    server: _Server

    def setup(self) -> None:
        super().setup()
        self._device, self._is_opened = self.server.world.receiver, False

    def finish(self) -> None:
        """Let go of the device."""
        super().finish()
        if self._is_opened:
            self._device.closed()

    def answer(self, words: list[str]) -> bool:
        """Answer a question; one that cannot be understood with the reason."""
        name, *rest = words
        try:
            sent = self._samples(rest) if name == "WRITE" else b""
            if name == "HEAR" and rest:
                self.server.closing.wait(self._device.s_until(_tick(rest[0])))
            with self.server.world.lock:
                text, samples = self._answered(name, rest, sent)
        except NotTaken as why:
            text, samples = "", b""
            self.wfile.write(f"NO {why}\n".encode())
        else:
            self.wfile.write(f"OK {text}\n".encode() + samples)
        return True

    def _samples(self, words: list[str]) -> bytes:
        """Return the samples behind a line; where it does not say how many, all is lost."""
        try:
            n_samples = _whole(words[2] if len(words) == 4 else "", 0, MOST_SAMPLES)
        except NotTaken as why:
            self.wfile.write(f"NO {why}\n".encode())
            raise OutOfStep from why
        return self.read_exactly(_SAMPLE_BYTES * n_samples)

    def _answered(self, name: str, rest: list[str], sent: bytes) -> tuple[str, bytes]:
        match name, *rest:
            case "WRITE", channel, tick, _, is_end:
                samples = np.frombuffer(sent, np.complex64)
                start = None if tick == "-" else _tick(tick)
                end = bool(_whole(is_end, 0, 1))
                return str(self._channel(channel).write(samples, start, end)), b""
            case "HEAR", tick, n_samples, goes_on:
                received = self._device.receive(
                    _tick(tick), _whole(n_samples, 1, MOST_SAMPLES), bool(_whole(goes_on, 0, 1))
                )
                if isinstance(received, int):
                    return str(received), b""
                return "0", received.tobytes()
            case "STATUS", channel:
                event = self._channel(channel).bursts.event()
                return str(_NO_EVENT if event is None else event), b""
            case "HELLO", place:
                return self._met(place), b""
            case _:
                return self._told(name, rest), b""

    def _met(self, place: str) -> str:
        """Take a device for the rest of the connection, and say what it is."""
        devices = self.server.world.devices
        if self._is_opened:
            self._device.closed()
        self._device = device = devices[_whole(place, 0, len(devices) - 1)]
        self._is_opened = True
        device.opened()
        rate = device.channels[0].settings["rate"]
        return f"{device.serial} {rate:.17g} {device.ways} {device.n_channels}"

    def _channel(self, text: str) -> Channel:
        channels = self._device.channels
        return channels[_whole(text, 0, len(channels) - 1)]

    def _told(self, name: str, rest: list[str]) -> str:
        """Answer questions about settings and time."""
        device, world = self._device, self.server.world
        match name, *rest:
            case "SET", channel, setting, value:
                return f"{self._channel(channel).set(setting, _float(value)):.17g}"
            case "GET", channel, ("rate" | "freq" | "bandwidth" | "gain") as setting:
                return f"{self._channel(channel).settings[setting]:.17g}"
            case ("CLOCK" | "TIME") as kind, source if source in SOURCES:
                setattr(device, f"{kind.lower()}_source", source)
            case "ZERO", tick:
                device.set_at_pulse(_tick(tick))
            case "PASS", n_samples:
                world.pass_time(_whole(n_samples, 0, LAST_TICK))
            case "JUMP", tick:
                device.time_offset += _tick(tick) - device.now
            case name, *nothing if not nothing:
                return self._asked(name)
            case _:
                raise NotTaken("this is no question")
        return "0"

    def _asked(self, name: str) -> str:
        match name:
            case "NOW":
                return str(self._device.now)
            case "EDGE":
                return str(self._device.last_pulse())
            case "LOCKED":
                return str(int(self._device.is_steady))
            case "SOURCES":
                return f"{self._device.clock_source} {self._device.time_source}"
            case "PLACES":
                return str(len(self.server.world.devices))
            case _:
                raise NotTaken("this is no question")


def _whole(text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise NotTaken(f"a whole number from {low} to {high} belongs here")
    return int(text)


def _tick(text: str) -> int:
    return _whole(text, -LAST_TICK, LAST_TICK)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise NotTaken("a number belongs here") from None
