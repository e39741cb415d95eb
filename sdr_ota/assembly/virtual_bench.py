"""Virtual radios that are served on loopback for other programs, with our words for what fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.radio.base import RadioNotFound
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_module import build_module
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.radio.virtual.two_way_world import TwoWayWorld

SAMPLE_RATE_HZ, CENTER_FREQ_HZ = 1e6, 915e6
"""To which the drawn delays and offsets belong; clients may set what they like."""


def serve_plutos(
    n_nodes: int,
    preset: str,
    first_port: int,
    seed: int,
    chip: str = "ad9363",
    is_paced: bool = False,
) -> VirtualPlutos:
    """Start virtual PlutoSDRs that share one simulated air.

    Args:
        n_nodes: Transmitting boards.
        preset: Name of the air between them.
        first_port: TCP port of node 0; the receiver comes last.
        seed: Everything random follows from it.
        chip: Name of the boards' transceiver.
        is_paced: Whether samples come and go as fast as the clock on the wall says, or at once.

    Raises:
        CommandFailed: If there is no such preset or transceiver, or a port is taken.
    """
    taken = f"at ports {first_port} to {first_port + n_nodes}; choose others with --first-port"
    with _refusing("boards", taken):
        world = PlutoWorld(_settings(n_nodes, preset, seed), chip, is_paced)
        return VirtualPlutos(world, first_port)


def serve_soapy_devices(
    n_nodes: int, preset: str, port: int, seed: int, n_channels: int = 1
) -> VirtualSoapy:
    """Start virtual SoapySDR devices that share one simulated air.

    Args:
        n_nodes: Transmitters.
        preset: Name of the air between them.
        port: TCP port on loopback.
        seed: Everything random follows from it.
        n_channels: Transmitters of a device.

    Raises:
        CommandFailed: If there is no such preset, the transmitters fill no whole number of devices,
            or the port is taken.
    """
    with _refusing("devices", f"at port {port}; choose another with --port"):
        world = SoapyWorld(_settings(n_nodes, preset, seed), n_channels=n_channels)
        return VirtualSoapy(world, port)


def serve_two_way_devices(
    n_nodes: int, preset: str, port: int, seed: int, n_channels: int = 1
) -> VirtualSoapy:
    """Start virtual SoapySDR devices that all send and receive; see `TwoWayWorld`.

    Args:
        n_nodes: Nodes; the server's device comes last.
        preset: Name of the air between them.
        port: TCP port on loopback.
        seed: Everything random follows from it.
        n_channels: Of a device each way: 1.

    Raises:
        CommandFailed: If there is no such preset, carriers drift in it, a device is to have more
            channels, or the port is taken.
    """
    with _refusing("devices", f"at port {port}; choose another with --port"):
        if n_channels != 1:
            raise ValueError(f"a device that sends and receives has 1 channel, not {n_channels}")
        return VirtualSoapy(TwoWayWorld(_settings(n_nodes, preset, seed)), port)


def soapy_module_folder() -> Path:
    """Return the folder of the virtual devices' SoapySDR driver, compiled the first time.

    Raises:
        CommandFailed: If it cannot be compiled, or its folder not be written.
    """
    with _refusing("devices", "where their driver is compiled"):
        try:
            return build_module().parent
        except RadioNotFound as missing:
            raise CommandFailed(str(missing), NO_RADIO) from missing


@contextmanager
def _refusing(what: str, where: str) -> Iterator[None]:
    """Turn a wrong setting or a taken port into a command's one sentence."""
    try:
        yield
    except ValueError as wrong:
        raise CommandFailed(f"cannot serve virtual {what}: {wrong}", WRONG_USE) from wrong
    except OSError as wrong:
        raise CommandFailed(f"cannot serve virtual {what}: {wrong} {where}", WRONG_USE) from wrong


def _settings(n_nodes: int, preset: str, seed: int) -> AirSettings:
    return AirSettings(air_preset(preset), n_nodes, SAMPLE_RATE_HZ, CENTER_FREQ_HZ, seed)
