"""Channel inversion: every node arrives with the same amplitude and phase.

Node k multiplies its symbol by ``precoder_k = rx_amplitude / gain_k``, so that
the receiver meets ``rx_amplitude * symbol`` from everybody and the air adds the
symbols. The weakest node that takes part decides how loud all others may be
received; a node far weaker than the rest is left out instead (truncation).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import ChannelEstimate
from sdr_ota.units import amplitude_to_db

# Below this ratio of |gain| to its standard deviation the sounding slot held
# noise: its phase is off by more than a third of a radian.
LEAST_GAIN_TO_STD = 3.0

# Keeps |rx_amplitude / gain| at or below its limit in floating point.
ROUNDING_MARGIN = 1.0 - 4.0 * float(np.finfo(np.float64).eps)


class NoNodeFoundError(RuntimeError):
    """No node's sounding rose above the noise, so nobody can be inverted."""


@dataclass(frozen=True, slots=True)
class Inversion:
    """What channel inversion asks of every node, in node order.

    Attributes:
        precoders: ``rx_amplitude / gain_k``, complex, shape ``(n_nodes,)``;
            zero for a node that is left out.
        active: Whether the node sends, shape ``(n_nodes,)``.
        received: Whether its sounding rose above the noise, shape ``(n_nodes,)``.
        shortfall_db: How far the node's largest received amplitude lies below
            the median of the nodes received, in dB (negative: above), shape ``(n_nodes,)``.
        rx_amplitude: Amplitude of a symbol of 1 at the receiver, common to all.
    """

    precoders: NDArray[np.complex128]
    active: NDArray[np.bool_]
    received: NDArray[np.bool_]
    shortfall_db: NDArray[np.float64]
    rx_amplitude: float

    def truncated(self, names: Sequence[str]) -> tuple[str, ...]:
        """Say for every node left out who it is and why, one sentence each.

        Args:
            names: Name of every node, in node order.
        """
        return tuple(
            self._reason(node, name) for node, name in enumerate(names) if not self.active[node]
        )

    def _reason(self, node: int, name: str) -> str:
        if not self.received[node]:
            return f"{name} was not received"
        return f"{name} reaches {self.shortfall_db[node]:.1f} dB less than the median node"


def invert_channels(
    estimates: Sequence[ChannelEstimate],
    peak_amplitude: float | Sequence[float],
    truncation_db: float,
    max_rx_amplitude: float = math.inf,
) -> Inversion:
    r"""Choose the loudest common ``rx_amplitude`` that all nodes kept can reach.

    Node k reaches at most $r_k = a_k |h_k|$. Nodes not received, and nodes whose
    $r_k$ lies more than ``truncation_db`` below the median of those received, are
    left out; then $c = \min_k r_k$ over the rest and $\alpha_k = c / h_k$, so
    $|\alpha_k| \le a_k$. The median, unlike the strongest node, does not move
    when one radio stands next to the receiver.

    Args:
        estimates: One per node, in node order.
        peak_amplitude: Limit $a_k$ of $|\alpha_k|$, one for all or one per node,
            positive, full scale 1.0.
        truncation_db: Largest shortfall against the median node, in dB, not
            negative; ``inf`` keeps every node that is received.
        max_rx_amplitude: Ceiling of ``rx_amplitude``, for the converter's
            headroom or a privacy schedule.

    Raises:
        ValueError: If a limit or threshold is out of range.
        NoNodeFoundError: If no sounding rose above its noise.
    """
    gains = np.array([estimate.gain for estimate in estimates], dtype=np.complex128)
    limits = _node_limits(peak_amplitude, len(gains))
    _check_thresholds(truncation_db, max_rx_amplitude)
    received = _received_nodes(estimates)
    reach = np.where(received, limits * np.abs(gains), 0.0)
    shortfall_db = _shortfall_db(reach, received)
    active = received & (shortfall_db <= truncation_db)
    rx_amplitude = float(min(reach[active].min() * ROUNDING_MARGIN, max_rx_amplitude))
    precoders = np.zeros_like(gains)
    precoders[active] = rx_amplitude / gains[active]
    return Inversion(precoders, active, received, shortfall_db, rx_amplitude)


def _node_limits(peak_amplitude: float | Sequence[float], n_nodes: int) -> NDArray[np.float64]:
    limits = np.asarray(peak_amplitude, dtype=np.float64)
    if limits.ndim == 1 and len(limits) != n_nodes:
        raise ValueError(
            f"{len(limits)} values of peak_amplitude for {n_nodes} nodes; give one each"
        )
    if not np.all((limits > 0) & np.isfinite(limits)):
        raise ValueError(f"peak_amplitude = {peak_amplitude} must be positive and finite")
    return np.broadcast_to(limits, (n_nodes,))


def _check_thresholds(truncation_db: float, max_rx_amplitude: float) -> None:
    if not truncation_db >= 0:
        raise ValueError(f"truncation_db = {truncation_db} must be zero or more")
    if not max_rx_amplitude > 0:
        raise ValueError(f"max_rx_amplitude = {max_rx_amplitude} must be positive")


def is_received(estimate: ChannelEstimate) -> bool:
    """Return whether a sounding rose above the noise."""
    level = abs(estimate.gain)
    return bool(np.isfinite(level) and level > LEAST_GAIN_TO_STD * estimate.gain_std)


def _received_nodes(estimates: Sequence[ChannelEstimate]) -> NDArray[np.bool_]:
    received = np.array([is_received(estimate) for estimate in estimates], dtype=np.bool_)
    if not received.any():
        raise NoNodeFoundError(
            f"none of {len(received)} nodes was found: no gain above {LEAST_GAIN_TO_STD:g} times "
            "its standard deviation; check antennas and gains, or repeat the sounding"
        )
    return received


def _shortfall_db(reach: NDArray[np.float64], received: NDArray[np.bool_]) -> NDArray[np.float64]:
    median = float(np.median(reach[received]))
    # The rounding keeps equal nodes equal: a shortfall of 1e-15 dB is none.
    shortfalls = [-round(amplitude_to_db(float(value) / median), 9) for value in reach]
    return np.array(shortfalls, dtype=np.float64)
