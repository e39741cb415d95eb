"""Coherent amplitudes: every node undoes its channel, the air adds the numbers.

The model of the paper (arXiv 2604.12401, eqs. 4, 5, 8 and 9) on M chips: the
receiver correlates with the public spreading chips and keeps the real part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes.base import LinkQuality
from sdr_ota.schemes.gain_errors import FactorMoments, Reals, real_part_moments
from sdr_ota.signal.sequences import spreading_chips
from sdr_ota.signal.waveform import raised_cosine
from sdr_ota.types import Chips, ChipSum
from sdr_ota.units import real_noise_variance


@dataclass(frozen=True)
class Coherent:
    """Amplitude modulation with the phase pre-compensated at every node."""

    needs_phase = True
    sign_only = False

    @property
    def on_subcarriers(self) -> None:
        """None: amplitudes add only where phases agree."""

    def check(self, n_chips: int, n_nodes: int) -> None:
        """Accept any payload of at least two chips."""
        if n_chips < 2:
            raise ValueError(f"a coherent payload needs at least 2 chips, not {n_chips}")

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        """Return ``symbol`` on the public spreading chips."""
        return symbol * spreading_chips(n_chips)

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        r"""Return $\frac1M \sum_m \Re\{c^*[m] y[m]\} / c$ and the deviation of that mean."""
        (sent_alike,) = self.alike(chips, n_nodes, rx_amplitude)
        values = sent_alike.real
        std = values.std(ddof=1) / np.sqrt(len(chips))
        return ChipSum(float(values.mean()), float(std), len(chips) - 1)

    def alike(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> tuple[Chips]:
        """Return the chips without the spreading chips."""
        return (np.asarray(spreading_chips(len(chips)).conj() * chips / rx_amplitude),)

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> None:
        """None: the chips show the sum alone."""

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        r"""Return the moments of $\Re\{g_k\} \rho(\tau_k)$.

        $\rho(\tau)$ is the raised-cosine pulse at the timing error: the spreading
        chips' neighbours do not correlate, so a late chip loses just its own height.
        """
        parts = real_part_moments(link.gains, link.common_phase_variance_rad2, n_active)
        height, square = _timing_moments(link, n_active)
        product = parts.covariance + np.outer(parts.mean, parts.mean)
        timed = product * np.outer(height, height)
        np.fill_diagonal(timed, np.diag(product) * square)
        mean = parts.mean * height
        return FactorMoments(mean, timed - np.outer(mean, mean))

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the mean of the decoded sum: phase and timing errors shrink it."""
        return self.gain_moments(len(symbols), link).sum_mean(symbols)

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return what gains add to the variance, plus $\frac{N_0}{2 c^2 M}$.

        The last term is eq. 12 of the paper over M chips.
        """
        noise = real_noise_variance(link.relative_noise) / link.n_chips
        return self.gain_moments(len(symbols), link).sum_variance(symbols) + noise


def _timing_moments(link: LinkQuality, n_nodes: int) -> tuple[Reals, Reals]:
    """Return mean and mean square of a chip's height under each node's timing error."""
    late, variance = link.gains.timing(n_nodes)
    if not variance.any():
        height = raised_cosine(late, link.rolloff)
        return height, height**2
    places, weights = np.polynomial.hermite_e.hermegauss(61)
    height = raised_cosine(late[:, None] + np.outer(np.sqrt(variance), places), link.rolloff)
    weights = weights / weights.sum()
    return height @ weights, height**2 @ weights


SCHEME = Coherent
