"""Radios by address, as the field writes them: ``driver=pluto,uri=ip:192.168.2.1``.

With ``host=NAME`` the radio is plugged into another machine, where `sdr-ota node` runs.
Drivers of other packages: an entry point of the group ``sdr_ota.radios``, or
``driver=package.module:NAME``; see `foreign_driver`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from sdr_ota.plugins import RADIOS, PluginError, is_reference, plugin_names
from sdr_ota.radio.accounted import AccountedRadio
from sdr_ota.radio.air_time_account import AirTimeAccount
from sdr_ota.radio.base import Radio, RadioInfo
from sdr_ota.radio.clock import align_clocks, is_pulsed
from sdr_ota.radio.foreign_driver import open_foreign_radio
from sdr_ota.radio.normal_form import normal_form
from sdr_ota.radio.pluto import PlutoRadio
from sdr_ota.radio.pluto_identity import probe_pluto
from sdr_ota.radio.pluto_watchdog import LONGEST_BURST_S
from sdr_ota.radio.reopened import ReopenedRadio
from sdr_ota.radio.soapy import SoapyRadio
from sdr_ota.radio.soapy_device import Wiring, probe_soapy
from sdr_ota.radio.zeromq import ZeroMqRadio


class AddressError(ValueError):
    """An address cannot be understood; the text says what is allowed."""


def open_radio(address: str, longest_burst_s: float = LONGEST_BURST_S) -> Radio:
    """Open the radio of an address; this process is its owner until it is closed.

    Args:
        address: ``key=value`` pairs, separated by commas; ``driver`` names the back-end.
        longest_burst_s: After how long a cyclic frame that nobody ends is ended.

    Raises:
        AddressError: If it is not of that form, or a plug-in cannot open it.
        RadioNotFound: If no such device answers.
        RadioInUse: If another process uses it.
    """
    options = _here(address)
    if options["driver"] in _DRIVERS:
        return _DRIVERS[options["driver"]](options, longest_burst_s)
    try:
        return open_foreign_radio(options.pop("driver"), options)
    except PluginError as useless:
        raise AddressError(f"address {address!r}: {useless}") from useless


def probe_radio(address: str) -> tuple[RadioInfo, Mapping[str, str]]:
    """Return who a radio is and what it does now, without setting anything.

    A driver of another package is opened and closed, as it cannot be asked otherwise.

    Raises:
        AddressError: If the address is not of the form.
        RadioError: If the radio does not answer.
    """
    options = _here(address)
    if options["driver"] == "pluto":
        return probe_pluto(*_pluto_place(options))
    if options["driver"] == "soapy":
        return probe_soapy(*_soapy_place(options))
    with open_radio(address) as radio:
        celsius = radio.temperature_c()
        return radio.info, {"temperature": "no sensor" if celsius is None else f"{celsius:.1f}"}


def _here(address: str) -> dict[str, str]:
    """Return the pairs of an address of this machine.

    Raises:
        AddressError: If it names another one.
    """
    options = dict(parse_address(address))
    if "host" in options:
        raise AddressError(
            f"address {address!r} names a radio of another machine, which only a run uses; on "
            f"{options['host']} itself leave out host="
        )
    return options


def open_lasting_radio(address: str, longest_burst_s: float = LONGEST_BURST_S) -> Radio:
    """Open a radio that is opened and set again when it was away.

    Raises:
        AddressError: If the address is not of the form.
        RadioNotFound: If no such device answers.
        RadioInUse: If another process uses it.
    """
    return ReopenedRadio(partial(open_radio, address, longest_burst_s))


@contextmanager
def open_radios(
    addresses: Sequence[str], account: AirTimeAccount | None = None
) -> Iterator[tuple[Radio, ...]]:
    """Open several radios, let those with a pulse per second count alike, close all of them.

    An address that stands there twice is one radio, opened once: it sends and receives.

    Args:
        addresses: Of the radios.
        account: Of the bench, which keeps a band's limit; None only counts what is sent.

    Raises:
        AddressError: If an address is not of the form.
        RadioNotFound: If a device does not answer.
        SettingNotTaken: If their clocks cannot be aligned.
    """
    account = account or AirTimeAccount()
    with ExitStack() as opened:
        radios: dict[str, Radio] = {}
        for address in addresses:
            name = normal_form(address)
            if name not in radios:
                radio = open_lasting_radio(address, account.longest_burst_s)
                radios[name] = opened.enter_context(AccountedRadio(radio, account))
        pulsed = [r for r in radios.values() if is_pulsed(r)]
        if len(pulsed) > 1:
            align_clocks(pulsed)
        yield tuple(radios[normal_form(address)] for address in addresses)


def at_host(address: str) -> tuple[str, str]:
    """Return the machine that an address names, empty for this one, and the address there.

    >>> at_host("driver=pluto,uri=ip:192.168.2.1,host=attic")
    ('attic', 'driver=pluto,uri=ip:192.168.2.1')
    """
    options = dict(parse_address(address))
    host = options.pop("host", "")
    return host, ",".join(f"{key}={value}" for key, value in options.items())


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
    driver = options.get("driver", "")
    if driver not in _DRIVERS and not is_reference(driver) and driver not in plugin_names(RADIOS):
        raise AddressError(
            f"address {address!r} names no known driver; there are: {', '.join(driver_names())}"
        )
    return options


def check_address(address: str) -> None:
    """Refuse an address that no radio can have; nothing is opened.

    Args:
        address: Of a radio, with or without ``host=``.

    Raises:
        AddressError: With what its form is.
    """
    options = dict(parse_address(address))
    options.pop("host", None)
    if (place := _PLACES.get(options["driver"])) is not None:
        place(options)


def driver_names() -> tuple[str, ...]:
    """Return the names of all drivers, the built-in ones first; nothing is imported.

    >>> driver_names()[:3]
    ('pluto', 'soapy', 'zmq')
    """
    return tuple(dict.fromkeys((*_DRIVERS, *plugin_names(RADIOS))))


def _pluto_place(options: Mapping[str, str]) -> tuple[str, bool]:
    """Return the URI of a board, and whether it waits for a trigger."""
    unknown = set(options) - {"driver", "uri", "trigger"}
    trigger = options.get("trigger", "none")
    if unknown or "uri" not in options or trigger not in {"none", "external"}:
        raise AddressError(
            "a pluto's address is driver=pluto,uri=URI, with trigger=external if all boards' "
            "trigger inputs get one pulse, and nothing else"
        )
    return options["uri"], trigger == "external"


def _open_pluto(options: Mapping[str, str], longest_burst_s: float) -> Radio:
    return PlutoRadio(*_pluto_place(options), longest_burst_s)


def _soapy_place(options: Mapping[str, str]) -> tuple[dict[str, str], Wiring]:
    """Return SoapySDR's own arguments, whose ``driver`` is called ``device`` here, and wiring."""
    rest = dict(options)
    del rest["driver"]
    if "device" not in rest:
        raise AddressError(
            "a SoapySDR address is driver=soapy,device=DRIVER,key=value,..., with channel, "
            "subdevice, antenna, clock_source and time_source where they are not the device's own; "
            "SoapySDRUtil --find lists the drivers and serials of what is plugged in"
        )
    channel = rest.pop("channel", "0")
    if not (channel.isascii() and channel.isdigit() and len(channel) < 4):
        raise AddressError(f"channel={channel} is no channel: they are counted 0, 1, ...")
    wiring = Wiring(int(channel), *(rest.pop(key, "") for key in _WIRING))
    return {"driver": rest.pop("device"), **rest}, wiring


def _open_soapy(options: Mapping[str, str], longest_burst_s: float) -> Radio:
    """Open a device whose bursts end by themselves."""
    return SoapyRadio(*_soapy_place(options))


def _zmq_place(options: Mapping[str, str]) -> str:
    """Return the path of a virtual radio's control socket."""
    if set(options) != {"driver", "control"}:
        raise AddressError(
            "a virtual radio's address is driver=zmq,control=PATH and nothing else; "
            "radio.processes = true starts such radios and names them itself"
        )
    return options["control"]


def _open_zmq(options: Mapping[str, str], longest_burst_s: float) -> Radio:
    return ZeroMqRadio(_zmq_place(options))


_WIRING = ("subdevice", "antenna", "clock_source", "time_source")
"""Keys of a SoapySDR address that are ours, besides ``channel``; the others are the driver's."""

_PLACES: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "pluto": _pluto_place,
    "soapy": _soapy_place,
    "zmq": _zmq_place,
}
"""What takes a driver's options apart, and refuses those that it cannot."""

_DRIVERS: Mapping[str, Callable[[Mapping[str, str], float], Radio]] = {
    "pluto": _open_pluto,
    "soapy": _open_soapy,
    "zmq": _open_zmq,
}

BUILT_IN_DRIVERS = tuple(_DRIVERS)
"""Names of the drivers that come with the package."""
