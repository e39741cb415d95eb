"""What tells one kind of PlutoSDR from another: its transceiver, and how far that tunes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """A transceiver, as the Linux driver ad9361 treats it.

    Attributes:
        model: What the board says of itself.
        board: The model of a board that carries it.
        rx_hz: Lowest and highest frequency of the receiver.
        tx_hz: The same of the transmitter.
    """

    model: str
    board: str
    rx_hz: tuple[int, int]
    tx_hz: tuple[int, int]

    @property
    def about(self) -> dict[str, str]:
        """What every board with it says of itself."""
        return {
            "hw_model": f"virtual {self.board}, no hardware",
            "hw_model_variant": "0",
            "fw_version": "virtual",
            "ad9361-phy,model": self.model,
        }


_WIDE_RX, _WIDE_TX = (70_000_000, 6_000_000_000), (46_875_001, 6_000_000_000)
_NARROW = (325_000_000, 3_800_000_000)

CHIPS: Mapping[str, Chip] = {
    "ad9363": Chip("ad9363a", "PlutoSDR Rev.C (Z7010-AD9363A)", _NARROW, _NARROW),
    "ad9364": Chip("ad9364", "PlutoSDR Rev.B (Z7010-AD9364)", _WIDE_RX, _WIDE_TX),
    "ad9361": Chip("ad9361", "PlutoSDR Rev.C (Z7020-AD9361)", _WIDE_RX, _WIDE_TX),
}
"""As delivered; told to be an AD9364; a Pluto+, of which the first channel is there."""


def rx_gains_db(center_freq_hz: float) -> tuple[int, int]:
    """Return lowest and highest receive gain: the driver has three tables.

    >>> rx_gains_db(915e6)
    (-1, 73)
    """
    if center_freq_hz <= 1.3e9:
        return -1, 73
    return (-3, 71) if center_freq_hz <= 4e9 else (-10, 62)
