"""A payload with privacy noise: clip, add noise, then what any payload does."""

from dataclasses import dataclass, field

import numpy as np

from ota_calibration.privacy.noise import NormalSource, SystemNoise, add_privacy_noise
from sdr_ota.signal.modulation import Payload


@dataclass(frozen=True, slots=True)
class NoisyPayload:
    """A scalar clipped and hidden in Gaussian noise before anything else is done with it.

    What follows (scaling, clipping to the radio's range, taking the sign, sending)
    is post-processing and costs no privacy.

    Attributes:
        inner: Makes a symbol of the noisy scalar.
        scalar_limit: Clip of the scalar before the noise, positive.
        client_noise_std: Standard deviation of the noise, in units of the scalar.
        source: For tests only; in a run the operating system's entropy.
    """

    inner: Payload
    scalar_limit: float
    client_noise_std: float
    source: NormalSource = field(default_factory=SystemNoise)

    def symbol(self, scalar: float) -> float:
        """Return the symbol in [-1, 1] of the clipped and noisy scalar."""
        clipped = float(np.clip(scalar, -self.scalar_limit, self.scalar_limit))
        return self.inner.symbol(add_privacy_noise(clipped, self.client_noise_std, self.source))

    def mean_scalar(self, symbol_sum: float, n_active: int) -> float:
        """Return what is broadcast for a decoded sum, noise included."""
        return self.inner.mean_scalar(symbol_sum, n_active)
