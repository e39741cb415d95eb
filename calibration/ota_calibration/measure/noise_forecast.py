r"""Before a run: how much noise each round's mean scalar will carry, and who vouches for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import ScheduleName, planned_levels
from ota_calibration.privacy.trust import TrustModel


@dataclass(frozen=True, slots=True)
class NoiseForecast:
    """Noise of every round, in units of the scalar, shape ``(n_rounds,)`` each.

    Attributes:
        client_noise_std: What each client adds.
        receiver_noise_std: What the receiver is expected to add to the sum.
        n_clients: Clients that send.
    """

    client_noise_std: NDArray[np.float64]
    receiver_noise_std: NDArray[np.float64]
    n_clients: int

    def mean_noise_std(self) -> NDArray[np.float64]:
        """Return the noise of the mean scalar that is broadcast."""
        return self.protecting_std(TrustModel.CHANNEL_NOISE_TRUSTED) / self.n_clients

    def protecting_std(self, trust: TrustModel) -> NDArray[np.float64]:
        """Return the noise on the sum that counts as protection under ``trust``."""
        if trust is TrustModel.LOCAL:
            return self.client_noise_std
        clients: NDArray[np.float64] = np.sqrt(self.n_clients) * self.client_noise_std
        if trust is TrustModel.SERVER_SEES_SUM:
            return clients
        total: NDArray[np.float64] = np.hypot(clients, self.receiver_noise_std)
        return total


def forecast_noise(
    promise: Promise,
    schedule: ScheduleName,
    contraction: float,
    n_clients: int,
    receiver_noise_std: float,
) -> NoiseForecast:
    """Return the noise of a run in which all clients send in every round.

    Args:
        promise: What the run promises.
        schedule: ``online`` is forecast as ``solution``, ``full-power`` not at all.
        contraction: $A$, in (0, 1].
        n_clients: $K$.
        receiver_noise_std: Expected receiver noise on the sum, in units of the scalar.
    """
    total = promise.scalar_limit / np.sqrt(planned_levels(schedule, promise, contraction))
    receiver = np.full(promise.n_rounds, receiver_noise_std)
    if promise.trust is TrustModel.LOCAL:
        return NoiseForecast(total, receiver, n_clients)
    trusted = receiver if promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED else 0.0
    added = np.sqrt(np.maximum(total**2 - np.square(trusted), 0.0) / n_clients)
    return NoiseForecast(added, receiver, n_clients)
