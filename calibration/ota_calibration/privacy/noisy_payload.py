"""A payload with privacy noise: clip, add noise, then what any payload does."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ota_calibration.privacy.adjacency import clip_norm
from ota_calibration.privacy.noise import NoiseSource, SystemNoise, add_privacy_noise
from sdr_ota.signal.modulation import Payload


@dataclass(frozen=True, slots=True)
class NoisyPayload:
    """The scalars of a burst, clipped and hidden in Gaussian noise before anything else.

    What follows (scaling, clipping to the radio's range, taking the sign, sending)
    is post-processing and costs no privacy.

    Attributes:
        inner: Makes a symbol of a noisy scalar.
        scalar_limit: Clip of the scalars' Euclidean norm before the noise, positive.
        client_noise_std: Standard deviation of the noise on each of them, in units of the scalar.
        source: For tests only; in a run the operating system's entropy.
    """

    inner: Payload
    scalar_limit: float
    client_noise_std: float
    source: NoiseSource = field(default_factory=SystemNoise)

    def symbols(self, scalars: Sequence[float]) -> tuple[float, ...]:
        """Return the symbols in [-1, 1] of the clipped and noisy scalars.

        A scalar that is no number counts as 0: that a run stops would tell of the data.
        """
        known = np.where(np.isnan(scalars), 0.0, scalars)
        clipped = clip_norm(known, self.scalar_limit).tolist()
        return tuple(
            self.inner.symbol(add_privacy_noise(scalar, self.client_noise_std, self.source))
            for scalar in clipped
        )

    def mean_scalar(self, symbol_sum: float, n_active: int) -> float:
        """Return what is broadcast for a decoded sum, noise included."""
        return self.inner.mean_scalar(symbol_sum, n_active)
