r"""How much thermal noise the receiver is sure to add: a lower confidence bound.

A privacy claim that leans on receiver noise must not overstate it. Over $n$
idle complex samples of thermal noise of power $P$, $2 n \hat P / P$ follows the
$\chi^2$ law with $2n$ degrees of freedom (one complex degree less when the mean
is taken out), which bounds $P$ from below exactly. Anything else in the idle
slot can only raise $\hat P$, so the slot is cut into blocks, the quietest one
counts, and what is known not to be thermal is taken off.
"""

import numpy as np
from scipy.stats import chi2

from sdr_ota.types import Samples


def noise_power_lower_bound(
    idle: Samples,
    confidence: float = 0.999,
    n_blocks: int = 16,
    quantisation_step: float = 0.0,
    occupied_band: float = 1.0,
) -> float:
    r"""Return a power that the receiver's noise exceeds with at least ``confidence``.

    $2 (n - 1) \hat P_\text{min} / q - \Delta^2 / 6$, with $\hat P_\text{min}$ the
    least variance of a block of $n$ samples and $q$ the ``confidence`` quantile of
    $\chi^2_{2(n-1)}$. Valid as long as one block holds nothing but noise;
    interference that never pauses has to be excluded by other means, for example
    by terminating the antenna port.

    Args:
        idle: Samples with every transmitter silent, full scale 1.0, white over
            the band that is captured.
        confidence: In (0, 1).
        n_blocks: Blocks of equal length, at least 1; a remainder is left out.
        quantisation_step: Step $\Delta$ of the converter, full scale 1.0; its
            noise, $\Delta^2 / 12$ in each of I and Q, is taken off.
        occupied_band: Share of the sample rate that an analog filter lets through; only so
            many of the samples are independent.

    Returns:
        Total noise power of a complex sample, linear; 0 if no protection is certain.

    Raises:
        ValueError: If a block would hold fewer than 2 independent samples, or ``confidence`` or
            ``occupied_band`` is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} must lie strictly between 0 and 1")
    if not 0 < occupied_band <= 1:
        raise ValueError(f"occupied_band = {occupied_band} must lie above 0 and not above 1")
    n_per_block = len(idle) // n_blocks
    if n_per_block * occupied_band < 2:
        raise ValueError(
            f"{len(idle)} idle samples make {n_blocks} blocks of {n_per_block}; at least 2 "
            "independent ones in a block are needed, so capture a longer idle slot"
        )
    blocks = idle[: n_per_block * n_blocks].astype(np.complex128).reshape(n_blocks, n_per_block)
    freedom = 2 * (n_per_block * occupied_band - 1)
    least_energy = float(blocks.var(axis=1).min()) * 2 * n_per_block * occupied_band
    bound = least_energy / float(chi2.ppf(confidence, freedom)) - quantisation_step**2 / 6.0
    return max(bound, 0.0)
