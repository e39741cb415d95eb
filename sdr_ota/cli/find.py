"""`sdr-ota find`: the radios that can be reached."""

import sys
from typing import Annotated

import typer

from sdr_ota.failure import NO_RADIO, CommandFailed
from sdr_ota.printable import printable

Device = Annotated[
    str, typer.Argument(help="Only SoapySDR devices like this: driver=uhd,type=b200.")
]


def find(device: Device = "") -> None:
    """List radios and running virtual boards, with their addresses.

    USB, this host's own bus, Ethernet and SoapySDR are searched apart: one that cannot be searched
    hides no other. A config takes these addresses as they stand.
    """
    from sdr_ota.radio.plugged_in import plugged_in

    found, not_searched = plugged_in(device)
    for address, about in found:
        print(printable(f"{address}    {about}"))
    for text in not_searched:
        print(printable(text), file=sys.stderr)
    if not found:
        raise CommandFailed(
            "no radio found. Plutos on Ethernet are reached as driver=pluto,uri=ip:ADDRESS even "
            "if they are not listed; sdr-ota doctor checks drivers",
            NO_RADIO,
        )
