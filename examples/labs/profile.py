"""POWDER profile: X310s of the indoor laboratory, each beside a machine that is server or node.

The first X310 belongs to the server and receives; every other one is a node that sends. The
machines prepare themselves (examples/labs/start.sh) and speak over a network of their own.
"""

import geni.rspec.emulab.spectrum  # noqa: F401 - gives a request its requestSpectrum
import geni.rspec.pg as rspec
from geni import portal
from geni.rspec import igext

MANAGER = "urn:publicid:IDN+emulab.net+authority+cm"
IMAGE = "urn:publicid:IDN+emulab.net+image+emulab-ops//UBUNTU24-64-STD"  # Python 3.12
RADIOS = ("ota-x310-1", "ota-x310-2", "ota-x310-3", "ota-x310-4")
START = "/local/repository/examples/labs/start.sh"
RADIO = "driver=soapy,device=uhd,addr=192.168.40.2,clock_source=external,time_source=external"
SERVER = "10.10.1.1"
INSTRUCTIONS = f"""
1. Startup stays "Running": that is the server, or a node. Wait until `/opt/sdr-ota/bin/ray status`
   answers on `server`; it has made a token, `/root/.ray/auth_token`. Copy
   the file to the same place on every node: they wait for it.
2. Radios: `uhd_usrp_probe`; if it asks for another FPGA image, `uhd_images_downloader` and the
   command that it prints.
3. On `server`: `cd /local/repository`, then `/opt/sdr-ota/bin/sdr-ota run
   examples/labs/powder.toml`, with `RAY_ADDRESS={SERVER}:6379` and as root.
"""


def add_machine(request, network, place, hardware):
    """Ask for a radio and the machine beside it; the first one is the server."""
    name = f"node{place}" if place else "server"
    machine = request.RawPC(name)
    machine.component_manager_id = MANAGER
    machine.hardware_type = hardware
    machine.disk_image = IMAGE
    to_others = machine.addInterface(f"{name}-control")
    to_others.addAddress(rspec.IPv4Address(f"10.10.1.{place + 1}", "255.255.255.0"))
    network.addInterface(to_others)
    to_radio = machine.addInterface(f"{name}-radio")
    to_radio.addAddress(rspec.IPv4Address("192.168.40.1", "255.255.255.0"))
    radio = request.RawPC(f"{name}-sdr")
    radio.component_manager_id = MANAGER
    radio.component_id = RADIOS[place]
    cable = request.Link(f"{name}-cable")
    cable.bandwidth = 10 * 1000 * 1000  # kbit/s
    cable.addInterface(to_radio)
    cable.addNode(radio)
    return machine


def start_command(place, low_mhz, high_mhz):
    """Return what a machine runs as root when it has booted."""
    role = f"server {SERVER}"
    if place:
        role = f"node node{place} {SERVER} '{RADIO}' {low_mhz}e6:{high_mhz}e6"
    return f"sudo -H bash {START} {role} > /var/log/sdr-ota.log 2>&1"


def main():
    """Print the request for what the user has chosen."""
    context = portal.Context()
    numbers = portal.ParameterType
    context.defineParameter("nodes", "How many X310 send", numbers.INTEGER, 3, [1, 2, 3])
    context.defineParameter("low_mhz", "Lowest frequency in MHz", numbers.BANDWIDTH, 3550.0)
    context.defineParameter("high_mhz", "Highest frequency in MHz", numbers.BANDWIDTH, 3560.0)
    context.defineParameter(
        "hardware", "Machine beside a radio", numbers.STRING, "d740", ["d740", "d430"]
    )
    chosen = context.bindParameters()
    request = context.makeRequestRSpec()
    network = request.LAN("control")
    for place in range(chosen.nodes + 1):
        machine = add_machine(request, network, place, chosen.hardware)
        command = start_command(place, chosen.low_mhz, chosen.high_mhz)
        machine.addService(rspec.Execute(shell="bash", command=command))
    request.requestSpectrum(chosen.low_mhz, chosen.high_mhz, 0)
    tour = igext.Tour()
    tour.Description(igext.Tour.MARKDOWN, __doc__)
    tour.Instructions(igext.Tour.MARKDOWN, INSTRUCTIONS)
    request.addTour(tour)
    context.printRequestRSpec(request)


if __name__ == "__main__":
    main()
