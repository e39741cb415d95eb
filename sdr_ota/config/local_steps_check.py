"""Whether clients may take steps of their own between two broadcasts."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.tables import PrivacyTable
from sdr_ota.config.zo_table import ZoTable


def check_local_steps(zo: ZoTable, frame: FrameTable, privacy: PrivacyTable) -> None:
    """Refuse local steps that a frame cannot carry, a rule cannot take back or no account covers.

    Raises:
        ValueError: With what to do instead.
    """
    if zo.local_steps == 1:
        return
    asked = f"zo.local_steps = {zo.local_steps}"
    if frame.symbols % zo.local_steps:
        raise ValueError(
            f"{asked} with frame.symbols = {frame.symbols}: a round's numbers travel in one frame, "
            "as many for each step; make frame.symbols a multiple of zo.local_steps"
        )
    if zo.directions_per_step > 1:
        raise ValueError(
            f"{asked} with zo.directions_per_step = {zo.directions_per_step}: rounds that wait for "
            "each other at the same weights cannot move in between; average within a step by more "
            "frame.symbols"
        )
    if zo.rule == "hiso":
        raise ValueError(
            f'{asked} with zo.rule = "hiso": its curvature follows broadcasts; use another rule'
        )
    if privacy.protect == "record":
        raise ValueError(
            f'{asked} with privacy.protect = "record": after the first local step one example '
            "moves the weights at which all others are probed, and no clip bounds what that does; "
            'use zo.local_steps = 1, or protect = "client"'
        )
