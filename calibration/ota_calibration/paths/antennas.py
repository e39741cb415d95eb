r"""The paths from each node to several receive antennas as one path.

Where phases do not matter, the powers at all antennas count: node k's path has the gain
$|h_k| = \sqrt{\sum_m |h_{mk}|^2}$. Where they do, the receiver adds its antennas by one vector w of
length 1 for all nodes at once, and node k's path has the gain $w^H h_k$. One vector cannot point to
several nodes: it is chosen so that the weakest gain is large (`common_weights`), and with nodes
whose phases are independent that is little more than the best antenna for the weakest node.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ota_calibration.paths.tracker import PathForecast
from sdr_ota.schemes import overlaps_of
from sdr_ota.types import ChannelEstimate
from sdr_ota.units import db_to_amplitude

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]
_Number = TypeVar("_Number", bound=np.generic)

N_STEPS = 30
"""Of the search from each start; more make the weakest gain less than 1 % larger."""


@dataclass(frozen=True)
class AntennaForecast:
    """What is expected of the paths to one antenna.

    Attributes:
        paths: One a node.
        waits_s: From each node's sounding to the payload, shape ``(n_nodes,)``.
    """

    paths: PathForecast
    waits_s: Reals

    @property
    def at_payload(self) -> Complexes:
        """Gains expected at the payload; 0 for a node that was not received here."""
        gains = [
            0j if e is None else e.gain * np.exp(2j * np.pi * e.cfo_hz * wait_s)
            for e, wait_s in zip(self.paths.estimates, self.waits_s, strict=True)
        ]
        return np.array(gains, np.complex128)


@dataclass(frozen=True)
class JointForecast:
    """What is expected of the paths to all antennas together.

    Attributes:
        paths: One a node.
        waits_s: As `AntennaForecast`.
        weights: By whose conjugates the antennas are added; empty where powers are.
        overlap: Mean of those of any two nodes, where powers are added; 1 with one antenna.
        n_antennas: Whose powers are added; 1 where there is one after the weights.
    """

    paths: PathForecast
    waits_s: Reals
    weights: Complexes
    overlap: float = 1.0
    n_antennas: int = 1


def powers_forecast(antennas: Sequence[AntennaForecast]) -> JointForecast:
    """Return paths whose gains are roots of the powers at all antennas.

    Errors of level at the antennas are taken for independent; offset, delay and phase are those of
    the antenna at which a node is received best.

    Args:
        antennas: At least one.
    """
    none = np.zeros(0, np.complex128)
    if len(antennas) == 1:
        return JointForecast(antennas[0].paths, antennas[0].waits_s, none)
    gains = np.stack([one.at_payload for one in antennas])
    lengths = np.linalg.norm(gains, axis=0)
    share = np.abs(gains) ** 2 / np.maximum(lengths, 1e-30) ** 2
    best = _Best(antennas, np.argmax(share, axis=0))
    level, walk = (
        np.sum(share**2 * np.stack([getattr(one.paths, name) for one in antennas]), axis=0)
        for name in ("level_variance", "level_walk_per_s")
    )
    n_nodes = len(lengths)
    others = overlaps_of(gains)[~np.eye(n_nodes, dtype=bool)]
    return JointForecast(
        replace(
            best.paths,
            estimates=best.estimates(lengths / np.maximum(np.abs(best.of(gains)), 1e-30)),
            level_variance=level,
            level_walk_per_s=walk,
        ),
        best.of(np.stack([one.waits_s for one in antennas])),
        none,
        float(others.mean()) if len(others) else 1.0,
        len(antennas),
    )


def weighted_forecast(antennas: Sequence[AntennaForecast], truncation_db: float) -> JointForecast:
    """Return the paths to the sum of the antennas, by weights that suit the weakest node.

    Args:
        antennas: At least one.
        truncation_db: Nodes this much weaker than the median have no say.
    """
    if len(antennas) == 1:
        return powers_forecast(antennas)
    gains = np.stack([one.at_payload for one in antennas])
    lengths = np.linalg.norm(gains, axis=0)
    received = lengths > 0
    least = np.median(lengths[received]) / db_to_amplitude(truncation_db) if any(received) else 0.0
    weights = common_weights(gains[:, received & (lengths >= least)])
    parts = weights.conj()[:, None] * gains
    joint = parts.sum(axis=0)
    best = _Best(antennas, np.argmax(np.abs(parts), axis=0))
    # Errors that do not depend on each other weigh the more the more the parts cancel.
    cancelled = np.sum(np.abs(parts) ** 2, axis=0) / np.maximum(np.abs(joint), 1e-30) ** 2
    growth = np.maximum(cancelled, 1.0)
    alone = best.of(gains)
    ratios = np.divide(joint, alone, out=np.ones_like(joint), where=alone != 0)
    return JointForecast(
        replace(
            best.paths,
            estimates=best.estimates(ratios),
            phase_variance_rad2=growth * best.paths.phase_variance_rad2,
            level_variance=growth * best.paths.level_variance,
            level_walk_per_s=growth * best.paths.level_walk_per_s,
        ),
        best.of(np.stack([one.waits_s for one in antennas])),
        weights,
    )


def common_weights(gains: Complexes) -> Complexes:
    r"""Return a vector w of length 1 for which the smallest $|w^H h_k|$ is large.

    The largest is hard to find (multicast beamforming; Sidiropoulos, Davidson and Luo, IEEE Trans.
    Signal Process. 54(6), 2006). Here the search begins at every antenna alone and at every node's
    own path, turns to the main direction of the paths weighted by what each lacks, and keeps the
    best: it is never worse than the best antenna.

    Args:
        gains: Of nodes that are to be received, shape ``(n_antennas, n_nodes)``.
    """
    n_antennas, n_nodes = gains.shape
    if n_nodes == 0:
        return np.asarray(np.eye(n_antennas, dtype=np.complex128)[0])
    own = gains / np.maximum(np.linalg.norm(gains, axis=0), 1e-30)
    best: Complexes = np.eye(n_antennas, dtype=np.complex128)[0]
    least = -1.0
    for start in (*np.eye(n_antennas, dtype=np.complex128), *own.T):
        weights, says = start, np.full(n_nodes, 1 / n_nodes)
        for _ in range(N_STEPS):
            reach = np.abs(weights.conj() @ gains)
            if reach.min() > least:
                best, least = weights, float(reach.min())
            says = says / np.maximum(reach, 1e-3 * reach.max() + 1e-30)
            says = says / says.sum()
            weights = np.linalg.eigh((gains * says) @ gains.conj().T)[1][:, -1]
    return np.asarray(best)


@dataclass(frozen=True)
class _Best:
    """At which antenna each node is received best, and what is known of it there."""

    antennas: Sequence[AntennaForecast]
    where: NDArray[np.intp]

    def of(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Return values of shape ``(n_antennas, n_nodes)`` where each node is received best."""
        there: NDArray[_Number] = np.take_along_axis(values, self.where[np.newaxis], axis=0)[0]
        return there

    @property
    def paths(self) -> PathForecast:
        """The paths there."""
        every = [one.paths for one in self.antennas]
        arrays = {
            name: np.asarray(self.of(np.stack([getattr(paths, name) for paths in every])), float)
            for name in _ARRAYS
        }
        loss = min(paths.loss_probability for paths in every)
        return replace(every[0], estimates=self._estimates, loss_probability=loss, **arrays)

    @property
    def _estimates(self) -> tuple[ChannelEstimate | None, ...]:
        return tuple(
            self.antennas[antenna].paths.estimates[node] for node, antenna in enumerate(self.where)
        )

    def estimates(self, ratios: NDArray[Any]) -> tuple[ChannelEstimate | None, ...]:
        """Return the estimates there with gains that are so many times theirs."""
        return tuple(
            estimate and replace(estimate, gain=complex(estimate.gain * ratio))
            for estimate, ratio in zip(self._estimates, ratios, strict=True)
        )


_ARRAYS = (
    "phase_variance_rad2",
    "cfo_variance_hz2",
    "phase_walk_rad2_per_s",
    "level_variance",
    "level_walk_per_s",
    "delay_variance_s2",
    "start_variance_s2",
)
"""Of a `PathForecast`, one value a node."""
