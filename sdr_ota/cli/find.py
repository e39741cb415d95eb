"""`sdr-ota find`: the radios that are plugged in."""

from collections.abc import Iterator

from rich.console import Console

from sdr_ota.failure import NO_RADIO, CommandFailed


def find_command(device: str) -> None:
    """Print an address a line, with what the driver says about it."""
    console, trouble = Console(highlight=False, markup=False, soft_wrap=True), list[str]()
    n_found = 0
    for kind, search in (("PlutoSDRs", _plutos), ("SoapySDR devices", _soapy_devices)):
        try:
            for address, about in search(device):
                console.print(f"{address}    {about}")
                n_found += 1
        except (ImportError, OSError, RuntimeError) as error:
            trouble.append(f"{kind} not searched: {error}")
    for text in trouble:
        Console(stderr=True, highlight=False, markup=False).print(text)
    if not n_found:
        raise CommandFailed(
            "no radio found. Plutos on Ethernet are reached as driver=pluto,uri=ip:ADDRESS even "
            "if they are not listed; sdr-ota doctor checks drivers",
            NO_RADIO,
        )


def _plutos(device: str) -> Iterator[tuple[str, str]]:
    if device:
        return
    import iio  # noqa: PLC0415

    for uri, about in iio.scan_contexts().items():
        yield f"driver=pluto,uri={uri}", about


def _soapy_devices(device: str) -> Iterator[tuple[str, str]]:
    import SoapySDR  # noqa: PLC0415

    for found in SoapySDR.Device.enumerate(device):
        about = dict(found)
        label = about.pop("label", "")
        about = {"device": about.pop("driver", "?"), **about}
        yield "driver=soapy," + ",".join(f"{key}={value}" for key, value in about.items()), label
