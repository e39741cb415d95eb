"""From an order and scalars to the symbols that a node sends, if it agrees to send them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.signal.modulation import Payload


class PowerLimitError(ValueError):
    """A node was ordered to send louder than it may; nothing is sent."""


@dataclass(frozen=True)
class OpenEncoder:
    """For a node that has made no promise: any order within its power is followed.

    Attributes:
        payload_of: From the largest scalar that is to be sent to a payload for it.
        peak_amplitude: The node's own limit of a chip's amplitude, full scale 1.0.
    """

    payload_of: Callable[[float], Payload]
    peak_amplitude: float

    is_private = False

    def symbols(self, order: PayloadOrder, scalars: Sequence[float]) -> tuple[float, ...]:
        """Return the symbols of scalars.

        Raises:
            PowerLimitError: If the order is beyond the node's limit.
        """
        check_power(order, self.peak_amplitude)
        payload = self.payload_of(order.largest_scalar)
        return tuple(payload.symbol(scalar) for scalar in scalars)


def check_power(order: PayloadOrder, peak_amplitude: float) -> None:
    """Refuse an order whose largest chip would pass the node's own limit.

    A symbol is 1 at most, whatever the scalar and its noise.

    Raises:
        PowerLimitError: If ``|gain| > peak_amplitude``; also for a gain that is no number.
    """
    amplitude = abs(order.precoder.gain)
    if not amplitude <= peak_amplitude:
        raise PowerLimitError(
            f"the node was ordered to send at amplitude {amplitude:.4g}, its limit is "
            f"{peak_amplitude:.4g}; lower link.peak_amplitude at the server, or raise it here"
        )
