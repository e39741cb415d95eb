"""What runs beside a radio that is plugged into another machine than the server.

An agent opens the one radio that it is asked for, if the machine's owner has offered it, and
does what it is told over the network. It trusts its own watchdog only: whatever happens to
the server, a cyclic transmission ends.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata

from sdr_ota.radio.address import open_radio, parse_address
from sdr_ota.radio.base import Capture, PendingCapture, Radio, RadioError, RadioInfo, RadioNotFound
from sdr_ota.radio.soapy import SoapyRadio
from sdr_ota.types import RadioSettings, Samples

OFFER = "SDR_OTA_NODE"
"""Environment variable in which `sdr-ota node` tells the agents what it offers."""

LONGEST_CYCLIC_S = 10.0
"""A cyclic transmission that nobody ends is ended after this."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the owner of a machine lends to a run.

    Attributes:
        host: The machine's name in the run.
        radios: Addresses of its radios that may be opened.
        home: Folder to which names of its data files are relative.
    """

    host: str
    radios: tuple[str, ...]
    home: str

    def environment(self) -> Mapping[str, str]:
        """Return the environment in which agents on this machine are started."""
        return {OFFER: json.dumps(asdict(self))}


@dataclass(frozen=True, slots=True)
class Joined:
    """What an agent says when its radio is open; the server compares it with its own.

    Attributes:
        info: The radio.
        has_pulse: Whether its time can be set at a pulse per second.
        version: Of this software on the agent's machine.
    """

    info: RadioInfo
    has_pulse: bool
    version: str


def offered() -> Offer:
    """Return what this machine offers; nothing where `sdr-ota node` has not started us."""
    stated = json.loads(os.environ.get(OFFER, '{"host": "", "radios": [], "home": "."}'))
    return Offer(stated["host"], tuple(stated["radios"]), stated["home"])


def check_offered(address: str, offer: Offer) -> None:
    """Refuse a radio that the machine's owner does not lend.

    Raises:
        RadioNotFound: Naming those that are offered.
    """
    if parse_address(address) not in [parse_address(radio) for radio in offer.radios]:
        raise RadioNotFound(
            f"{offer.host} does not offer {address}; it offers: "
            f"{'; '.join(offer.radios) or 'none'}. Start sdr-ota node there with --radio {address}"
        )


class RadioAgent:
    """Holds one radio. Beyond `join` and `clock_s` every method is the radio's own."""

    def __init__(self) -> None:
        self._radio: Radio | None = None
        self._pending: dict[int, PendingCapture] = {}
        self._lock = threading.Lock()
        self._cyclic_since_s: float | None = None

    def join(self, address: str) -> Joined:
        """Open the radio and say who we are.

        Raises:
            RadioNotFound: If it does not answer, or is not offered.
        """
        offer = offered()
        check_offered(address, offer)
        self._radio = radio = open_radio(address)
        threading.Thread(target=self._watch, daemon=True).start()
        return Joined(
            info=replace(radio.info, serial=f"{offer.host}:{radio.info.serial}"),
            has_pulse=isinstance(radio, SoapyRadio) and radio.has_pulse,
            version=metadata.version("sdr-ota"),
        )

    def clock_s(self) -> float:
        """Return this machine's clock, in seconds since 1970."""
        return time.time()

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings."""
        return self._opened().configure(settings)

    def now_tick(self) -> int:
        """Return the radio's time in samples."""
        return self._opened().now_tick()

    def transmit(self, samples: Samples, start_tick: int | None) -> None:
        """Send a burst."""
        with self._lock:
            self._opened().transmit(samples, start_tick)

    def confirm_sent(self, timeout_s: float) -> None:
        """Ask what became of the last burst."""
        self._opened().confirm_sent(timeout_s)

    def begin_cyclic(self, samples: Samples) -> None:
        """Send samples over and over, until `end_cyclic` or the watchdog."""
        with self._lock:
            self._cyclic_since_s = time.monotonic()
            self._opened().begin_cyclic(samples)

    def end_cyclic(self) -> None:
        """Fall silent."""
        with self._lock:
            self._opened().end_cyclic()
            self._cyclic_since_s = None  # if it fails the watchdog tries again

    def begin_receive(self, n_samples: int, start_tick: int | None) -> int:
        """Start receiving and return a number by which to ask for the result."""
        number = max(self._pending, default=-1) + 1
        self._pending[number] = self._opened().begin_receive(n_samples, start_tick)
        return number

    def result(self, number: int, timeout_s: float) -> Capture:
        """Wait for the samples of a reception."""
        return self._pending.pop(number).result(timeout_s)

    def temperature_c(self) -> float | None:
        """Return the device's temperature."""
        return self._opened().temperature_c()

    def last_pulse_ns(self) -> int:
        """Return the radio's time at the last pulse per second."""
        return self._pulsed().last_pulse_ns()

    def set_time_at_pulse(self, time_ns: int) -> None:
        """Let the radio's time be this at the next pulse."""
        self._pulsed().set_time_at_pulse(time_ns)

    def close(self) -> None:
        """Fall silent and let go of the radio."""
        with self._lock:
            self._cyclic_since_s = None
            if self._radio is not None:
                self._radio.close()

    def _opened(self) -> Radio:
        if self._radio is None:
            raise RadioNotFound("the agent has not joined with a radio")
        return self._radio

    def _pulsed(self) -> SoapyRadio:
        radio = self._opened()
        if not isinstance(radio, SoapyRadio):
            raise RadioNotFound(f"{radio.info.serial} has no pulse per second")
        return radio

    def _watch(self) -> None:
        """End a cyclic transmission that has lasted too long."""
        while True:
            time.sleep(0.2)
            with self._lock:
                since_s = self._cyclic_since_s
                if since_s is not None and time.monotonic() > since_s + LONGEST_CYCLIC_S:
                    with suppress(RadioError):  # then it is tried again
                        self._opened().end_cyclic()
                        self._cyclic_since_s = None
