"""Energy difference: positive parts on one half, negative on the other, no phase needed.

The value sits in the power of random-phase chips (Goldenbaum and Stanczak, IEEE
Trans. Commun. 61(9), 2013); two resources make it signed and cancel the noise
power. The halves follow each other in time, so a carrier offset does not matter
and a timing error touches only their borders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes.base import LinkQuality, energy_chip_variance, random_phase_chips
from sdr_ota.schemes.gain_errors import (
    FactorMoments,
    Reals,
    independent_factors,
    power_moments,
)
from sdr_ota.types import Chips, ChipSum


@dataclass(frozen=True)
class EnergyDifference:
    """Signed sums from the difference of two received energies."""

    needs_phase = False
    sign_only = False

    @property
    def on_subcarriers(self) -> "EnergyDifference":
        """The same: its halves become two combs of subcarriers."""
        return self

    def check(self, n_chips: int, n_nodes: int) -> None:
        """Accept any payload of at least two chips in each half."""
        if n_chips < 4:
            raise ValueError(f"energy-difference needs at least 4 payload chips, not {n_chips}")

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        """Return random-phase chips of power ``abs(symbol)`` in the half of its sign."""
        half = n_chips // 2
        chips = np.zeros(n_chips, np.complex128)
        first = 0 if symbol > 0 else half
        chips[first : first + half] = np.sqrt(abs(symbol)) * random_phase_chips(half, rng)
        return chips

    def combine(self, antennas: Chips, n_nodes: int) -> Chips:
        """Return chips that have the antennas' energies together."""
        return np.asarray(np.linalg.norm(antennas, axis=0) + 0j)

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        """Return the mean energy difference; its deviation is measured on the chips."""
        plus, minus = _halves(chips, rx_amplitude)
        variance = (plus.var(ddof=1) + minus.var(ddof=1)) / len(plus)
        return ChipSum(
            float(plus.mean() - minus.mean()), float(np.sqrt(variance)), 2 * (len(plus) - 1)
        )

    def alike(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> tuple[Reals, Reals]:
        """Return the energies of the chips of each half."""
        return _halves(chips, rx_amplitude)

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> float:
        r"""Return the mean square of Gaussian symbols whose moduli add up to the energy received.

        The energy of both halves is $A = \sum w_k |p_k|$ and twice the noise. For Gaussian
        symbols $E A^2 = [\sum E w_k^2 + \frac{2}{\pi} \sum_{k \ne l} E w_k E w_l] E p^2$.
        """
        halves = _halves(chips, link.rx_amplitude)
        noise = 2 * link.antennas.count * link.relative_noise
        moduli = max(sum(float(half.mean()) for half in halves) - noise, 0.0)
        chance = sum(float(half.var(ddof=1)) / len(half) for half in halves)
        mean, mean_square = _kept_power(n_active, link)
        pairs = float(mean.sum() ** 2 - mean @ mean)
        return max(moduli**2 - chance, 0.0) / (float(mean_square.sum()) + 2 / np.pi * pairs)

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        r"""Return the moments of $|g_k|^2 u(\tau_k)$: powers add, phases do not matter.

        $u(\tau) = 1 - \frac{\beta}{4}(1 - \cos 2\pi\tau)$ is the energy that random
        chips of rolloff $\beta$ keep when they are sampled $\tau$ chips late.
        """
        return independent_factors(*_kept_power(n_active, link))

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return $\sum_k E[w_k] p_k$ with the factors of `gain_moments`."""
        return self.gain_moments(len(symbols), link).sum_mean(symbols)

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return the variance of the decoded sum.

        $\frac1M E[(G^+ + N_0)^2 - \sum (w_k v_k^+)^2 + (G^- + N_0)^2 - \sum (w_k v_k^-)^2]$
        with M chips a half and $G^\pm = \sum w_k v_k^\pm$, plus $\sum \mathrm{Var}(w_k) p_k^2$:
        gains stay for the whole block. Derived here from the moments of sums of random phasors.
        """
        factors = _kept_power(len(symbols), link)
        halves = (np.maximum(symbols, 0.0), np.maximum(-symbols, 0.0))
        of_halves = (
            energy_chip_variance(v, link.relative_noise, *factors, link.antennas) for v in halves
        )
        chip = sum(of_halves)
        floor = self.gain_moments(len(symbols), link).sum_variance(symbols)
        return chip / (link.n_chips // 2) + floor


def _halves(chips: Chips, rx_amplitude: float) -> tuple[Reals, Reals]:
    """Return the energies of the chips that carry positive and negative symbols."""
    half = len(chips) // 2
    energy = np.abs(chips) ** 2 / rx_amplitude**2
    return energy[:half], energy[half : 2 * half]


def _kept_power(n_nodes: int, link: LinkQuality) -> tuple[Reals, Reals]:
    """Return mean and mean square of each node's power, kept under a Gaussian timing error."""
    mean, mean_square = power_moments(link.gains, n_nodes)
    late, variance = link.gains.timing(n_nodes)
    angle, spread = 2 * np.pi * late, (2 * np.pi) ** 2 * variance
    cosine = np.cos(angle) * np.exp(-spread / 2)
    cosine_square = (1 + np.cos(2 * angle) * np.exp(-2 * spread)) / 2
    lost = link.rolloff / 4
    kept = 1 - lost * (1 - cosine)
    return mean * kept, mean_square * (kept**2 + lost**2 * (cosine_square - cosine**2))


SCHEME = EnergyDifference
