r"""How nodes' gains at the payload differ from planned, and what schemes make of it.

A node that was planned to arrive with a gain of 1 arrives with

$g = e^{j\phi} (m + (x + jy) m / |m|)$

$m$ the gain that is expected, $x$ and $y$ Gaussian errors along and across it, $\phi$ a Gaussian
turn of its oscillator, which may be large. Errors of different nodes are independent; a turn of
the receiver's oscillator, which all nodes share, is `LinkQuality.common_phase_variance_rad2`.
A burst that is lost has a gain of 0.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
NodeValues: TypeAlias = float | tuple[float, ...]
"""One for all nodes, or one for each node that sends."""


def node_values(values: float | Reals) -> NodeValues:
    """Return one number, or one a node, as records keep them."""
    each = np.asarray(values, np.float64)
    return tuple(each.tolist()) if each.ndim else float(each)


@dataclass(frozen=True, slots=True)
class GainErrors:
    """What is known of the gains of the nodes that send, in units of the gain planned.

    Attributes:
        mean: Expected complex gain; 1 is as planned.
        along_variance: Of the gain along its mean: it changes the amplitude.
        across_variance: Of the gain across its mean: it turns the phase and adds power.
        phase_variance_rad2: Of a turn that keeps the amplitude.
        timing_chips: Expected arrival after the receiver's sampling.
        timing_variance_chips2: Of the arrival about it.
        loss_probability: Chance that the burst never leaves, unnoticed.
    """

    mean: complex | tuple[complex, ...] = 1.0
    along_variance: NodeValues = 0.0
    across_variance: NodeValues = 0.0
    phase_variance_rad2: NodeValues = 0.0
    timing_chips: NodeValues = 0.0
    timing_variance_chips2: NodeValues = 0.0
    loss_probability: NodeValues = 0.0

    def amplitudes(self, n_nodes: int) -> Reals:
        """Return the modulus of the expected gains, shape ``(n_nodes,)``."""
        return np.broadcast_to(np.abs(self.mean), (n_nodes,))

    def arrival(self, n_nodes: int) -> Reals:
        """Return how likely each burst leaves, shape ``(n_nodes,)``."""
        return np.broadcast_to(1.0 - np.asarray(self.loss_probability), (n_nodes,))

    def timing(self, n_nodes: int) -> tuple[Reals, Reals]:
        """Return mean and variance of each arrival, in chips, shape ``(n_nodes,)`` each."""
        mean = np.broadcast_to(self.timing_chips, (n_nodes,))
        return mean, np.broadcast_to(self.timing_variance_chips2, (n_nodes,))


@dataclass(frozen=True, slots=True)
class FactorMoments:
    """First and second moments of the factors with which nodes' symbols count in a decoded sum.

    Attributes:
        mean: Shape ``(n_nodes,)``; 1 is as it should be.
        covariance: Shape ``(n_nodes, n_nodes)``.
    """

    mean: Reals
    covariance: Reals

    def sum_mean(self, symbols: Reals) -> float:
        """Return the mean of the sum of symbols, each times its factor."""
        return float(self.mean @ symbols)

    def sum_variance(self, symbols: Reals) -> float:
        """Return the variance of that sum."""
        return float(symbols @ self.covariance @ symbols)


def independent_factors(mean: Reals, mean_square: Reals) -> FactorMoments:
    """Return the moments of factors that do not depend on each other."""
    return FactorMoments(mean, np.diag(mean_square - mean**2))


def oscillator_and_fading(
    phase_variance_rad2: float | Reals,
    level_variance: float | Reals,
    timing_std_chips: float | Reals = 0.0,
    loss_probability: float | Reals = 0.0,
) -> GainErrors:
    """Return the errors of gains whose phase and logarithmic level were predicted.

    A level that is off because of fading comes with as large an error across the gain: the complex
    error has no preferred direction. Of the phase's variance that part is fading, the rest is a
    turn of the oscillator. It also gives the mean power that a logarithm predicted without bias
    has to first order, one plus twice its variance.
    """
    turn = np.maximum(np.asarray(phase_variance_rad2) - level_variance, 0.0)
    level = node_values(level_variance)
    return GainErrors(
        along_variance=level,
        across_variance=level,
        phase_variance_rad2=node_values(turn),
        timing_variance_chips2=node_values(np.asarray(timing_std_chips) ** 2),
        loss_probability=node_values(loss_probability),
    )


def power_moments(gains: GainErrors, n_nodes: int) -> tuple[Reals, Reals]:
    r"""Return mean and mean square of $|g|^2$, each of shape ``(n_nodes,)``.

    $E|g|^2 = |m|^2 + a + b$ and
    $E|g|^4 = |m|^4 + 6 |m|^2 a + 3 a^2 + 2 (|m|^2 + a) b + 3 b^2$ with the variances $a$ along and
    $b$ across; with $a = b = s/2$ and $m = 1$ they are $1 + s$ and $1 + 4 s + 2 s^2$.
    """
    planned = gains.amplitudes(n_nodes) ** 2
    a, b = np.asarray(gains.along_variance), np.asarray(gains.across_variance)
    arrives = gains.arrival(n_nodes)
    fourth = planned**2 + 6 * planned * a + 3 * a**2 + 2 * (planned + a) * b + 3 * b**2
    return arrives * (planned + a + b), arrives * fourth


def real_part_moments(
    gains: GainErrors, common_phase_variance_rad2: float, n_nodes: int
) -> FactorMoments:
    r"""Return the moments of $\Re\{g e^{j\theta}\}$, the turn $\theta$ common to all nodes.

    $E \Re\{g\} = \Re\{m\} e^{-(\phi + \theta)/2}$ with variances for letters;
    $E \Re\{g\}^2 = \frac12 [|m|^2 + a + b + \Re\{(m/|m|)^2\} (|m|^2 + a - b) e^{-2(\phi+\theta)}]$;
    $E \Re\{g_k\} \Re\{g_l\} = \frac12 e^{-(\phi_k + \phi_l)/2}
    [\Re\{m_k m_l^*\} + \Re\{m_k m_l\} e^{-2\theta}]$.
    """
    mean = np.broadcast_to(np.asarray(gains.mean, np.complex128), (n_nodes,))
    size = np.abs(mean)
    a, b = np.asarray(gains.along_variance), np.asarray(gains.across_variance)
    turn = np.broadcast_to(gains.phase_variance_rad2, (n_nodes,))
    arrives, common = gains.arrival(n_nodes), common_phase_variance_rad2
    heading = np.where(size > 0, mean / np.where(size > 0, size, 1.0), 1.0)
    doubled = np.real(heading**2) * (size**2 + a - b) * np.exp(-2 * (turn + common))
    square = arrives * (size**2 + a + b + doubled) / 2
    sent = arrives * np.exp(-turn / 2) * mean
    product = np.real(np.outer(sent, sent.conj()) + np.outer(sent, sent) * np.exp(-2 * common)) / 2
    np.fill_diagonal(product, square)
    average = np.real(sent) * np.exp(-common / 2)
    return FactorMoments(average, product - np.outer(average, average))
