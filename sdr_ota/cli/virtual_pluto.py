"""`sdr-ota virtual-pluto`: boards that exist in software alone, for trying everything out."""

import threading
from collections.abc import Sequence
from contextlib import suppress

from sdr_ota.air.presets import air_preset
from sdr_ota.failure import WRONG_USE, CommandFailed
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos

SAMPLE_RATE_HZ, CENTER_FREQ_HZ = 1e6, 915e6
"""To which the drawn delays and offsets belong; clients may set what they like."""


def virtual_pluto_command(n_nodes: int, preset: str, first_port: int, seed: int) -> None:
    """Serve until interrupted; print the addresses first."""
    try:
        world = PlutoWorld(air_preset(preset), n_nodes, SAMPLE_RATE_HZ, CENTER_FREQ_HZ, seed)
        served = VirtualPlutos(world, first_port)
    except (ValueError, OSError) as wrong:
        raise CommandFailed(f"cannot serve virtual boards: {wrong}", WRONG_USE) from wrong
    with served:
        nodes = tuple(f"driver=pluto,uri={uri}" for uri in served.node_uris)
        print_addresses(f"driver=pluto,uri={served.receiver_uri}", nodes)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def print_addresses(receiver: str, nodes: Sequence[str]) -> None:
    """Print the lines that a config's [radio] table needs."""
    print(f'receiver = "{receiver}"')
    print("nodes = [")
    for node in nodes:
        print(f'  "{node}",')
    print("]", flush=True)
