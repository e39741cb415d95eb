"""From one address and a band to the config of a bench of one radio, receiver and node at once."""

import json
from collections.abc import Sequence
from pathlib import Path

from sdr_ota.assembly.node import bands_of
from sdr_ota.config.load import Config, ConfigError, config_with, read_tables
from sdr_ota.failure import WRONG_USE, CommandFailed

_KEPT = ("run", "radio", "band", "link", "frame", "air")
"""Tables of a bench's config that say how the radio is used; the others are about learning."""


def one_radio_config(
    address: str, bench: Path | None, band: str | None, settings: Sequence[str]
) -> Config:
    """Return the config of one radio that receives itself; it may send where the user says so.

    Args:
        address: Of the radio.
        bench: Config file of a bench, for frequency, gains, bands and permission; its radios are
            not opened. None for the defaults.
        band: ``LOW_HZ:HIGH_HZ``, in place of the file's bands and its permission to transmit; the
            carrier is in its middle where nothing else is said. None to take the file's.
        settings: ``table.key=value``, on top.

    Raises:
        CommandFailed: If it cannot be used, or nobody said where the radio may transmit.
    """
    if not address.strip():
        raise CommandFailed("ADDRESS is empty: give a radio, driver=NAME,...", WRONG_USE)
    if bench is None and band is None:
        raise CommandFailed(
            "a selftest transmits: say in which band it may, with --band LOW_HZ:HIGH_HZ as your "
            "licence or the law allows (or over cables: as 914e6:916e6), or give a config file "
            "with a [[band]] and radio.transmit_allowed = true",
            WRONG_USE,
        )
    try:
        there = {} if bench is None else read_tables(bench)
        tables = {name: there[name] for name in _KEPT if name in there}
        if band is not None:
            _allow(tables, band)
        return config_with(tables, [*settings, *_one_radio(address)])
    except ConfigError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong


def _allow(tables: dict[str, object], band: str) -> None:
    """Put the user's own word on where to transmit in place of the file's."""
    ((low_hz, high_hz),) = bands_of([band])
    tables["band"] = [{"name": "--band", "low_hz": low_hz, "high_hz": high_hz}]
    radio = tables.setdefault("radio", {})
    if isinstance(radio, dict):
        radio["transmit_allowed"] = True
        radio.setdefault("center_freq_hz", (low_hz + high_hz) / 2)


def _one_radio(address: str) -> list[str]:
    name = json.dumps(address)
    return [
        f"radio.receiver={name}",
        f"radio.nodes=[{name}]",
        "clients.count=1",
        "clients.source=synthetic",
        "link.scheme=energy-difference",
        "link.payload=analog",
        "link.scheme_parameters={}",
        "frame.symbols=1",
    ]
