"""Radios by address, as the field writes them: ``driver=pluto,uri=ip:192.168.2.1``."""

from collections.abc import Callable, Mapping

from sdr_ota.radio.base import Radio
from sdr_ota.radio.pluto import PlutoRadio


class AddressError(ValueError):
    """An address cannot be understood; the text says what is allowed."""


def open_radio(address: str) -> Radio:
    """Open the radio of an address.

    Args:
        address: ``key=value`` pairs, separated by commas; ``driver`` names the back-end.

    Raises:
        AddressError: If it is not of that form.
        RadioNotFound: If no such device answers.
    """
    options = parse_address(address)
    return _DRIVERS[options["driver"]](options)


def parse_address(address: str) -> Mapping[str, str]:
    """Return the pairs of an address.

    Raises:
        AddressError: If it is not of the form, or names no known driver.

    >>> dict(parse_address("driver=pluto,uri=ip:192.168.2.1"))
    {'driver': 'pluto', 'uri': 'ip:192.168.2.1'}
    """
    pairs = [part.partition("=") for part in address.split(",")]
    if not all(equals and key.strip() and value.strip() for key, equals, value in pairs):
        raise AddressError(f"address {address!r} is not of the form driver=NAME,key=value,...")
    options = {key.strip(): value.strip() for key, _, value in pairs}
    if options.get("driver") not in _DRIVERS:
        raise AddressError(
            f"address {address!r} names no known driver; there are: {', '.join(_DRIVERS)}"
        )
    return options


def _open_pluto(options: Mapping[str, str]) -> Radio:
    unknown = sorted(set(options) - {"driver", "uri"})
    if unknown or "uri" not in options:
        raise AddressError("a pluto's address is driver=pluto,uri=URI and nothing else")
    return PlutoRadio(options["uri"])


_DRIVERS: Mapping[str, Callable[[Mapping[str, str]], Radio]] = {"pluto": _open_pluto}
