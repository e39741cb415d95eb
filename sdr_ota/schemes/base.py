"""The seam behind which scalars are added over the air, and what all schemes share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes.gain_errors import FactorMoments, GainErrors, Reals
from sdr_ota.types import Chips, ChipSum


@dataclass(frozen=True, slots=True)
class Antennas:
    r"""Receive antennas whose powers are added, and how alike the nodes' paths to them are.

    Attributes:
        count: Antennas, M.
        overlaps: $|h_k^H h_l|^2 / (|h_k|^2 |h_l|^2)$ of the nodes that send, from 0 (another
            pattern) to 1 (the same); empty with one antenna, where all are 1.
    """

    count: int = 1
    overlaps: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def alike(cls, count: int, n_nodes: int, overlap: float) -> "Antennas":
        """Return antennas at which any two nodes overlap by the same."""
        if count == 1:
            return cls()
        matrix = np.where(np.eye(n_nodes, dtype=bool), 1.0, overlap)
        return cls(count, tuple(map(tuple, matrix.tolist())))


ONE_ANTENNA = Antennas()


def overlaps_of(gains: Chips) -> Reals:
    """Return how alike paths are, as `Antennas.overlaps`.

    Args:
        gains: Shape ``(n_antennas, n_nodes)``.

    Returns:
        Shape ``(n_nodes, n_nodes)``.
    """
    unit = gains / np.maximum(np.linalg.norm(gains, axis=0), 1e-30)
    return np.asarray(np.abs(unit.conj().T @ unit) ** 2)


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """What the formulas of a scheme need to know about the link.

    Attributes:
        n_chips: Chips of the joint payload.
        rx_amplitude: Received chip amplitude of a symbol of 1.
        noise_power: Total noise power of one complex chip.
        gains: How the gains of the nodes that send differ from planned.
        common_phase_variance_rad2: Of a turn of all nodes alike, by the receiver's
            oscillator.
        rolloff: Of the pulse; says what a timing error costs.
        n_absent: Nodes of the bench that do not send; where a node has a slot of
            its own, the slot stays empty.
        antennas: Of the receiver; ``rx_amplitude`` is the root of the power of a symbol of 1 at
            all of them, ``noise_power`` the mean of one.
    """

    n_chips: int
    rx_amplitude: float
    noise_power: float
    gains: GainErrors = GainErrors()  # noqa: RUF009 - frozen
    common_phase_variance_rad2: float = 0.0
    rolloff: float = 0.35
    n_absent: int = 0
    antennas: Antennas = ONE_ANTENNA

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

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        """Read the sum of the symbols off the chips, and its standard deviation.

        The deviation is measured on the payload's own chips, so interference that
        hits the payload shows in it; errors of the nodes' gains that last for the
        whole payload cannot. `gain_moments` says what those do.

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

        Complex where amplitudes are read, real where energies are. Steady
        gains make all values of a group equal but for noise and random phases; where the
        parts of a group differ by more, samples were lost or a gain has stepped.

        Args:
            chips: Received payload, shape ``(n_chips,)``.
            n_nodes: Nodes in the bench.
            rx_amplitude: Aligned chip amplitude of a symbol of 1.
        """
        ...

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> float | None:
        """Estimate the mean square of the symbols sent; None if a payload does not show it.

        Args:
            chips: Received payload, shape ``(n_chips,)``.
            n_active: Nodes that sent.
            link: Their gains and the noise.
        """
        ...

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        """Return the moments of the factors with which the symbols of nodes that send count."""
        ...

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the expectation of the decoded sum for the symbols of the nodes that send."""
        ...

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the variance of the decoded sum for the symbols of the nodes that send."""
        ...


@runtime_checkable
class CombinesAntennas(Protocol):
    """A scheme that needs no phases and can read several antennas."""

    def combine(self, antennas: Chips, n_nodes: int) -> Chips:
        """Return chips of which ``decode`` reads what all antennas together show.

        Args:
            antennas: The payload at each, shape ``(n_antennas, n_chips)``; a node's phase may be
                another at each of them.
            n_nodes: Nodes in the bench.

        Returns:
            Shape ``(n_chips,)``.
        """
        ...


def adds_powers(scheme: AggregationScheme, chips: Chips, n_nodes: int) -> bool:
    """Return whether a scheme reads energies, in which the nodes' powers add; else amplitudes.

    Args:
        scheme: How symbols are added.
        chips: Any payload, shape ``(n_chips,)``.
        n_nodes: Nodes of the bench.
    """
    return not any(np.iscomplexobj(values) for values in scheme.alike(chips, n_nodes, 1.0))


def theory_squared_error(
    scheme: AggregationScheme,
    symbols: NDArray[np.float64],
    link: LinkQuality,
    factor: float = 1.0,
) -> float:
    """Return the expected squared error of the decoded sum: bias squared plus variance.

    Args:
        scheme: How the symbols are added.
        symbols: Of the nodes that send, shape ``(n_active,)``.
        link: Noise and gains.
        factor: By which the sum is multiplied once it is read off the chips.
    """
    bias = factor * scheme.theory_mean(symbols, link) - float(np.sum(symbols))
    return bias**2 + factor**2 * scheme.theory_variance(symbols, link)


def encode_symbols(
    scheme: AggregationScheme,
    symbols: Sequence[float],
    node: int,
    n_nodes: int,
    n_chips: int,
    rng: np.random.Generator,
) -> Chips:
    """Return one node's chips of all its symbols, one after the other.

    Args:
        scheme: How symbols are added.
        symbols: In [-1, 1].
        node: Its place among the nodes.
        n_nodes: Nodes of the bench.
        n_chips: Of one symbol.
        rng: Of random chips; each symbol goes on where the one before it stopped.

    Returns:
        Shape ``(len(symbols) * n_chips,)``.
    """
    chips = [scheme.encode(symbol, node, n_nodes, n_chips, rng) for symbol in symbols]
    return np.concatenate(chips)


def random_phase_chips(n_chips: int, rng: np.random.Generator) -> Chips:
    """Return unit chips with independent uniform phases."""
    return np.asarray(np.exp(2j * np.pi * rng.random(n_chips)))


def energy_chip_variance(
    powers: NDArray[np.float64],
    relative_noise: float,
    mean: Reals,
    mean_square: Reals,
    antennas: Antennas = ONE_ANTENNA,
) -> float:
    r"""Return the variance of one chip's energy where nodes send with independent uniform phases.

    Given the factors $w_k$ of the nodes' powers $v_k$, the energy of a chip has the mean $G + N$
    with $G = \sum w_k v_k$ and the variance $(G+N)^2 - \sum w_k^2 v_k^2$; this is the expectation
    of that over the factors. Over M antennas energies add up to the mean $G + M N$ and the
    variance $\sum_{k \ne l} o_{kl} w_k v_k w_l v_l + 2 G N + M N^2$ with the overlaps $o_{kl}$ and
    $w_k v_k$ the power of a node at all antennas; derived here from the moments of sums of random
    phasors in noise.

    Args:
        powers: Of the nodes, as sent, shape ``(n_nodes,)``.
        relative_noise: Noise power of a chip over the power of a symbol of 1.
        mean: Of the factors, shape ``(n_nodes,)``.
        mean_square: Of the factors, shape ``(n_nodes,)``.
        antennas: Whose energies are added.
    """
    if antennas.overlaps:
        received = mean * powers
        overlaps = np.array(antennas.overlaps) - np.eye(len(powers))
        beat = float(received @ overlaps @ received)
        noise = 2 * float(received.sum()) * relative_noise + antennas.count * relative_noise**2
        return beat + noise
    total = float(mean @ powers) + relative_noise
    spread = float((mean_square - mean**2) @ powers**2)
    return total**2 + spread - float(mean_square @ powers**2)
