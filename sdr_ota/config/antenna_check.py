"""Whether what is asked for can be had with several receive antennas."""

from collections.abc import Iterable

from sdr_ota.config.air_table import AirTable
from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.tables import CapturesTable, PrivacyTable, RadioTable, ReceiverTable
from sdr_ota.schemes import CombinesAntennas


def check_antenna_samples(
    radio: RadioTable, receiver: ReceiverTable, air: AirTable, captures: CapturesTable
) -> None:
    """Refuse samples that cannot come from, or be kept of, more than one receive antenna.

    Raises:
        ValueError: With what to do instead.
    """
    if radio.rx_antennas > 1:
        _refuse(radio, _of_samples(radio, receiver, air, captures))


def check_antenna_sums(radio: RadioTable, link: LinkTable, privacy: PrivacyTable) -> None:
    """Refuse what cannot be read from, or promised with, more than one receive antenna.

    Raises:
        ValueError: With what to do instead.
    """
    if radio.rx_antennas > 1:  # it loads the scheme, which one antenna does not need
        _refuse(radio, _of_sums(link, privacy))


def _refuse(radio: RadioTable, found: Iterable[tuple[bool, str]]) -> None:
    for is_wrong, why in found:
        if is_wrong:
            raise ValueError(f"radio.rx_antennas = {radio.rx_antennas}: {why}")


def _of_samples(
    radio: RadioTable, receiver: ReceiverTable, air: AirTable, captures: CapturesTable
) -> tuple[tuple[bool, str], ...]:
    """Return what may be wrong with how samples come and stay, and what to do."""
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
            receiver.synchronizer != "numpy",
            'the GNU Radio receiver reads one antenna; set receiver.synchronizer = "numpy"',
        ),
        (
            air.channel is not None,
            "paths from a file lead to one antenna, air.channel_antenna; leave air.channel out",
        ),
        (
            captures.every > 0 or captures.erased,
            "recordings hold one antenna, which is not enough to decode the round again; set "
            "captures.every = 0 and captures.erased = false",
        ),
    )


def _of_sums(link: LinkTable, privacy: PrivacyTable) -> tuple[tuple[bool, str], ...]:
    """Return what may be wrong with what is read from them, and what to do."""
    return (
        (
            privacy.protect != "nothing" and privacy.trust != "local",
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
