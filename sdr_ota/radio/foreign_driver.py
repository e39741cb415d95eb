"""Radios of other packages: a class or function that takes the pairs of an address."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias, cast

from sdr_ota.plugins import RADIOS, PluginError, find_reference, load_reference
from sdr_ota.radio.base import Radio, RadioError

Opener: TypeAlias = Callable[[Mapping[str, str]], object]

MEMBERS = (*(name for name in vars(Radio) if not name.startswith("_")), "__enter__", "__exit__")
"""Methods and properties of the protocol."""


def open_foreign_radio(driver: str, options: Mapping[str, str]) -> Radio:
    """Open a radio of a plug-in.

    Args:
        driver: An entry point of ``sdr_ota.radios``, or ``package.module:NAME``.
        options: The address's other pairs; all of them are handed on.

    Raises:
        PluginError: If it cannot be loaded, takes not these options, or is no radio.
        RadioError: What the plug-in raises when the device does not answer.
    """
    opener = foreign_opener(driver)
    try:
        opened = opener(options)
    except RadioError:
        raise
    except Exception as failed:
        raise PluginError(
            f"driver {driver!r} could not open it with {dict(options)}: "
            f"{type(failed).__name__}: {failed}"
        ) from failed
    return _checked_radio(driver, opened)


def foreign_opener(driver: str) -> Opener:
    """Return what opens the radios of a plug-in.

    Raises:
        PluginError: If it cannot be loaded, or is no class or function.
    """
    reference = find_reference(RADIOS, driver)
    if reference is None:
        raise PluginError(f"no installed package has a driver {driver!r}")
    found = load_reference(reference)
    if not callable(found):
        raise PluginError(
            f"driver {driver!r} is {found!r}: it should be a class or function that takes a "
            "mapping of the address's pairs and returns a radio"
        )
    if isinstance(found, type):
        _refuse_missing(driver, found)
    return cast("Opener", found)


def _checked_radio(driver: str, opened: object) -> Radio:
    try:
        _refuse_missing(driver, opened)
    except PluginError:
        with suppress(Exception):  # whatever it is, let go of the device
            opened.close()  # type: ignore[attr-defined]
        raise
    return cast("Radio", opened)


def _refuse_missing(driver: str, offered: object) -> None:
    """Refuse what lacks members of the protocol; a class may set its ``info`` when it is made."""
    is_class = isinstance(offered, type)
    wanted = [name for name in MEMBERS if not (is_class and name == "info")]
    has = set(dir(offered))  # without asking a device for anything
    missing = [name for name in wanted if name not in has]
    if missing:
        kind = offered if isinstance(offered, type) else type(offered)
        raise PluginError(
            f"driver {driver!r} is no radio: {kind.__qualname__} has no {', '.join(missing)} "
            "(sdr_ota.radio.base.Radio)"
        )
