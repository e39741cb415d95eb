"""What the node pilots before and behind a payload say of gains at any place between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.types import Chips

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class PilotGains:
    """Node pilots as received, one column a group.

    Attributes:
        gains: Over the planned ones, before and behind the payload, shape ``(2, n_groups)``.
        variances: Of their complex errors.
        delays_chips: Arrivals, shape ``(n_groups,)``.
        delay_variances: Of these.
        distortion_variance: Of gains, relative: what distorts the pilots changes the payload too.
        place: Between the pilots, 0 to 1, at which a gain is asked for.
        width: Of what is averaged there, 0 to 1.
        n_antennas: Whose powers the gains are roots of.
    """

    gains: Chips
    variances: Reals
    delays_chips: Reals
    delay_variances: Reals
    distortion_variance: float
    place: float = 0.5
    width: float = 1.0
    n_antennas: int = 1

    def noise_alone(self, chance: float) -> Reals:
        """Return the power of ``mean`` that noise alone exceeds with a probability of ``chance``.

        Over M antennas a gamma variable of shape M, less the M - 1 noise powers that
        `of_antennas` has taken away.
        """
        excess = float(stats.gamma.isf(chance, self.n_antennas)) - (self.n_antennas - 1)
        return np.asarray(2 * excess * self.part_variances)

    @property
    def mean(self) -> Chips:
        """Gain at the place, on a line from before to behind, shape ``(n_groups,)``."""
        before, behind = self.gains
        return np.asarray((1 - self.place) * before + self.place * behind)

    @property
    def part_variances(self) -> Reals:
        """Variance of the real part of ``mean``, and of the imaginary one."""
        before, behind = self.variances
        return np.asarray(((1 - self.place) ** 2 * before + self.place**2 * behind) / 2)

    @property
    def wander_variances(self) -> Reals:
        """Variance of a gain at the place about that line, relative, by how far it has changed.

        A step at an unknown place between the pilots, and a walk from one to the other, leave the
        share $p (1 - p) - w / 6$ of their square at the place p, averaged over the width w: a
        twelfth for the whole payload. Changes that noise makes pass for no more elsewhere.
        """
        change = np.abs(self.gains[1] - self.gains[0]) ** 2
        share_by_six = max(6 * self.place * (1 - self.place) - self.width, 0.0)
        explained = 3 + np.log(max(2 * share_by_six, 1.0))
        beyond_noise = np.maximum(change - explained * self.variances.sum(axis=0), 0.0)
        return np.asarray(beyond_noise * share_by_six / 6)

    def turned(self, before_rad: float, behind_rad: float) -> "PilotGains":
        """Return pilots turned back by an angle a side."""
        turn = np.exp(-1j * np.array([[before_rad], [behind_rad]]))
        return replace(self, gains=self.gains * turn)

    @classmethod
    def of_antennas(cls, antennas: Sequence["PilotGains"], delay_variance: float) -> "PilotGains":
        """Return what antennas show together where their powers are added.

        A gain is the root of the sum of powers, without what noise adds to it beyond the noise of
        one: the power along the path's own vector. Arrivals are the same at all antennas.

        Args:
            antennas: Each as fitted; arrivals with the same prior about 0.
            delay_variance: Of that prior.
        """
        powers = np.stack([np.abs(one.gains) ** 2 for one in antennas])
        noises = np.stack([one.variances for one in antennas])
        total = powers.sum(axis=0)
        share = powers / np.maximum(total, 1e-30)
        beyond = noises.sum(axis=0) * (1 - 1 / len(antennas))
        mean_share = share.mean(axis=(1, 2))
        precision = np.stack([1 / one.delay_variances for one in antennas])
        arrivals = np.stack([one.delays_chips for one in antennas])
        together = precision.sum(axis=0) - (len(antennas) - 1) / delay_variance
        together = np.maximum(together, precision.max(axis=0))
        return cls(
            gains=np.sqrt(np.maximum(total - beyond, 0.0)) + 0j,
            variances=np.sum(share * noises, axis=0),
            delays_chips=np.sum(precision * arrivals, axis=0) / together,
            delay_variances=1 / together,
            distortion_variance=float(mean_share @ [one.distortion_variance for one in antennas]),
            n_antennas=len(antennas),
        )
