r"""Before a run: how much noise each round's mean scalar will carry, and who vouches for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ota_calibration.privacy.promise import Promise
from ota_calibration.privacy.round_levels import BudgetSchedule, planned_levels
from ota_calibration.privacy.trust import TrustModel


@dataclass(frozen=True, slots=True)
class NoiseForecast:
    """Noise of every round, in units of the scalar, shape ``(n_rounds,)`` each.

    It is infinite in a round that is not sent.

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
    promise: Promise, schedule: BudgetSchedule, n_clients: int, receiver_noise_std: float
) -> NoiseForecast:
    """Return the noise of a run in which all clients add noise and send in every round.

    Args:
        promise: What the run promises.
        schedule: ``online`` is forecast as ``solution``.
        n_clients: $K$.
        receiver_noise_std: Expected receiver noise on the sum at full power, in units of the
            scalar.
    """
    total = _protecting_noise(promise, schedule, receiver_noise_std)
    receiver = np.full(promise.n_rounds, receiver_noise_std)
    if promise.trust is TrustModel.LOCAL:
        return NoiseForecast(total, receiver, n_clients)
    trusted = receiver if promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED else 0.0
    added = np.sqrt(np.maximum(total**2 - np.square(trusted), 0.0) / n_clients)
    return NoiseForecast(added, receiver, n_clients)


def forecast_softness(
    promise: Promise, schedule: BudgetSchedule, n_clients: int, receiver_noise_std: float
) -> NoiseForecast:
    """Return the noise of a run in which the receiver's alone protects: clients speak softly.

    Arguments as of :func:`forecast_noise`.
    """
    total = _protecting_noise(promise, schedule, receiver_noise_std)
    return NoiseForecast(np.zeros(promise.n_rounds), total, n_clients)


def _protecting_noise(
    promise: Promise, schedule: BudgetSchedule, receiver_noise_std: float
) -> NDArray[np.float64]:
    """Return the noise that the trust model asks for; more where power allows no less."""
    max_peak_snr = np.inf
    if promise.trust is TrustModel.CHANNEL_NOISE_TRUSTED and receiver_noise_std > 0:
        max_peak_snr = (promise.scalar_limit / receiver_noise_std) ** 2
    levels = planned_levels(schedule, promise, max_peak_snr)
    with np.errstate(divide="ignore"):
        noise: NDArray[np.float64] = promise.scalar_limit / np.sqrt(levels)
    return noise
