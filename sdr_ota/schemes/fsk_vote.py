r"""FSK majority vote: one tone for plus, one for minus, energies compared.

The natural carrier of Sign-pAirZero and needs no channel knowledge at all. A
payload is a number of looks; in each look a node sends its tone with a fresh
random phase (Sahin et al., arXiv 2209.09954, use it on low-cost radios). The
decoded value is the soft vote $K^+ - K^-$; its sign is the majority.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdr_ota.schemes.base import LinkQuality, energy_chip_variance, random_phase_chips
from sdr_ota.schemes.energy_difference import EnergyDifference
from sdr_ota.schemes.gain_errors import FactorMoments, independent_factors, power_moments
from sdr_ota.signal.sequences import tone_chips
from sdr_ota.types import Chips, ChipSum

_PLUS_CYCLES, _MINUS_CYCLES = 2 / 16, -5 / 16
"""Tones in cycles a chip: far apart, not mirrored about DC, in the pulse's flat band."""

_MANY_VOTERS = 4
"""Above this a sum over phases has too many terms and the series is good to 1 %."""


@dataclass(frozen=True)
class FskVote:
    """Signs only; a symbol of exactly zero abstains.

    Attributes:
        look_chips: Chips of one look; a multiple of 16.
    """

    look_chips: int = 16

    needs_phase = False
    sign_only = True

    def __post_init__(self) -> None:
        if self.look_chips < 16 or self.look_chips % 16:
            raise ValueError(f"look_chips = {self.look_chips} is not a positive multiple of 16")

    @property
    def on_subcarriers(self) -> EnergyDifference:
        """Many tones instead of two: a vote is energy on one of two neighbouring subcarriers.

        The form in which the vote was proposed (Sahin et al., arXiv 2209.09954).
        """
        return EnergyDifference()

    def check(self, n_chips: int, n_nodes: int) -> None:
        """Refuse a payload of fewer than two looks."""
        if n_chips // self.look_chips < 2:
            raise ValueError(
                f"fsk-vote needs at least 2 looks of {self.look_chips} chips: use at least "
                f"{2 * self.look_chips} payload chips, not {n_chips}"
            )

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        """Return the tone of the symbol's sign, with a random phase in every look."""
        n_looks = n_chips // self.look_chips
        chips = np.zeros(n_chips, np.complex128)
        tone = self._tone(symbol)
        looks = np.outer(random_phase_chips(n_looks, rng), tone)
        chips[: n_looks * self.look_chips] = abs(np.sign(symbol)) * looks.ravel()
        return chips

    def combine(self, antennas: Chips, n_nodes: int) -> Chips:
        """Return chips whose tones have, in every look, the antennas' energies together."""
        n_looks = antennas.shape[1] // self.look_chips
        looks = antennas[:, : n_looks * self.look_chips].reshape(len(antennas), n_looks, -1)
        tones = np.stack([self._tone(1), self._tone(-1)])
        heights = np.linalg.norm(looks @ tones.conj().T / self.look_chips, axis=0)
        chips = np.zeros(antennas.shape[1], np.complex128)
        chips[: n_looks * self.look_chips] = (heights @ tones).ravel()
        return chips

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        """Return the mean energy difference of the two tones: the soft vote."""
        plus, minus = self.alike(chips, n_nodes, rx_amplitude)
        difference = plus - minus
        std = difference.std(ddof=1) / np.sqrt(len(difference))
        return ChipSum(float(difference.mean()), float(std), len(difference) - 1)

    def alike(
        self, chips: Chips, n_nodes: int, rx_amplitude: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the energies of the two tones, one value a look."""
        n_looks = len(chips) // self.look_chips
        looks = chips[: n_looks * self.look_chips].reshape(n_looks, self.look_chips)
        plus, minus = (looks @ self._tone(sign).conj() / self.look_chips for sign in (1, -1))
        return np.abs(plus / rx_amplitude) ** 2, np.abs(minus / rx_amplitude) ** 2

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> float:
        """Return 1: a vote is plus or minus 1."""
        return 1.0

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        """Return the moments of the nodes' powers; a tone that is late keeps its own."""
        return independent_factors(*power_moments(link.gains, n_active))

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the vote rather than the sum, each at its node's power."""
        return self.gain_moments(len(symbols), link).sum_mean(np.sign(symbols))

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the variance of the soft vote: the energy difference's, one look a chip."""
        votes, factors = np.sign(symbols), power_moments(link.gains, len(symbols))
        noise = link.relative_noise / self.look_chips
        tones = (np.maximum(votes, 0.0), np.maximum(-votes, 0.0))
        look = sum(energy_chip_variance(v, noise, *factors, link.antennas) for v in tones)
        floor = self.gain_moments(len(symbols), link).sum_variance(votes)
        return look / (link.n_chips // self.look_chips) + floor

    def _tone(self, sign: float) -> Chips:
        return tone_chips(self.look_chips, _PLUS_CYCLES if sign >= 0 else _MINUS_CYCLES)


def error_probability_aligned(
    n_minority: int, n_majority: int, relative_noise: float, n_looks: int
) -> float:
    r"""Return how often the minority wins with equal gains and random phases.

    A tone's energy in one look is $|R + n|^2$ with $R$ the sum of K unit phasors.
    Its characteristic function is $\phi(t) = \frac{1}{1-jtN} E[e^{s R^2}]$ with
    $s = jt/(1-jtN)$; the average over the phases is a sum over phases up to 4
    voters (exact) and a series above (error below 1 %). The probability then
    follows from the inversion formula of Gil-Pelaez (Biometrika 38, 1951).

    Args:
        n_minority: Voters of the losing sign.
        n_majority: Voters of the winning sign.
        relative_noise: Noise power $N$ > 0 in a look's tone over one voter's power.
        n_looks: Independent looks $L$.
    """
    scale = 4 / (n_looks * (n_majority + relative_noise))
    probability = 0.5
    for low, high in pairwise((0.0, 0.5, 1.0, 2.0, 4.0, 10.0, 30.0, 100.0, 1e3, 1e4)):
        t, weights = _gauss_legendre(scale * low, scale * high)
        plus = _energy_characteristic(t, n_majority, relative_noise)
        minus = _energy_characteristic(-t, n_minority, relative_noise)
        integrand = np.imag((plus * minus) ** n_looks) / t
        probability -= float(weights @ integrand) / np.pi
    return float(np.clip(probability, 0.0, 1.0))


def _gauss_legendre(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 32 nodes and weights for an integral from ``low`` to ``high``."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights


def _energy_characteristic(
    t: NDArray[np.float64], n_voters: int, noise: float
) -> NDArray[np.complex128]:
    """Return the characteristic function of one look's energy at ``t``."""
    shrink = 1 / (1 - 1j * t * noise)
    exponent = 1j * t * shrink
    return np.asarray(shrink * _phasor_energy_average(exponent, n_voters))


def _phasor_energy_average(s: NDArray[np.complex128], n_voters: int) -> NDArray[np.complex128]:
    """Return the mean of ``exp(s R^2)`` over the phases of unit phasors, Re(s) <= 0."""
    if n_voters > _MANY_VOTERS:
        # R^2 tends to an exponential variable; its Laguerre series up to third order.
        w = -s * n_voters / (1 - s * n_voters)
        series = 1 - w**2 / (2 * n_voters) - 2 * w**3 / (3 * n_voters**2)
        return np.asarray(series / (1 - s * n_voters))
    # Split the phasors in two groups of resultants a and b: the angle between the
    # groups averages to a Bessel function, the angles inside them are summed over.
    groups = np.meshgrid(_resultants((n_voters + 1) // 2), _resultants(n_voters // 2))
    a, b = (group.ravel() for group in groups)
    arguments = 2 * s[:, None] * (a * b)
    # ive is scaled by exp(-|Re|): with Re(s) <= 0 nothing here can overflow.
    kernel = special.ive(0, arguments) * np.exp(s[:, None] * (a**2 + b**2) + np.abs(arguments.real))
    return np.asarray(kernel.mean(axis=1))


def _resultants(n_phasors: int) -> NDArray[np.float64]:
    """Return equally likely moduli of a sum of up to two unit phasors."""
    if n_phasors < 2:
        return np.array([float(n_phasors)])
    angles = (np.arange(48) + 0.5) / 48 * np.pi
    return np.asarray(2 * np.cos(angles / 2))


SCHEME = FskVote
