"""Decode the joint frame of radios with hardware time, by the plan that it was sent with.

It imports what numpy and scipy are enough for: GNU Radio's interpreter decodes recordings with it.
"""

from dataclasses import replace
from statistics import fmean

import numpy as np

from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.levels import ShownLevel
from sdr_ota.receiver.payload import Sending, decode_payload
from sdr_ota.receiver.plausibility import check_sums_in_range
from sdr_ota.rounds.exchange import Exchange, Link, Reception
from sdr_ota.rounds.gain_forecast import elapsed_s, forecast_gains
from sdr_ota.rounds.judged_sum import judged_sums
from sdr_ota.schemes import LinkQuality
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import TransmitPlan


def decode_timed(reception: Reception, link: Link) -> Exchange:
    """Decode the sums that a joint frame carries.

    Raises:
        Erasure: If one of them cannot be trusted.
    """
    frame, plan, scheme = link.frame, reception.plan, link.scheme
    rate = reception.sample_rate_hz
    received = link.receive(reception.capture, frame, link.max_cfo_hz / rate)
    idle_noise = fmean(one.noise_power for one in received.antennas)
    planned = planned_quality(reception, frame, idle_noise)
    expected = _expectation_by_symbol(reception, planned, frame)
    sending = Sending(scheme, reception.n_nodes, reception.seed, plan.antenna_weights)
    read, found = decode_payload(received, expected, frame, sending)
    measured = replace(
        planned,
        rx_amplitude=found.rx_amplitude,
        common_phase_variance_rad2=found.phase_variance_rad2,
        antennas=found.antennas,
    )
    idle = [replace(measured, gains=gains) for gains in found.gains]
    check_sums_in_range(read, scheme, idle, len(plan.active_nodes), plan.noise_power)
    pairs = zip(idle, found.noise_powers, strict=True)
    qualities = tuple(replace(quality, noise_power=noise) for quality, noise in pairs)
    symbols = zip(read, frame.symbol_chips(found.chips), qualities, strict=True)
    sums = judged_sums(symbols, scheme, plan, link.decode)
    burst = received.burst
    arrived = _over_plan(found.shown_level, plan.arriving_level)
    return Exchange(sums, qualities, burst.cfo, burst.metric, found.phase_rad, arrived)


def _over_plan(shown: ShownLevel | None, arriving_level: float) -> ShownLevel | None:
    """Return a level over the one that was planned, from one over the one that was expected."""
    if shown is None:
        return None
    return ShownLevel(shown.level * arriving_level, shown.variance * arriving_level**2)


def _expectation_by_symbol(
    reception: Reception, planned: LinkQuality, frame: FrameFormat
) -> Expectation:
    """Return what the plan lets one expect of the nodes, in the middle and at each symbol."""
    plan, rate = reception.plan, reception.sample_rate_hz
    each = tuple(
        _expectation(
            plan, planned_quality(reception, frame, planned.noise_power, symbol), frame, rate
        )
        for symbol in range(frame.n_symbols)
    )
    return replace(_expectation(plan, planned, frame, rate), by_symbol=each)


def _expectation(
    plan: TransmitPlan, quality: LinkQuality, frame: FrameFormat, sample_rate_hz: float
) -> Expectation:
    """Return what the plan lets one expect of the nodes at the payload."""
    errors, gains, n_active = plan.active_errors, quality.gains, len(plan.active_nodes)
    between_s = frame.pilot_distance_chips * frame.pulse.samples_per_chip / sample_rate_hz
    turned = [
        (2 * np.pi * e.cfo_std_hz * between_s) ** 2 + e.phase_walk_rad2_per_s * between_s
        for e in errors
    ]
    level, across, phase = (
        np.broadcast_to(values, (n_active,))
        for values in (gains.along_variance, gains.across_variance, gains.phase_variance_rad2)
    )
    return Expectation(
        nodes=plan.active_nodes,
        rx_amplitude=plan.rx_amplitude * plan.arriving_level,
        phase_variances_rad2=across + phase,
        level_variances=level,
        turn_variances_rad2=np.array(turned),
        delay_std_chips=float(np.sqrt(np.mean(gains.timing_variance_chips2))),
        cfo_variance=float(np.mean([e.cfo_std_hz**2 for e in errors])) / sample_rate_hz**2,
        noise_power=plan.noise_power,
    )


def planned_quality(
    reception: Reception, frame: FrameFormat, noise_power: float, symbol: int | None = None
) -> LinkQuality:
    """Return what theory needs, by the plan's errors as they have grown until the payload.

    Args:
        reception: Plan and time of a joint frame.
        frame: Its format.
        noise_power: Of a chip in this round.
        symbol: At the middle of which; None for the payload's middle.
    """
    plan, rate = reception.plan, reception.sample_rate_hz
    frame_tick = reception.capture.start_tick + frame.guard_samples
    payload_tick = frame_tick + frame.payload_start + frame.n_payload // 2
    if symbol is not None:
        off_chips = (symbol - (frame.n_symbols - 1) / 2) * frame.n_payload_chips
        payload_tick += round(off_chips * frame.pulse.samples_per_chip)
    after_s = elapsed_s(plan, payload_tick, rate)
    return LinkQuality(
        n_chips=frame.n_payload_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=noise_power,
        gains=forecast_gains(plan.active_errors, after_s, frame.pulse.samples_per_chip / rate),
        rolloff=frame.pulse.rolloff,
        n_absent=len(plan.precoders) - len(plan.active_nodes),
    )
