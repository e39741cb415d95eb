"""Whether what is asked for can be had with several receive antennas."""

from typing import Protocol

from sdr_ota.config.air_table import AirTable
from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.tables import CapturesTable, PrivacyTable, RadioTable, ReceiverTable
from sdr_ota.schemes import CombinesAntennas


class Tables(Protocol):
    """The tables of a configuration that have to do with antennas."""

    @property
    def radio(self) -> RadioTable:
        """Which radios."""
        ...

    @property
    def receiver(self) -> ReceiverTable:
        """What synchronises."""
        ...

    @property
    def air(self) -> AirTable:
        """The simulated world."""
        ...

    @property
    def captures(self) -> CapturesTable:
        """What is kept."""
        ...

    @property
    def link(self) -> LinkTable:
        """How numbers are added."""
        ...

    @property
    def privacy(self) -> PrivacyTable:
        """What is promised."""
        ...


def check_antennas(config: Tables) -> None:
    """Refuse what is not there with more than one receive antenna.

    Raises:
        ValueError: With what to do instead.
    """
    if config.radio.rx_antennas == 1:
        return
    for is_wrong, why in (*_of_receiver(config), *_of_link(config)):
        if is_wrong:
            raise ValueError(f"radio.rx_antennas = {config.radio.rx_antennas}: {why}")


def _of_receiver(config: Tables) -> tuple[tuple[bool, str], ...]:
    """Return what may be wrong with how samples come and stay, and what to do."""
    radio, captures = config.radio, config.captures
    return (
        (
            not radio.is_simulated or radio.processes,
            "Pluto, Soapy and ZeroMQ receivers read one antenna so far; set it to 1, or simulate "
            "the radios",
        ),
        (
            radio.sends_cyclic_frames,
            "frames that radios without hardware time repeat are read at one antenna so far; set "
            "radio.has_hardware_time = true",
        ),
        (
            config.receiver.synchronizer != "numpy",
            'the GNU Radio receiver reads one antenna; set receiver.synchronizer = "numpy"',
        ),
        (
            config.air.channel is not None,
            "paths from a file lead to one antenna, air.channel_antenna; leave air.channel out",
        ),
        (
            captures.every > 0 or captures.erased,
            "recordings hold one antenna, which is not enough to decode the round again; set "
            "captures.every = 0 and captures.erased = false",
        ),
    )


def _of_link(config: Tables) -> tuple[tuple[bool, str], ...]:
    """Return what may be wrong with what is read from them, and what to do."""
    link = config.link
    return (
        (
            config.privacy.protect != "nothing" and config.privacy.trust != "local",
            "each antenna shows another sum of the clients' numbers, so that neither the others' "
            'noise nor the receiver\'s hides one of them; set privacy.trust = "local"',
        ),
        (
            link.is_auto,
            'link.scheme = "auto" judges schemes by one antenna; name one',
        ),
        (
            not link.is_auto and not _combines(link),
            f"scheme {link.scheme!r} neither needs phases nor has a method combine "
            "(sdr_ota.schemes.CombinesAntennas), so it cannot read several antennas",
        ),
    )


def _combines(link: LinkTable) -> bool:
    scheme = link.loaded_scheme()
    return scheme.needs_phase or isinstance(scheme, CombinesAntennas)
