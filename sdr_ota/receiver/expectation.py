"""What a plan lets one expect of the nodes that send, and of the codes that they send."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips

Reals: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Expectation:
    """What the plan lets one expect of the nodes that send, one entry a node.

    Attributes:
        nodes: Their places on the bench.
        rx_amplitude: Chip amplitude of a symbol of 1.
        phase_variances_rad2: Of their phases against each other.
        level_variances: Of their relative amplitudes.
        turn_variances_rad2: Of how far each phase may move from one node pilot to the other.
        delay_std_chips: Of an arrival against the receiver's sampling.
        cfo_variance: Of the lead node's residual offset, in (cycles per sample)^2.
        noise_power: Of a chip when the nodes were sounded; ``inf`` where nobody knows.
        by_symbol: What is expected at each symbol: errors grow from the first to the last. Empty
            where it is the same at all.
    """

    nodes: tuple[int, ...]
    rx_amplitude: float
    phase_variances_rad2: Reals
    level_variances: Reals
    turn_variances_rad2: Reals
    delay_std_chips: float
    cfo_variance: float
    noise_power: float = math.inf
    by_symbol: tuple["Expectation", ...] = ()

    def at(self, symbol: int) -> "Expectation":
        """Return what is expected at a symbol of the payload."""
        return self.by_symbol[symbol] if self.by_symbol else self


@dataclass(frozen=True)
class CodeGroups:
    """The codes in use: each belongs to a node, or to some where there are more nodes than codes.

    Attributes:
        codes: Shape ``(2, n_groups, n_chips)``.
        counts: Nodes of each.
        of_node: Group of each node that sends.
        names: Of the nodes of each, for messages.
        level_variances: Of the mean level of each.
        phase_variances: Of the mean phase of each.
        turn_variances: Of how it may move.
        unseen_variances: Of each node's level and phase about its group's; 0 for a node alone.
    """

    codes: Chips
    counts: Reals
    of_node: NDArray[np.intp]
    names: tuple[str, ...]
    level_variances: Reals
    phase_variances: Reals
    turn_variances: Reals
    unseen_variances: tuple[Reals, Reals]

    @property
    def share(self) -> Reals:
        """Share of the nodes that each has."""
        return np.asarray(self.counts / self.counts.sum())

    @classmethod
    def of(cls, expected: Expectation, frame: FrameFormat, seed: int) -> "CodeGroups":
        """Return the codes of the nodes of which something is expected, in the round of a seed."""
        codes = frame.node_codes(seed)
        places = np.array(expected.nodes) % codes.shape[1]
        used, of_node = np.unique(places, return_inverse=True)
        counts = np.bincount(of_node).astype(np.float64)
        names = tuple(
            " and ".join(f"node {n}" for n in np.array(expected.nodes)[of_node == group])
            for group in range(len(used))
        )
        level, phase, turn = (
            np.bincount(of_node, values) / counts**2
            for values in (
                expected.level_variances,
                expected.phase_variances_rad2,
                expected.turn_variances_rad2,
            )
        )
        unseen_level, unseen_phase = (
            np.maximum(each - mean[of_node], 0.0)
            for each, mean in (
                (expected.level_variances, level),
                (expected.phase_variances_rad2, phase),
            )
        )
        unseen = (unseen_level, unseen_phase)
        return cls(codes[:, used], counts, of_node, names, level, phase, turn, unseen)
