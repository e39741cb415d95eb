"""Listen while everybody is silent: how much noise is the receiver sure to add?"""

from ota_calibration.privacy.noise_bound import noise_power_lower_bound
from sdr_ota.rounds.exchange import Bench, Link

IDLE_SAMPLES = 65_536
"""16 blocks of 4096: the bound then lies about 8 % below the power."""


def measure_noise_bound(bench: Bench, link: Link) -> float:
    """Return a lower confidence bound of the total noise power of one complex chip, linear.

    Args:
        bench: Radios of which none transmits.
        link: Pulse of the frame; its matched filter scales a sample's noise to a chip's.

    Raises:
        RadioError: If no samples came.
    """
    pending = bench.receiver.begin_receive(IDLE_SAMPLES)
    capture = pending.result(link.timeout_s)
    return noise_power_lower_bound(capture.samples) / link.frame.pulse.energy
