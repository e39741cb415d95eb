"""How much of a measured deviation from the plan is believed, and what level nodes share."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure

Reals: TypeAlias = NDArray[np.float64]

UNEXPECTED_STDS = 5.0
"""Deviation from the plan beyond which a node's path, or the receiver's gain, has changed."""

LEVEL_LIMIT_DB = 3.0
"""A node received so much louder or weaker than planned is not counted but refused."""

COMMON_LEVEL_LIMIT = 2.0
"""Largest step of the receiver's gain, in amplitude, that is corrected."""


def credible(off: float, known: float, noise: float) -> float:
    """Return a deviation as far as it is credible: all of it where the plan cannot explain it.

    Args:
        off: Measured deviation from the plan.
        known: Variance that the plan expects of it.
        noise: Variance of the measurement.
    """
    return float(believed(np.array(off), np.array(noise), np.array(known))[0])


def believed(off: Reals, noise: Reals, known: Reals) -> tuple[Reals, Reals]:
    """Return mean and variance of deviations of which plan and measurement both know.

    The plan's variance is one of a Gaussian until the deviation is one that it cannot explain; then
    the path has changed, and the measurement alone is believed.

    Args:
        off: Measured deviations from the plan.
        noise: Variances of the measurements.
        known: Variances that the plan expects.
    """
    total = np.maximum(known + noise, 1e-30)
    changed = off**2 > UNEXPECTED_STDS**2 * (known + noise)
    mean = np.where(changed, off, off * known / total)
    return mean, np.where(changed, noise, known * noise / total)


@dataclass(frozen=True)
class ShownLevel:
    """What the pilots of a round show of the level that all nodes have in common.

    Attributes:
        level: Amplitude over the expected one.
        variance: Of that: noise, and what the nodes' paths may be off.
    """

    level: float
    variance: float


def common_level(
    levels: Reals, share: Reals, noise: Reals, known: Reals
) -> tuple[float, ShownLevel | None]:
    """Return the level that all nodes have in common, over the plan's, and the one measured.

    As far as the plan's own spread makes it credible, so that noise of the pilots does not enter
    a sum that was as planned; wholly where the plan cannot explain it: a gain has stepped, and what
    was measured tells nothing of other rounds: None.

    Args:
        levels: Of the nodes over the plan's, shape ``(n_groups,)``.
        share: Of the nodes, that each level is of; they add up to 1.
        noise: Variances of the measurements.
        known: Variances that the plan expects.

    Raises:
        Erasure: ``gain-changed`` where it is too far off to be a step of the receiver's gain.
    """
    off = float(share @ levels) - 1
    of_paths, of_noise = float(share**2 @ known), float(share**2 @ noise)
    likely = credible(off, of_paths, of_noise)
    if likely != off:
        return 1 + likely, ShownLevel(1 + off, of_paths + of_noise)
    off = float(np.median(levels)) - 1  # one node that has changed does not pass for all
    if not 1 / COMMON_LEVEL_LIMIT < 1 + off < COMMON_LEVEL_LIMIT:
        raise Erasure(
            "gain-changed",
            f"all nodes together arrived with {max(1 + off, 0.0):.2f} of the planned amplitude "
            f"(limits {1 / COMMON_LEVEL_LIMIT:g} and {COMMON_LEVEL_LIMIT:g})",
        )
    return 1 + off, None
