r"""Two ways to reach the same received peak SNR: less power, or noise that clients add.

Only the noise variance of the received sum in units of the scalar limit,
$u_t = K \sigma_t^2 + \sigma_r^2 / (M c_t^2) = 1 / q_t$, enters learning and
privacy. The minimum-power solution takes $\sigma = 0$ and speaks softly, so the
receiver's noise protects. Noise injection speaks as loud as it may and lets
every client add Gaussian noise: same sum, same cost, but the radio works at
high SNR and the noise is known.

Noise here is per symbol (a scalar at its limit is a symbol of 1):
``client_noise_std = symbol_noise_std * scalar_limit``.

References:
    arXiv 2604.12401v1, Theorem 3 and the remark that its optimum is not unique.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.privacy.peak_snr import rx_amplitude_for
from sdr_ota.units import real_noise_variance


@dataclass(frozen=True, slots=True)
class Allocation:
    """Loudness and noise of every round, each of shape ``(n_rounds,)``.

    A round with peak SNR 0 is silent: ``rx_amplitude`` 0, noise infinite.

    Attributes:
        rx_amplitude: Amplitude of a symbol of 1 at the receiver.
        symbol_noise_std: Standard deviation that each client adds to its symbol.
    """

    rx_amplitude: NDArray[np.float64]
    symbol_noise_std: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReceivedSum:
    """What decides the noise of a received sum, apart from power.

    Attributes:
        n_clients: Clients that send in the round and add noise, K.
        noise_power: Total noise power of one complex chip, linear.
        n_chips: Chips averaged for one symbol, M.
    """

    n_clients: int
    noise_power: float
    n_chips: int = 1

    @property
    def symbol_noise_variance(self) -> float:
        """Noise variance in the symbol's real dimension after averaging the chips."""
        return real_noise_variance(self.noise_power) / self.n_chips


def minimum_power(levels: NDArray[np.float64], received_sum: ReceivedSum) -> Allocation:
    """Reach the peak SNR ``levels`` with the receiver's noise alone.

    Args:
        levels: Peak SNR per round, shape ``(n_rounds,)``.
        received_sum: Noise and chips of the sum.
    """
    rx_amplitude = rx_amplitude_for(levels, received_sum.noise_power, received_sum.n_chips)
    silent = np.where(levels > 0, 0.0, np.inf)
    return Allocation(rx_amplitude, silent)


def inject_under_average_power(
    levels: NDArray[np.float64], max_rx_amplitude: NDArray[np.float64], received_sum: ReceivedSum
) -> Allocation:
    r"""Reach the peak SNR ``levels`` at full average power.

    With $\rho = \min_k P |h_k|^2$ and $v$ the sum's symbol noise variance,
    $\sigma^2 = (u - v/\rho) / (K + v/\rho)$ and $c^2 = \rho / (1 + \sigma^2)$.

    Args:
        levels: Peak SNR per round, at most ``max_rx_amplitude ** 2 / v``, shape ``(n_rounds,)``.
        max_rx_amplitude: $\sqrt\rho$ per round: root-mean-square amplitude at which the
            weakest node arrives at full power.
        received_sum: Clients, noise and chips.

    Raises:
        ValueError: If a level needs more power than ``max_rx_amplitude`` allows.
    """
    active = levels > 0
    channel_noise, missing_noise = _noise_terms(levels, max_rx_amplitude, received_sum)
    noise_variance = missing_noise / (received_sum.n_clients + channel_noise)
    return _with_silence(
        active, max_rx_amplitude[active] / np.sqrt(1.0 + noise_variance), noise_variance
    )


def inject_under_peak_limit(
    levels: NDArray[np.float64],
    max_rx_amplitude: NDArray[np.float64],
    received_sum: ReceivedSum,
    headroom: float = 4.0,
) -> Allocation:
    r"""Reach the peak SNR ``levels`` where ``1 + headroom * sigma`` must fit the amplitude.

    $c (1 + \beta \sigma) = r$ turns $u = K \sigma^2 + v / c^2$ into
    $(K + o \beta^2) \sigma^2 + 2 o \beta \sigma + o - u = 0$ with $o = v / r^2$.
    What still passes the limit is clipped after the noise, which costs no privacy.

    Args:
        levels: Peak SNR per round, at most ``max_rx_amplitude ** 2 / v``, shape ``(n_rounds,)``.
        max_rx_amplitude: $r$ per round: amplitude at which the weakest node arrives at its peak.
        received_sum: Clients, noise and chips.
        headroom: $\beta$, standard deviations of noise that fit beside a symbol of 1.

    Raises:
        ValueError: If a level needs more amplitude than ``max_rx_amplitude`` allows.
    """
    active = levels > 0
    channel_noise, missing_noise = _noise_terms(levels, max_rx_amplitude, received_sum)
    square = received_sum.n_clients + channel_noise * headroom**2
    half_linear = channel_noise * headroom
    # The root in the form that does not cancel when little noise is missing; 0/0 is 0 here.
    root = half_linear + np.sqrt(half_linear**2 + square * missing_noise)
    noise_std = np.divide(missing_noise, root, out=np.zeros_like(root), where=root > 0)
    return _with_silence(
        active, max_rx_amplitude[active] / (1.0 + headroom * noise_std), noise_std**2
    )


def _noise_terms(
    levels: NDArray[np.float64], max_rx_amplitude: NDArray[np.float64], received_sum: ReceivedSum
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the channel's noise at full power and the noise that clients must add to it.

    Both as variances of the sum in units of a symbol, for the rounds that are not silent.

    Raises:
        ValueError: If a level needs more power than the weakest node has.
    """
    channel_noise = received_sum.symbol_noise_variance / max_rx_amplitude[levels > 0] ** 2
    missing_noise = 1.0 / levels[levels > 0] - channel_noise
    # A schedule capped by max_peak_snr meets the limit up to rounding.
    too_loud = np.flatnonzero(missing_noise < -1e-9 * channel_noise)
    if too_loud.size:
        first = int(np.flatnonzero(levels > 0)[too_loud[0]])
        raise ValueError(
            f"round {first} asks for peak SNR {levels[first]:.4g}, but the weakest node reaches "
            f"{1.0 / channel_noise[too_loud[0]]:.4g}; cap the schedule with max_peak_snr"
        )
    return channel_noise, np.maximum(missing_noise, 0.0)


def _with_silence(
    active: NDArray[np.bool_],
    rx_amplitude: NDArray[np.float64],
    noise_variance: NDArray[np.float64],
) -> Allocation:
    loudness = np.zeros(active.shape)
    noise_std = np.full(active.shape, np.inf)
    loudness[active] = rx_amplitude
    noise_std[active] = np.sqrt(noise_variance)
    return Allocation(loudness, noise_std)
