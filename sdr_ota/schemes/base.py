"""The seam behind which scalars are added over the air, and what all schemes share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Chips, DecodedSum


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """What the formulas of a scheme need to know about the link.

    Attributes:
        n_chips: Chips of the joint payload.
        rx_amplitude: Received chip amplitude of a symbol of 1.
        noise_power: Total noise power of one complex chip.
        phase_error_std_rad: Of each node's residual phase, Gaussian, independent.
        amplitude_error_std: Of each node's relative amplitude error, Gaussian,
            independent, zero mean.
        timing_error_std_chips: Of each node's arrival against the receiver's
            sampling, Gaussian, independent.
        rolloff: Of the pulse; says what a timing error costs.
        n_absent: Nodes of the bench that do not send; where a node has a slot of
            its own, the slot stays empty.
        loss_probability: Chance that a node's burst never leaves, unnoticed.
    """

    n_chips: int
    rx_amplitude: float
    noise_power: float
    phase_error_std_rad: float = 0.0
    amplitude_error_std: float = 0.0
    timing_error_std_chips: float = 0.0
    rolloff: float = 0.35
    n_absent: int = 0
    loss_probability: float = 0.0

    @property
    def relative_noise(self) -> float:
        """Noise power of a chip in units of the power of a symbol of 1."""
        return self.noise_power / self.rx_amplitude**2


class AggregationScheme(Protocol):
    """How real symbols in [-1, 1] of many nodes become their sum at one receiver.

    A scheme works on chips: what precoding, pulse shaping, the air and the
    matched filter do to them is not its business. One file of this folder is one
    scheme; its module-level name ``SCHEME`` is the class. Those of other packages are
    dataclasses with these members; their fields, numbers, are their parameters.
    """

    @property
    def needs_phase(self) -> bool:
        """Whether decoding relies on the nodes' phases being pre-compensated."""
        ...

    @property
    def sign_only(self) -> bool:
        """Whether only the sign of a symbol is sent."""
        ...

    @property
    def on_subcarriers(self) -> "AggregationScheme | None":
        """The form in which each chip may have a subcarrier of its own; None if there is none.

        Its chips must be read by their energy alone, halves against halves: radios without
        hardware time start whenever they like, which turns every subcarrier's phase.
        """
        ...

    def check(self, n_chips: int, n_nodes: int) -> None:
        """Raise ``ValueError`` if the payload cannot carry this many nodes."""
        ...

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        """Return one node's payload chips, modulus at most 1, shape ``(n_chips,)``."""
        ...

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> DecodedSum:
        """Estimate the sum of the symbols, and the estimate's standard deviation.

        The deviation is measured on the payload's own chips, so interference that
        hits the payload shows in it; errors of the nodes' gains that last for the
        whole payload cannot.

        Args:
            chips: Received payload, shape ``(n_chips,)``.
            n_nodes: Nodes in the bench (not all need to have sent).
            rx_amplitude: Aligned chip amplitude of a symbol of 1.
        """
        ...

    def alike(
        self, chips: Chips, n_nodes: int, rx_amplitude: float
    ) -> Sequence[NDArray[np.float64] | Chips]:
        """Return the payload's values in groups of one mean each, in the order of arrival.

        Real where a turn of the nodes' phases does not change them, otherwise complex. Steady
        gains make all values of a group equal but for noise and random phases; where the
        parts of a group differ by more, samples were lost or a gain has stepped.

        Args:
            chips: Received payload, shape ``(n_chips,)``.
            n_nodes: Nodes in the bench.
            rx_amplitude: Aligned chip amplitude of a symbol of 1.
        """
        ...

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the expectation of the decoded sum for the symbols of the nodes that send."""
        ...

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the variance of the decoded sum for the symbols of the nodes that send."""
        ...


def theory_squared_error(
    scheme: AggregationScheme, symbols: NDArray[np.float64], link: LinkQuality
) -> float:
    r"""Return the expected squared error of the decoded sum: bias squared plus variance.

    A burst lost with probability $q$ takes its symbol (or vote) $s_k$ out of the sum, which adds
    $q (1 - q) \sum s_k^2 + q^2 (\sum s_k)^2$.
    """
    bias = scheme.theory_mean(symbols, link) - float(np.sum(symbols))
    lost, sent = link.loss_probability, np.sign(symbols) if scheme.sign_only else symbols
    missing = lost * (1 - lost) * float(np.sum(sent**2)) + (lost * float(np.sum(sent))) ** 2
    return bias**2 + scheme.theory_variance(symbols, link) + missing


def random_phase_chips(n_chips: int, rng: np.random.Generator) -> Chips:
    """Return unit chips with independent uniform phases."""
    return np.asarray(np.exp(2j * np.pi * rng.random(n_chips)))


def coherent_gain_variance(phase_error_std_rad: float, amplitude_error_std: float) -> float:
    r"""Return the variance of $(1+\delta)\cos\phi$ for Gaussian $\phi$ and $\delta$.

    $(1+\sigma_a^2)(1+e^{-2\sigma_\phi^2})/2 - e^{-\sigma_\phi^2}$: the mean of
    the cosine is $e^{-\sigma_\phi^2/2}$, that of its square $(1+e^{-2\sigma_\phi^2})/2$.
    """
    second = (1 + amplitude_error_std**2) * (1 + np.exp(-2 * phase_error_std_rad**2)) / 2
    return float(second - np.exp(-(phase_error_std_rad**2)))


def energy_variance(
    powers: NDArray[np.float64], relative_noise: float, amplitude_error_std: float
) -> float:
    r"""Return the variance of one chip's energy, and of its mean over a long block.

    Nodes of power $v_k$ and relative amplitude $g_k = 1 + \delta_k$ send with
    independent uniform phases. Given the gains, the energy of a chip has mean
    $G + N$ with $G = \sum g_k^2 v_k$ and variance $(G+N)^2 - \sum g_k^4 v_k^2$;
    this is the expectation of that over the gains.
    """
    spread = amplitude_error_std**2
    fourth = 1 + 6 * spread + 3 * spread**2
    mean = (1 + spread) * powers.sum() + relative_noise
    squares = float(np.sum(powers**2))
    return float(mean**2 + gain_power_variance(amplitude_error_std) * squares - fourth * squares)


def gain_power_variance(amplitude_error_std: float) -> float:
    r"""Return the variance of $(1+\delta)^2$ for Gaussian $\delta$: $4\sigma^2 + 2\sigma^4$."""
    return 4 * amplitude_error_std**2 + 2 * amplitude_error_std**4
