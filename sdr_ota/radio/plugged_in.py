"""The radios that can be reached: plugged in, on the network, or virtual and running."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from sdr_ota.radio.libiio_scan import WAYS, ScanFailed, scan
from sdr_ota.radio.virtual.announcement import announced_boards

Found = tuple[str, str]
"""An address and what its driver says about it."""


def plugged_in(device: str) -> tuple[list[Found], list[str]]:
    """Look for radios; each place is searched apart, so that none hides another.

    Args:
        device: Only SoapySDR devices like this; empty for all, PlutoSDRs and running virtual
            boards.

    Returns:
        An address and what the driver says about it for every radio; then a sentence for each
        place that could not be searched.
    """
    found, places = dict[str, str](), defaultdict[str, list[str]](list)
    for search in _searches(device):
        try:
            found |= dict(search())
        except ScanFailed as failed:
            places[failed.why].append(failed.place)
    not_searched = [f"{', '.join(where)} not searched: {why}" for why, where in places.items()]
    return list(found.items()), not_searched


def _searches(device: str) -> Iterator[Callable[[], Iterator[Found]]]:
    if not device:
        yield from (lambda way=way: _plutos(way) for way in WAYS)
        yield announced_boards
    yield lambda: _soapy_devices(device)


def _plutos(way: str) -> Iterator[Found]:
    for uri, about in scan(way).items():
        yield f"driver=pluto,uri={uri}", about


def _soapy_devices(device: str) -> Iterator[Found]:
    try:
        import SoapySDR

        there = [dict(found) for found in SoapySDR.Device.enumerate(device)]
    except (ImportError, OSError, RuntimeError) as error:
        raise ScanFailed("SoapySDR devices", str(error)) from error
    for about in there:
        label = about.pop("label", "")
        named = {"device": about.pop("driver", "?"), **about}
        yield "driver=soapy," + ",".join(f"{key}={value}" for key, value in named.items()), label
