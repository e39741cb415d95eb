"""Where samples come from and go to, in the form that the rest of the project uses for radios.

driver=file,path=capture.sigmf-meta       a SigMF recording
driver=zmq,address=ipc:///tmp/iq          a ZeroMQ push/pull connection
driver=pluto,uri=ip:192.168.2.1           a PlutoSDR, by gr-iio
driver=soapy,device=uhd,serial=...        whatever SoapySDR drives
driver=none                               silence, as much as is wanted
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class IqAddressError(ValueError):
    """An address cannot be understood, or is not allowed; the text says what is."""


@dataclass(frozen=True)
class IqAddress:
    """An address, read.

    Attributes:
        driver: ``file``, ``zmq``, ``pluto``, ``soapy`` or ``none``.
        options: What else it says; for ``soapy`` whatever SoapySDR understands.
    """

    driver: str
    options: Mapping[str, str]


_NEEDED = MappingProxyType(
    {"file": "path", "zmq": "address", "pluto": "uri", "soapy": "device", "none": ""},
)


def read_iq_address(address: str) -> IqAddress:
    """Read an address.

    Raises:
        IqAddressError: If it is of another form.

    >>> read_iq_address("driver=zmq,address=ipc:///tmp/iq").options["address"]
    'ipc:///tmp/iq'
    """
    pairs = [part.partition("=") for part in address.split(",")]
    options = {key.strip(): value.strip() for key, _, value in pairs}
    driver = options.pop("driver", "")
    if driver not in _NEEDED:
        raise IqAddressError(
            f"address {address!r} names no known driver; there are: {', '.join(_NEEDED)}, "
            "as in driver=file,path=capture.sigmf-meta"
        )
    needed = _NEEDED[driver]
    if needed and not options.get(needed):
        raise IqAddressError(f"address {address!r} lacks {needed}=...")
    return IqAddress(driver, MappingProxyType(options))


def soapy_device(options: Mapping[str, str]) -> str:
    """Return what SoapySDR calls device arguments; its own ``driver`` is called ``device`` here.

    >>> soapy_device({"device": "uhd", "serial": "123"})
    'driver=uhd,serial=123'
    """
    rest = ",".join(f"{key}={value}" for key, value in options.items() if key != "device")
    return f"driver={options['device']}" + (f",{rest}" if rest else "")


def refuse_outside_band(
    band_hz: tuple[float, ...], center_freq_hz: float, sample_rate_hz: float
) -> None:
    """Refuse to send over a radio outside the band that the user has named.

    Args:
        band_hz: Lowest and highest frequency; empty where no radio may send.
        center_freq_hz: Carrier.
        sample_rate_hz: All that the converter spans must lie in the band.

    Raises:
        IqAddressError: If it does not.
    """
    low, high = center_freq_hz - sample_rate_hz / 2, center_freq_hz + sample_rate_hz / 2
    if len(band_hz) != 2 or not band_hz[0] <= low <= high <= band_hz[1]:
        allowed = f"{band_hz[0] / 1e6:g} to {band_hz[1] / 1e6:g} MHz" if band_hz else "none"
        raise IqAddressError(
            f"the radio would use {low / 1e6:g} to {high / 1e6:g} MHz; the band in which it may "
            f"send is {allowed}: set the parameter band once cables, attenuators or the licence "
            "are in place"
        )
