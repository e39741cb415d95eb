"""`sdr-ota virtual-soapy`: devices with hardware time that exist in software alone."""

import threading
from contextlib import suppress

from sdr_ota.air.presets import air_preset
from sdr_ota.cli.virtual_pluto import CENTER_FREQ_HZ, SAMPLE_RATE_HZ, print_addresses
from sdr_ota.failure import NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.radio.base import RadioNotFound
from sdr_ota.radio.virtual.soapy_module import build_module
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld


def virtual_soapy_command(n_nodes: int, preset: str, port: int, seed: int) -> None:
    """Serve until interrupted; print the addresses first."""
    try:
        module = build_module()
        world = SoapyWorld(air_preset(preset), n_nodes, SAMPLE_RATE_HZ, CENTER_FREQ_HZ, seed)
        served = VirtualSoapy(world, port)
    except RadioNotFound as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing
    except (ValueError, OSError) as wrong:
        raise CommandFailed(f"cannot serve virtual devices: {wrong}", WRONG_USE) from wrong
    with served:
        print("# SoapySDR finds their driver with:")
        print(f"#   export SOAPY_SDR_PLUGIN_PATH={module.parent}")
        print_addresses(served.receiver_address, served.node_addresses)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
