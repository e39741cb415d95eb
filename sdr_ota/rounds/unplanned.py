"""Decode a payload of which no plan is known: what its node pilots show counts alone."""

from dataclasses import replace

import numpy as np

from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.receiver.payload import Sending, decode_payload
from sdr_ota.rounds.judged_sum import judged_sum
from sdr_ota.schemes import LinkQuality
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import DecodedSum, Precoder, TransmitPlan

LEVEL_STD, PHASE_STD_RAD, TURN_STD_RAD, DELAY_STD_CHIPS, CFO_STD = 0.3, 0.3, 0.1, 0.5, 1e-4
"""What is expected of the nodes where no tracker says better: wide."""


def decode_unplanned(
    received: ReceivedPayload, frame: FrameFormat, sending: Sending, rx_amplitude: float
) -> tuple[DecodedSum, ...]:
    """Return the sums of all nodes of a bench, one a symbol, each with its whole uncertainty.

    Args:
        received: As aligned.
        frame: Its format.
        sending: How it was sent, by all nodes.
        rx_amplitude: Chip amplitude at the receiver of a symbol of 1, as it should be.

    Raises:
        Erasure: If it cannot be trusted.
    """
    every = np.ones(sending.n_nodes)
    expected = Expectation(
        nodes=tuple(range(sending.n_nodes)),
        rx_amplitude=rx_amplitude,
        phase_variances_rad2=PHASE_STD_RAD**2 * every,
        level_variances=LEVEL_STD**2 * every,
        turn_variances_rad2=TURN_STD_RAD**2 * every,
        delay_std_chips=DELAY_STD_CHIPS,
        cfo_variance=CFO_STD**2,
    )
    read, found = decode_payload(received, expected, frame, sending)
    quality = LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=found.rx_amplitude,
        noise_power=received.noise_power,
        gains=found.gains[0],
        rolloff=frame.pulse.rolloff,
    )
    sent = TransmitPlan((Precoder(1 + 0j),) * sending.n_nodes, rx_amplitude, received.noise_power)
    chips = frame.symbol_chips(found.chips)
    return tuple(
        judged_sum(one, own, sending.scheme, replace(quality, gains=gains), sent, "unbiased")
        for one, own, gains in zip(read, chips, found.gains, strict=True)
    )
