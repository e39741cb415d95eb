"""From what a plan expects of each node's path to what theory needs at the payload."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes import GainErrors
from sdr_ota.schemes.gain_errors import oscillator_and_fading
from sdr_ota.types import PathErrors, TransmitPlan


def elapsed_s(plan: TransmitPlan, tick: float, sample_rate_hz: float) -> NDArray[np.float64]:
    """Return the time from each active node's sounding to a tick, shape ``(n_active,)``."""
    sounded = np.array([plan.precoders[node].reference_tick for node in plan.active_nodes])
    return np.asarray((tick - sounded) / sample_rate_hz)


def forecast_gains(
    errors: Sequence[PathErrors], after_s: NDArray[np.float64], chip_s: float
) -> GainErrors:
    """Return the errors of gains some time after their soundings.

    Args:
        errors: Of the nodes that send.
        after_s: Time from the precoders' reference ticks, shape ``(n_active,)``.
        chip_s: Length of a chip.
    """
    pairs = list(zip(errors, after_s, strict=True))
    return oscillator_and_fading(
        np.array([error.phase_variance_rad2(after) for error, after in pairs]),
        np.array([error.amplitude_variance(after) for error, after in pairs]),
        np.array([error.timing_std_s for error in errors]) / chip_s,
        np.array([error.loss_probability for error in errors]),
    )
