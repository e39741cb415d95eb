"""What the node pilots before and behind a payload say of gains at any place between them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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
    """

    gains: Chips
    variances: Reals
    delays_chips: Reals
    delay_variances: Reals
    distortion_variance: float
    place: float = 0.5
    width: float = 1.0

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
