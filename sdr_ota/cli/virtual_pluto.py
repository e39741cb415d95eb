"""`sdr-ota virtual-pluto`: boards that exist in software alone, for trying everything out."""

from typing import Annotated

import typer

from sdr_ota.cli.options import Preset, Seed

Nodes = Annotated[int, typer.Option(min=1, help="Transmitting boards.")]
Port = Annotated[
    int, typer.Option(min=1, max=65000, help="TCP port of node 0; the receiver comes last.")
]
Chip = Annotated[
    str,
    typer.Option(
        help="Transceiver: ad9363 (as delivered, 325 MHz to 3.8 GHz), ad9364 or ad9361 (a Pluto+; "
        "70 MHz to 6 GHz)."
    ),
]
AtOnce = Annotated[
    bool,
    typer.Option("--at-once", help="Samples come and go at once, not at the pace of the clock."),
]


def virtual_pluto(
    nodes: Nodes = 4,
    preset: Preset = "free-running-pluto",
    first_port: Port = 30500,
    seed: Seed = 1,
    chip: Chip = "ad9363",
    at_once: AtOnce = False,
) -> None:
    """Serve virtual PlutoSDRs on loopback, until Ctrl-C.

    They share one simulated air. Real libiio programs (pyadi-iio, iio_info, GNU Radio)
    talk to them unchanged.
    """
    from sdr_ota.assembly.virtual_bench import serve_plutos
    from sdr_ota.cli.serving import serve_until_interrupted

    with serve_plutos(nodes, preset, first_port, seed, chip, not at_once) as served:
        addresses = [f"driver=pluto,uri={uri}" for uri in served.node_uris]
        serve_until_interrupted(f"driver=pluto,uri={served.receiver_uri}", addresses)
