"""The radios that are plugged in, as libiio and SoapySDR find them."""

from collections.abc import Iterator


def plugged_in(device: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Look for radios.

    Args:
        device: Only SoapySDR devices like this; empty for all, and PlutoSDRs.

    Returns:
        An address and what the driver says about it for every radio; then a sentence for each
        kind that could not be searched.
    """
    found, not_searched = list[tuple[str, str]](), list[str]()
    for kind, search in (("PlutoSDRs", _plutos), ("SoapySDR devices", _soapy_devices)):
        try:
            found += search(device)
        except (ImportError, OSError, RuntimeError) as error:
            not_searched.append(f"{kind} not searched: {error}")
    return found, not_searched


def _plutos(device: str) -> Iterator[tuple[str, str]]:
    if device:
        return
    import iio  # noqa: PLC0415

    for uri, about in iio.scan_contexts().items():
        yield f"driver=pluto,uri={uri}", about


def _soapy_devices(device: str) -> Iterator[tuple[str, str]]:
    import SoapySDR

    for found in SoapySDR.Device.enumerate(device):
        about = dict(found)
        label = about.pop("label", "")
        about = {"device": about.pop("driver", "?"), **about}
        yield "driver=soapy," + ",".join(f"{key}={value}" for key, value in about.items()), label
