"""How far a Pluto tunes and amplifies: what its driver reports, or else what is known.

A board's transceiver may be an AD9363 or an AD9364, or be told to be the other one, and receive
gains depend on the band.
"""

import re
from typing import Any

from sdr_ota.radio.base import Range

_LOWEST_RATE_HZ = 521e3
"""pyadi-iio sets no lower one."""

_FILTER_FACTOR = 4
"""pyadi-iio loads a filter that divides the rate by it; the driver reports what goes without."""

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"\[{_NUMBER} {_NUMBER} {_NUMBER}\]")


def center_freqs_hz(phy: Any) -> Range:
    """Return what both synthesisers of a board tune to; an AD9363's as delivered if unknown."""
    receiver, transmitter = (
        _reported(phy.find_channel(name, True), "frequency_available", Range(325e6, 3.8e9))
        for name in ("altvoltage0", "altvoltage1")
    )
    return Range(max(receiver.low, transmitter.low), min(receiver.high, transmitter.high))


def sample_rates_hz(phy: Any) -> Range:
    """Return the rates that a board takes; the driver's limits if unknown."""
    name, known = "sampling_frequency_available", Range(25e6 / 12, 61.44e6)
    there = _reported(phy.find_channel("voltage0", False), name, known)
    return Range(max(there.low / _FILTER_FACTOR, _LOWEST_RATE_HZ), there.high)


def tx_gains_db(phy: Any) -> Range:
    """Return the transmit gains of a board."""
    known = Range(-89.75, 0.0)
    return _reported(phy.find_channel("voltage0", True), "hardwaregain_available", known)


def rx_gains_db(phy: Any) -> Range:
    """Return the receive gains of a board where it is tuned to; those of every band if unknown."""
    known = Range(-1.0, 62.0)
    return _reported(phy.find_channel("voltage0", False), "hardwaregain_available", known)


def _reported(channel: Any, name: str, otherwise: Range) -> Range:
    """Return a range as the driver writes it: ``[lowest step highest]``."""
    text = str(channel.attrs[name].value) if channel is not None and name in channel.attrs else ""
    found = _RANGE.fullmatch(text.strip())
    return Range(float(found[1]), float(found[3])) if found else otherwise
