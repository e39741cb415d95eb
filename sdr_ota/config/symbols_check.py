"""Whether a frame may carry several numbers of a node."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.tables import PrivacyTable


def check_symbols(frame: FrameTable, privacy: PrivacyTable) -> None:
    """Refuse several numbers in a frame under a promise: the accountants know one a burst.

    Raises:
        ValueError: With what to do instead.
    """
    if frame.symbols > 1 and privacy.protect != "nothing":
        raise ValueError(
            f'frame.symbols = {frame.symbols} with privacy.protect = "{privacy.protect}": clip, '
            "noise and accounts of a promise are for one number a burst; use frame.symbols = 1"
        )
