r"""Gaussian noise for privacy, from the operating system's entropy.

The experiment's seed stands in the run record, so noise made from it could be
subtracted by anyone who reads that record. This noise cannot be repeated.

Floating-point Gaussians have gaps from which the value below the noise can be
told. A sum of several independent ones, scaled back, makes that search
infeasible.

References:
    Holohan and Braghin, "Secure Random Sampling in Differential Privacy",
    ESORICS 2021 (arXiv 2107.10138), for the sum of several.
"""

import math
from secrets import SystemRandom
from typing import Protocol

# How many Gaussians make one.
N_SUMMED = 4


class NormalSource(Protocol):
    """Anything that draws standard normal numbers, such as ``numpy.random.Generator``."""

    def standard_normal(self) -> float:
        """Return one number from N(0, 1)."""
        ...


class SystemNoise:
    """Standard normal numbers from the operating system's entropy; keeps no state."""

    def standard_normal(self) -> float:
        """Return one number from N(0, 1), unlike any before."""
        system = SystemRandom()
        return math.fsum(system.normalvariate() for _ in range(N_SUMMED)) / math.sqrt(N_SUMMED)


def add_privacy_noise(
    scalar: float, client_noise_std: float, source: NormalSource | None = None
) -> float:
    """Return ``scalar`` plus Gaussian noise.

    Clip the scalar before; clipping the result to what the radio can send is
    post-processing and costs no privacy.

    Args:
        scalar: A clipped scalar.
        client_noise_std: Standard deviation of the noise, in units of the scalar.
        source: For tests only; without it the operating system's entropy.

    Raises:
        ValueError: If the scalar or the noise is not finite, or the noise negative.
    """
    if not (  # the scalar is not said: records and screens would keep it
        math.isfinite(scalar) and 0 <= client_noise_std < math.inf
    ):
        raise ValueError(
            f"the scalar and client_noise_std = {client_noise_std} must be finite, the noise not "
            "negative; a silent round sends nothing"
        )
    return scalar + client_noise_std * (source or SystemNoise()).standard_normal()
