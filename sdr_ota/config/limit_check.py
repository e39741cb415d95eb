"""Whether a run may learn the limit of its scalars."""

from sdr_ota.config.link_table import LinkTable
from sdr_ota.config.tables import PrivacyTable


def check_limit(link: LinkTable, privacy: PrivacyTable) -> None:
    """Refuse to learn a limit where nobody may look at scalars, or none is clipped.

    Raises:
        ValueError: With what to do instead.
    """
    if link.scalar_limit != "auto":
        return
    if privacy.protect != "nothing":
        raise ValueError(
            f'link.scalar_limit = "auto" with privacy.protect = "{privacy.protect}": it would be '
            "learned from the clients' private scalars, and the noise follows from it; set a "
            "number beforehand, from a run without a promise on public data"
        )
    if link.payload == "sign":
        raise ValueError(
            'link.scalar_limit = "auto" with link.payload = "sign": signs have no limit; leave '
            "link.scalar_limit out"
        )
