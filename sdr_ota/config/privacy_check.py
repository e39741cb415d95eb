"""Whether a promise of privacy holds for what is sent, and by whom."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.tables import ClientsTable, PrivacyTable


def check_privacy(
    privacy: PrivacyTable, link: LinkTable, frame: FrameTable, clients: ClientsTable
) -> None:
    """Refuse a promise that the scheme, the payload or the clients cannot keep.

    Raises:
        ValueError: With what to do instead.
    """
    if privacy.schedule.startswith("sign-") and not (
        privacy.noise == "receiver" and link.payload == "sign"
    ):
        raise ValueError(
            f'privacy.schedule = "{privacy.schedule}" spreads the receiver\'s noise over rounds of '
            'signs (Theorem 4): it needs privacy.noise = "receiver" and link.payload = "sign"'
        )
    if privacy.protect == "nothing":
        return
    if sends_soft_signs(privacy, link):
        _check_soft_signs(privacy, frame)
    elif privacy.trust != "local" and not link.hides_clients:
        softly = (
            ', or privacy.noise = "receiver"'
            if link.scheme == "coherent" and privacy.trust == "channel-noise-trusted"
            else ""
        )
        raise ValueError(
            f'privacy.trust = "{privacy.trust}" holds for coherent amplitudes only; with '
            f'scheme {link.scheme!r} and payload "{link.payload}" the received signal shows '
            "single clients, which only their own noise hides; set privacy.trust = "
            f'"local"{softly}'
        )
    if privacy.protect == "record" and clients.source == "synthetic":
        raise ValueError(
            'synthetic clients hold no records: set privacy.protect = "client" or "nothing"'
        )


def sends_soft_signs(privacy: PrivacyTable, link: LinkTable) -> bool:
    """Return whether coherent signs are hidden in the receiver's noise alone.

    That is Lemma 3 of arXiv 2604.12401: a flipped sign moves the received value by twice its
    amplitude, whatever the others send.
    """
    is_coherent_sign = link.scheme == "coherent" and link.payload == "sign"
    return is_coherent_sign and privacy.protect != "nothing" and privacy.noise == "receiver"


def _check_soft_signs(privacy: PrivacyTable, frame: FrameTable) -> None:
    if privacy.is_subsampled:
        raise ValueError(
            'signs under privacy.noise = "receiver" are counted without the chance to be drawn: '
            'set privacy.batches = "fixed" and neighbours = "replace", or protect = "client"'
        )
    if frame.symbols > 1:
        raise ValueError(
            f'frame.symbols = {frame.symbols}: signs under privacy.noise = "receiver" have no '
            "common clip, and each would cost as much as a round of its own; set frame.symbols = 1"
        )
