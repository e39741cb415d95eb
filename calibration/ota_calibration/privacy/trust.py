r"""Which noise may protect: three named trust models, from scalars to $\mu$ per round.

All stand for what an adversary learns about one client's data from the received
signal; each line trusts less than the one above it.

=========================  =====================================================
``channel-noise-trusted``  The adversary sees the sum through this receiver's own
                           noise: clients' noise and receiver noise protect.
``server-sees-sum``        The adversary sees the sum without receiver noise: the
                           noise of all clients that send protects, and all
                           clients are trusted to add theirs.
``local``                  The adversary sees each client alone: only that
                           client's own noise protects.
=========================  =====================================================

A server that keeps the raw samples may tell nodes apart by their carrier offset
or delay; then only ``local`` holds. Interference and quantisation protect in no
model. Thermal noise enters by a lower confidence bound
(:mod:`ota_calibration.privacy.noise_bound`), amplitudes by an upper one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sdr_ota.units import real_noise_variance


class TrustModel(StrEnum):
    """What the adversary is trusted not to see; see the module's table."""

    CHANNEL_NOISE_TRUSTED = "channel-noise-trusted"
    SERVER_SEES_SUM = "server-sees-sum"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Protection:
    """All Gaussian noise on one round's sum, in units of the scalar.

    Attributes:
        client_noise_std: What each client that sends added itself.
        receiver_noise_std: What the receiver is sure to add, as of
            :func:`receiver_noise_std`; 0 if it is not known.
    """

    client_noise_std: tuple[float, ...]
    receiver_noise_std: float = 0.0


def round_mu(trust: TrustModel, sensitivity: float, protection: Protection) -> float:
    r"""Return $\mu_t = \Delta / \sigma$ of the client that is protected least.

    Args:
        trust: Decides which noise enters $\sigma$.
        sensitivity: $\Delta$, as of :func:`ota_calibration.privacy.adjacency.sensitivity`.
        protection: The noise of the round.

    Returns:
        ``inf`` if nothing protects; 0 in a round in which nobody sends.

    >>> round_mu(TrustModel.LOCAL, 2.0, Protection((4.0, 5.0)))
    0.5
    """
    if not protection.client_noise_std:
        return 0.0
    std = _protecting_std(trust, protection)
    return sensitivity / std if std > 0 else float(np.inf)


def receiver_noise_std(
    noise_power_bound: float,
    rx_amplitude: float,
    scalar_limit: float,
    n_chips: int = 1,
    gain_error: float = 0.0,
) -> float:
    r"""Return the receiver noise on the sum of a coherent scheme, in units of the scalar.

    $\gamma \sqrt{\sigma_r^2 / M} / (c (1 + \delta))$ with $\sigma_r^2$ half the noise
    power. Averaging chips lowers it: spreading a symbol costs the privacy of
    its whole received energy.

    Args:
        noise_power_bound: Lower confidence bound of the total noise power of one
            complex chip, linear.
        rx_amplitude: $c$, amplitude of a symbol of 1 at the receiver.
        scalar_limit: $\gamma$, the scalar that is sent as a symbol of 1.
        n_chips: $M$.
        gain_error: $\delta$, the most by which a node may be louder than planned.
    """
    loudest = rx_amplitude * (1.0 + gain_error)
    return float(scalar_limit * np.sqrt(real_noise_variance(noise_power_bound) / n_chips) / loudest)


def _protecting_std(trust: TrustModel, protection: Protection) -> float:
    clients: Sequence[float] = protection.client_noise_std
    if trust is TrustModel.LOCAL:
        return min(clients)
    receiver = protection.receiver_noise_std if trust is TrustModel.CHANNEL_NOISE_TRUSTED else 0.0
    return float(np.linalg.norm([*clients, receiver]))
