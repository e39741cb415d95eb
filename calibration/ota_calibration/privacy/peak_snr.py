r"""The received peak SNR: the one number in which power and privacy meet.

$q = c^2 M / \sigma_r^2$ for a symbol of 1 (a scalar at its limit) that arrives
with amplitude $c$ on $M$ chips, over noise of variance $\sigma_r^2$ in the real
dimension that the symbol uses. It is $(c\gamma)^2 / N_0$ of arXiv 2604.12401
with its $N_0$ read as the variance of that real dimension. A replaced scalar
moves the received value by $2c$, so a round costs $\mu^2 = 4q$ where the whole
scalar is protected, and $\mu^2 = s^2 q$ in general (:func:`snr_budget`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdr_ota.units import real_noise_variance


def peak_snr(rx_amplitude: float, noise_power: float, n_chips: int = 1) -> float:
    r"""Return $q = M c^2 / \sigma_r^2$.

    Args:
        rx_amplitude: $c$, amplitude of a symbol of 1 at the receiver.
        noise_power: Total noise power of one complex chip, linear, positive.
        n_chips: $M$, the chips that carry the symbol and are averaged.

    >>> peak_snr(0.5, noise_power=0.5, n_chips=8)
    8.0
    """
    return n_chips * rx_amplitude**2 / real_noise_variance(noise_power)


def rx_amplitude_for(
    level: NDArray[np.float64], noise_power: float, n_chips: int = 1
) -> NDArray[np.float64]:
    r"""Return $c = \sqrt{q \sigma_r^2 / M}$, the inverse of :func:`peak_snr`.

    Args:
        level: Peak SNR $q$, any shape, not negative.
        noise_power: Total noise power of one complex chip, linear.
        n_chips: $M$.
    """
    return np.sqrt(level * (real_noise_variance(noise_power) / n_chips))


def max_peak_snr(
    gains: NDArray[np.complex128],
    peak_amplitude: float | Sequence[float],
    noise_power: float,
    n_chips: int = 1,
) -> NDArray[np.float64]:
    r"""Return the peak SNR that the weakest node can reach in every round.

    $q_t^\text{max} = M \min_k (a_k |h_k^{(t)}|)^2 / \sigma_r^2$.

    Args:
        gains: $h_k^{(t)}$, shape ``(n_rounds, n_nodes)``.
        peak_amplitude: $a_k$, one for all nodes or one each.
        noise_power: Total noise power of one complex chip, linear.
        n_chips: $M$.

    Returns:
        Shape ``(n_rounds,)``.
    """
    reach = np.abs(gains) * np.asarray(peak_amplitude, dtype=np.float64)
    weakest: NDArray[np.float64] = reach.min(axis=1)
    return weakest**2 * (n_chips / real_noise_variance(noise_power))


def snr_budget(mu: float, sensitivity: float) -> float:
    r"""Return how much peak SNR a whole run may spend: $\sum_t q_t \le (\mu / s)^2$.

    Args:
        mu: Gaussian-DP parameter of the run, as of
            :func:`ota_calibration.privacy.gaussian_accountant.largest_mu`. The budget of
            arXiv 2604.12401, eq. (16), is $R_{dp} / 2$ and belongs to $s = 2$.
        sensitivity: $s$, the largest change of the symbol under the adjacency:
            2 if all data of a client may be replaced, $2/b$ if one example of a
            batch with divisor $b$ may.

    >>> snr_budget(mu=1.0, sensitivity=2.0)
    0.25
    """
    return (mu / sensitivity) ** 2
