"""Whether what is asked for can be had of radios without hardware time."""

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.config.tables import RadioTable, ReceiverTable


def check_cyclic(frame: FrameTable, receiver: ReceiverTable, radio: RadioTable) -> None:
    """Refuse what cyclic frames do not have.

    Raises:
        ValueError: With what to do instead.
    """
    if not radio.sends_cyclic_frames:
        return
    if frame.payload_s is not None:
        raise ValueError(
            f"frame.payload_s = {frame.payload_s:g} with radios without hardware time: "
            "cyclic frames carry a chip on each subcarrier, and last as many periods as they "
            "need; use frame.payload_chips"
        )
    if receiver.synchronizer == "gnuradio":
        raise ValueError(
            'receiver.synchronizer = "gnuradio" needs radios with hardware time: cyclic '
            "frames have no preamble to synchronise with"
        )
