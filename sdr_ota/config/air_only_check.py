"""What a run whose nodes are told by the air alone can do so far; all else is refused."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.tables import ClientsTable, PrivacyTable, RadioTable
from sdr_ota.downlink.messages import NODES_PER_MESSAGE

SCHEME = "energy-difference"
"""The one that was run over virtual radios with clocks of their own."""


def check_air_only(
    clients: ClientsTable,
    link: LinkTable,
    frame: FrameTable,
    privacy: PrivacyTable,
    radio: RadioTable,
) -> None:
    """Refuse what control frames do not carry yet.

    Raises:
        ValueError: Naming the key, what it is, and what it may be.
    """
    for is_refused, why in _refusals(clients, link, frame, privacy, radio):
        if is_refused:
            raise ValueError(why)


def _refusals(
    clients: ClientsTable,
    link: LinkTable,
    frame: FrameTable,
    privacy: PrivacyTable,
    radio: RadioTable,
) -> tuple[tuple[bool, str], ...]:
    """Return what is refused, each with whether it is so here."""
    asked = 'clients.location = "air"'
    return (
        (
            any("host=" in address for address in radio.nodes),
            f"{asked}: no network leads to the nodes; leave host= out of radio.nodes",
        ),
        (
            radio.is_simulated or radio.sends_cyclic_frames,
            f"{asked} needs radios with hardware time in radio.receiver and radio.nodes; for some "
            "in software start sdr-ota virtual-soapy --two-way",
        ),
        (
            not radio.key_file,
            f"{asked} needs radio.key_file: without a key anybody on the air could move the models",
        ),
        (link.scheme != SCHEME, f'link.scheme = "{link.scheme}" with {asked}: use "{SCHEME}"'),
        (
            link.scalar_limit == "auto",
            f'link.scalar_limit = "auto" with {asked}: nodes do not say what they compute; set a '
            "number",
        ),
        (frame.symbols != 1, f"frame.symbols = {frame.symbols} with {asked}: use 1"),
        (
            privacy.protect != "nothing",
            f'privacy.protect = "{privacy.protect}" with {asked}: use "nothing"',
        ),
        (
            clients.count > NODES_PER_MESSAGE,
            f"clients.count = {clients.count} with {asked}: one control frame holds the orders of "
            f"{NODES_PER_MESSAGE} nodes",
        ),
    )
