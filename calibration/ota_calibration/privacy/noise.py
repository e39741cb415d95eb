r"""Gaussian noise for privacy, exact to the last bit, from the operating system's entropy.

The experiment's seed stands in the run record, so noise made from it could be
subtracted by anyone who reads that record. This noise cannot be repeated.

A floating-point Gaussian added to a floating-point number has gaps, and the last bits of the sum
tell what the number was (Mironov). So the scalar is rounded to a multiple of a step that follows
from the noise alone, and whole steps of noise are added, in integers. Whatever the scalar is, the
sum may be any multiple of the step. Only the sum becomes a floating-point number again.

Accounts of Gaussian noise hold for it. The law of a discrete Gaussian of $\sigma$ steps and that
of a Gaussian rounded to whole steps differ by $1 / (49 \sigma^2)$ in total variation for all but
the smallest $\sigma$ (both chances of $n$ expanded around it); here $\sigma \ge 2^{48}$, and the
difference below $2^{-100}$ a number. Rounding a Gaussian is post-processing. A sum of several
discrete Gaussians is as close to one (Kairouz, Liu and Steinke). That two scalars are rounded
first moves them apart by one step at most, and floating-point sums err in their last bits: for
both the noise is made stronger by $2^{-20}$ of itself, which is enough where a burst of 256
numbers moves by more than $2^{-24}$ of the noise between neighbouring data.

References:
    Mironov, "On Significance of the Least Significant Bits For Differential Privacy", CCS 2012.
    Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020
    (arXiv 2004.00010).
    Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning
    with Secure Aggregation", ICML 2021 (arXiv 2102.06387).
"""

import math
from secrets import SystemRandom
from typing import Protocol

from ota_calibration.privacy.discrete_gaussian import discrete_gaussian

STEP_BITS = 48
"""The noise is between 2^48 and 2^49 steps strong."""

MARGIN_BITS = 20
"""Its standard deviation is larger than asked for by one part in 2^20."""


class NoiseSource(Protocol):
    """Anything that draws discrete Gaussians."""

    def discrete_gaussian(self, std: int) -> int:
        """Return an integer n with a chance proportional to exp(-n^2 / (2 std^2))."""
        ...


class SystemNoise:
    """Discrete Gaussians from the operating system's entropy; keeps no state."""

    _entropy = SystemRandom()  # asks the system for every integer

    def discrete_gaussian(self, std: int) -> int:
        """Return an integer from the law, unlike any before."""
        return discrete_gaussian(std, self._entropy)


def step_exponent(client_noise_std: float) -> int:
    """Return of which power of two every noisy scalar is a multiple.

    Args:
        client_noise_std: Standard deviation of the noise, positive.

    >>> step_exponent(1.0), step_exponent(1.9), step_exponent(2.0)
    (-48, -48, -47)
    """
    return math.frexp(client_noise_std)[1] - 1 - STEP_BITS


def add_privacy_noise(
    scalar: float, client_noise_std: float, source: NoiseSource | None = None
) -> float:
    """Return ``scalar`` plus Gaussian noise.

    Clip the scalar before; clipping the result to what the radio can send is
    post-processing and costs no privacy.

    Args:
        scalar: A clipped scalar.
        client_noise_std: Standard deviation of the noise, in units of the scalar; 0 adds none.
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
    if client_noise_std == 0:
        return scalar
    exponent = step_exponent(client_noise_std)
    std_steps = math.ceil(math.ldexp(client_noise_std, -exponent))
    std_steps += std_steps >> MARGIN_BITS
    noise_steps = (source or SystemNoise()).discrete_gaussian(std_steps)
    return _of_steps(_in_steps(scalar, exponent) + noise_steps, exponent)


def _in_steps(scalar: float, exponent: int) -> int:
    """Return a number in steps of two to the exponent, rounded; no intermediate result is."""
    numerator, denominator = scalar.as_integer_ratio()
    numerator <<= max(-exponent, 0)
    denominator <<= max(exponent, 0)
    return (2 * numerator + denominator) // (2 * denominator)


def _of_steps(n_steps: int, exponent: int) -> float:
    """Return so many steps as the nearest floating-point number."""
    return (n_steps << max(exponent, 0)) / (1 << max(-exponent, 0))
