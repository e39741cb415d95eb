"""Listen while everybody is silent: how much noise is the receiver sure to add?"""

import math

import numpy as np

from ota_calibration.privacy.noise_bound import noise_power_lower_bound
from sdr_ota.receiver.quantisation import converter_step
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.units import amplitude_to_db, real_noise_variance

IDLE_CHIPS = 32_768
"""16 blocks of 2048: the bound then lies about 11 % below the power."""


class NoiseHidden(RuntimeError):  # noqa: N818 - what is wrong is the level, not the program
    """The converter is too coarse to tell the receiver's noise from its own rounding."""


def measure_noise_bound(bench: Bench, link: Link) -> float:
    """Return a lower confidence bound of the total noise power of one complex chip, linear.

    Only what passes the pulse's matched filter counts, so nothing outside the occupied band does;
    the converter's rounding is taken off.

    Args:
        bench: Radios of which none transmits.
        link: Pulse of the frame.

    Raises:
        NoiseHidden: If the noise of a branch is less than a step of the converter: rounding then
            depends on what arrives, and is no noise of a known power.
        RadioError: If no samples came.
    """
    pulse = link.frame.pulse
    pending = bench.receiver.begin_receive(pulse.n_samples(IDLE_CHIPS))
    idle = pending.result(link.timeout_s).samples
    step = converter_step(idle)
    # White noise of a sample's strength, as far as the filter lets it through.
    in_band = (pulse.match(idle, IDLE_CHIPS) * math.sqrt(pulse.energy)).astype(np.complex64)
    bound = noise_power_lower_bound(in_band, quantisation_step=step)
    noise_std = math.sqrt(real_noise_variance(bound))
    if noise_std < step:
        missing_db = amplitude_to_db(step / noise_std) if noise_std else math.inf
        need = f"about {math.ceil(missing_db)} dB more" if noise_std else "more"
        raise NoiseHidden(
            f"the receiver's noise is {noise_std / step:.2g} steps of its converter in the "
            "occupied band, and must be one at least to protect anybody; raise radio.rx_gain_db "
            f"(by {need}), or do not count this noise: privacy.trust = "
            '"server-sees-sum" or "local"'
        )
    return bound / pulse.energy
