"""Energy difference: positive parts on one half, negative on the other, no phase needed.

The value sits in the power of random-phase chips (Goldenbaum and Stanczak, IEEE
Trans. Commun. 61(9), 2013); two resources make it signed and cancel the noise
power. The halves follow each other in time, so a carrier offset does not matter
and a timing error touches only their borders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes.base import (
    LinkQuality,
    energy_variance,
    gain_power_variance,
    random_phase_chips,
)
from sdr_ota.types import Chips, DecodedSum


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

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> DecodedSum:
        """Return the mean energy difference; its deviation is measured on the chips."""
        plus, minus = self.alike(chips, n_nodes, rx_amplitude)
        variance = (plus.var(ddof=1) + minus.var(ddof=1)) / len(plus)
        return DecodedSum(float(plus.mean() - minus.mean()), float(np.sqrt(variance)))

    def alike(
        self, chips: Chips, n_nodes: int, rx_amplitude: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the energies of the chips of each half."""
        half = len(chips) // 2
        energy = np.abs(chips) ** 2 / rx_amplitude**2
        return energy[:half], energy[half : 2 * half]

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return $(1 + \sigma_a^2) E[u(\tau)] \sum_k p_k$: powers add, phases do not matter.

        $u(\tau) = 1 - \frac{\beta}{4}(1 - \cos 2\pi\tau)$ is the energy that random
        chips of rolloff $\beta$ keep when they are sampled $\tau$ chips late.
        """
        kept = _kept_energy(link)[0]
        return float((1 + link.amplitude_error_std**2) * kept * np.sum(symbols))

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return the variance of the decoded sum.

        $\frac1M [(V^+ + N_0)^2 - \sum (v_k^+)^2 + (V^- + N_0)^2 - \sum (v_k^-)^2]$
        with M chips a half and $v_k$ shrunk by $E[u]$, plus the floor
        $\mathrm{Var}(g^2 u) \sum p_k^2$ of amplitude and timing errors that stay for
        the whole block. Derived here from the moments of sums of random phasors.
        """
        spread = link.amplitude_error_std
        mean, mean_square = _kept_energy(link)
        halves = (mean * np.maximum(symbols, 0.0), mean * np.maximum(-symbols, 0.0))
        chip = sum(energy_variance(v, link.relative_noise, spread) for v in halves)
        power = 1 + spread**2
        fourth = gain_power_variance(spread) + power**2
        floor = (fourth * mean_square - (power * mean) ** 2) * float(np.sum(symbols**2))
        return chip / (link.n_chips // 2) + floor


def _kept_energy(link: LinkQuality) -> tuple[float, float]:
    """Return mean and mean square of the energy kept under a Gaussian timing error."""
    turn = (2 * np.pi * link.timing_error_std_chips) ** 2
    cosine, cosine_square = np.exp(-turn / 2), (1 + np.exp(-2 * turn)) / 2
    lost = link.rolloff / 4
    mean = 1 - lost * (1 - cosine)
    return float(mean), float(mean**2 + lost**2 * (cosine_square - cosine**2))


SCHEME = EnergyDifference
