"""Whether what was received is what the last sounding lets one expect; otherwise an erasure."""

import numpy as np

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.schemes import AggregationScheme, LinkQuality
from sdr_ota.types import ChipSum, TransmitPlan
from sdr_ota.units import amplitude_to_db, power_to_db

GAIN_CHANGE_LIMIT_DB = 3.0
"""A lead node received this much louder or weaker than planned means a gain has changed."""

PHASE_CHANGE_LIMIT_DEG = 90.0
"""A lead node that arrives turned by more than this would subtract instead of add."""

INTERFERENCE_LIMIT_DB = 6.0
"""Silence this much louder than the noise at the sounding is not noise alone."""

SPREAD_LIMIT = 2.0
"""A payload whose chips spread this many times more than noise and symbols can was hit."""

RIPPLE = 0.05
"""Spread that pulses and converters may add to a symbol of 1, beyond noise."""


def check_lead(received: ReceivedPayload, plan: TransmitPlan, needs_phase: bool) -> None:
    """Erase the round if the lead node or the noise is not what was planned.

    Raises:
        Erasure: ``gain-changed`` or ``interference``.
    """
    lead = plan.precoders[plan.active_nodes[0]]
    planned = plan.rx_amplitude / abs(lead.gain)
    change_db = amplitude_to_db(abs(received.burst.gain) / planned)
    turn_deg = abs(float(np.degrees(np.angle(received.burst.gain))))
    turned = needs_phase and turn_deg > PHASE_CHANGE_LIMIT_DEG
    if turned or abs(change_db) > GAIN_CHANGE_LIMIT_DB:
        raise Erasure(
            "gain-changed",
            f"the lead node's preamble is {change_db:+.1f} dB and {turn_deg:.0f} degrees off its "
            f"sounding (limits {GAIN_CHANGE_LIMIT_DB:g} dB, {PHASE_CHANGE_LIMIT_DEG:g} degrees "
            "where phases matter)",
        )
    check_silence(received.peak_idle_power, plan.noise_power)


def check_silence(peak_idle_power: float, noise_power: float) -> None:
    """Erase the round if a part in which nobody sends is louder than the sounding's noise.

    Raises:
        Erasure: ``interference``.
    """
    excess_db = power_to_db(peak_idle_power / noise_power)
    if excess_db > INTERFERENCE_LIMIT_DB:
        raise Erasure(
            "interference",
            f"a silent part holds {excess_db:.1f} dB more power than the sounding's noise "
            f"(limit {INTERFERENCE_LIMIT_DB:g} dB)",
        )


def check_sum_in_range(
    total: ChipSum, scheme: AggregationScheme, quality: LinkQuality, n_active: int
) -> None:
    """Erase a sum that symbols of at most 1 and the measured noise cannot have made.

    Raises:
        Erasure: ``interference``.
    """
    variance = scheme.theory_variance(np.ones(n_active), quality)
    largest_std = np.sqrt(variance + n_active * RIPPLE**2)
    if total.std > SPREAD_LIMIT * largest_std or abs(total.value) > n_active + 6 * largest_std:
        raise Erasure(
            "interference",
            f"decoded {total.value:.2f} with a standard deviation of {total.std:.3f} on its "
            f"chips; {n_active} symbols of at most 1 give at most {n_active} and {largest_std:.3f}",
        )
