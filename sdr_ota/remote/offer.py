"""What the owner of a machine lends to runs elsewhere, and within which limits."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sdr_ota.radio.address import open_lasting_radio, parse_address
from sdr_ota.radio.base import RadioNotFound
from sdr_ota.radio.limited import LimitedRadio, Limits
from sdr_ota.radio.normal_form import normal_form

OFFER = "SDR_OTA_NODE"
"""Environment variable in which `sdr-ota node` tells the agents what it offers."""


@dataclass(frozen=True)
class Offer:
    """What a machine lends.

    Attributes:
        host: The machine's name in the run.
        radios: Addresses of its radios that may be opened.
        home: Folder to which names of its data files are relative, and where its ledgers lie.
        limits: What the owner allows the radios to do, whoever orders it.
        dataset_epsilon: Most that all runs may spend on the machine's data, and none is taken
            that makes no promise; None for what a run's config says.
    """

    host: str
    radios: tuple[str, ...]
    home: str
    limits: Limits = field(default_factory=Limits)
    dataset_epsilon: float | None = None

    def environment(self) -> Mapping[str, str]:
        """Return the environment in which agents on this machine are started."""
        return {OFFER: msgspec.json.encode(self).decode()}

    def open(self, address: str) -> LimitedRadio:
        """Open a radio that is lent, behind its owner's limits.

        Raises:
            RadioNotFound: If it is not lent, naming those that are, or if it does not answer.
        """
        lent = [dict(parse_address(radio)) for radio in self.radios]
        if dict(parse_address(address)) not in lent:
            raise RadioNotFound(
                f"{self.host} does not offer {address}; it offers: "
                f"{'; '.join(self.radios) or 'none'}. Start sdr-ota node there with --radio "
                f"{address}"
            )
        name = re.sub(r"[^A-Za-z0-9.]+", "-", normal_form(address))
        kept_in = self.path("air-time") / f"{name}.json"
        radio = LimitedRadio(open_lasting_radio(address), self.limits, kept_in)
        radio.prefix = f"{self.host}:"
        return radio

    def path(self, name: str) -> Path:
        """Return a file or folder of the machine."""
        return Path(self.home) / name


def offered() -> Offer:
    """Return what this machine offers; nothing where `sdr-ota node` has not started us."""
    stated = os.environ.get(OFFER)
    return msgspec.json.decode(stated, type=Offer) if stated else Offer("", (), ".")
