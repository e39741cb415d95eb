"""From a node's chips to the samples one node sends, with its precoder applied."""

from dataclasses import dataclass

import numpy as np

from sdr_ota.air.impairments import apply_cfo, fractional_delay
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips, Precoder, Samples


@dataclass(frozen=True)
class TimedBurst:
    """Samples and the node's tick at which the first of them leaves."""

    samples: Samples
    start_tick: int


def payload_burst(
    chips: Chips, frame: FrameFormat, precoder: Precoder, frame_tick: int, sample_rate_hz: float
) -> TimedBurst:
    """Return a node's part of the joint payload.

    Args:
        chips: What `FrameFormat.sent_chips` returns, modulus at most 1.
        frame: Format of the joint frame.
        precoder: What the node undoes.
        frame_tick: Receiver tick of the frame's first sample.
        sample_rate_hz: Samples a second.
    """
    samples = frame.pulse.shape(precoder.gain * chips)
    return precompensated(samples, precoder, frame_tick + frame.payload_start, sample_rate_hz)


def lead_burst(
    chips: Chips, frame: FrameFormat, precoder: Precoder, frame_tick: int, sample_rate_hz: float
) -> TimedBurst:
    """Return the lead node's burst: the preamble at its own amplitude, then the payload."""
    turn = precoder.gain / abs(precoder.gain)
    gap = np.zeros(frame.payload_start - frame.preamble_start - frame.n_preamble, np.complex64)
    payload = frame.pulse.shape(precoder.gain * chips)
    samples = np.concatenate([turn * frame.preamble(), gap, payload]).astype(np.complex64)
    return precompensated(samples, precoder, frame_tick + frame.preamble_start, sample_rate_hz)


def precompensated(
    samples: Samples, precoder: Precoder, arrival_tick: int, sample_rate_hz: float
) -> TimedBurst:
    """Undo delay and carrier offset: leave earlier, turn the other way.

    Args:
        samples: What shall arrive.
        precoder: Delay and offset to undo (its gain is not applied here).
        arrival_tick: Receiver tick at which the first sample shall arrive.
        sample_rate_hz: Samples a second.
    """
    delay_samples = precoder.delay_s * sample_rate_hz
    placed = fractional_delay(samples, -delay_samples)
    start = arrival_tick + placed.first_tick
    if not precoder.cfo_hz:
        return TimedBurst(placed.samples, start)
    # The burst turns as the receiver will see it: counted from its arrival there.
    since = start + delay_samples - precoder.reference_tick
    whole = round(since)
    rest_rad = -2 * np.pi * precoder.cfo_hz * (since - whole) / sample_rate_hz
    turned = apply_cfo(placed.samples, -precoder.cfo_hz, sample_rate_hz, whole, rest_rad)
    return TimedBurst(turned, start)
