"""`sdr-ota virtual-soapy`: devices with hardware time that exist in software alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from sdr_ota.cli.options import Preset, Seed

if TYPE_CHECKING:
    from sdr_ota.radio.virtual.soapy_server import VirtualSoapy

Nodes = Annotated[int, typer.Option(min=1, help="Transmitters.")]
Port = Annotated[int, typer.Option(min=1, max=65000, help="TCP port on loopback.")]
Channels = Annotated[
    int, typer.Option(min=1, help="Transmitters of a device: 2 for devices like a B210.")
]
TwoWay = Annotated[
    bool, typer.Option("--two-way", help="All devices send and receive, for nodes without cables.")
]


def virtual_soapy(
    nodes: Nodes = 4,
    preset: Preset = "usrp-shared-clock",
    port: Port = 30600,
    seed: Seed = 1,
    channels: Channels = 1,
    two_way: TwoWay = False,
) -> None:
    """Serve virtual SoapySDR devices on loopback, until Ctrl-C.

    They have hardware time and share one simulated air. Compiles their SoapySDR driver the
    first time. Real SoapySDR programs open them.
    """
    from sdr_ota.assembly import virtual_bench

    one_way, both = virtual_bench.serve_soapy_devices, virtual_bench.serve_two_way_devices
    with (both if two_way else one_way)(nodes, preset, port, seed, channels) as served:
        _serve(served, f"export SOAPY_SDR_PLUGIN_PATH={virtual_bench.soapy_module_folder()}")


def _serve(served: "VirtualSoapy", export: str) -> None:
    from sdr_ota.cli.serving import serve_until_interrupted

    print("# SoapySDR finds their driver with:")
    print(f"#   {export}")
    print("# and its own programs find the devices under:")
    for words in served.soapy_arguments:
        print(f'#   SoapySDRUtil --find="{words}"')
    serve_until_interrupted(served.receiver_address, served.node_addresses, export)
