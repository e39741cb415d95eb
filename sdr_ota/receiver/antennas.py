"""Several receive antennas become what one payload is decoded from.

Where phases count, the antennas are added by weights of the plan before anything is read. Where
they do not, the scheme combines what each shows: energies add up, slots are added by their own
pilots (maximum-ratio combining; Brennan, Proc. IRE 47(6), 1959).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.schemes.base import AggregationScheme, CombinesAntennas
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips


def weighted(received: ReceivedPayload, weights: Sequence[complex]) -> ReceivedPayload:
    r"""Return $w^H y$ of the antennas: from here on there is one.

    Args:
        received: At every antenna.
        weights: One an antenna.

    Raises:
        ValueError: If there are not as many.
    """
    pairs = list(zip(weights, received.antennas, strict=True))
    return replace(
        received,
        chips=sum_of([np.conj(w) * one.chips for w, one in pairs]),
        pilots=sum_of([np.conj(w) * one.pilots for w, one in pairs]),
        noise_power=float(sum(abs(w) ** 2 * one.noise_power for w, one in pairs)),
        further=(),
    )


def sum_of(antennas: Sequence[Chips]) -> Chips:
    """Return the sum over antennas."""
    return np.asarray(np.sum(np.stack(antennas), axis=0))


def joint_chips(
    received: ReceivedPayload, frame: FrameFormat, scheme: AggregationScheme, n_nodes: int
) -> Chips:
    """Return the chips of which a scheme reads what all antennas show, symbol by symbol.

    Raises:
        ValueError: If the scheme cannot combine antennas.
    """
    if not received.further:
        return received.chips
    if not isinstance(scheme, CombinesAntennas):
        raise ValueError(f"scheme {type(scheme).__name__} does not combine antennas")
    antennas = [frame.symbol_chips(one.chips) for one in received.antennas]
    symbols = [np.stack(symbol) for symbol in zip(*antennas, strict=True)]
    joint = received.chips.copy()
    combined = np.concatenate([scheme.combine(symbol, n_nodes) for symbol in symbols])
    joint[: len(combined)] = combined
    return joint
