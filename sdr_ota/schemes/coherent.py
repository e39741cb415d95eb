"""Coherent amplitudes: every node undoes its channel, the air adds the numbers.

The model of the paper (arXiv 2604.12401, eqs. 4, 5, 8 and 9) on M chips: the
receiver correlates with the public spreading chips and keeps the real part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_ota.schemes.base import LinkQuality
from sdr_ota.signal.sequences import spreading_chips
from sdr_ota.signal.waveform import raised_cosine
from sdr_ota.types import Chips, DecodedSum
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

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> DecodedSum:
        r"""Return $\frac1M \sum_m \Re\{c^*[m] y[m]\} / c$ and the deviation of that mean."""
        (sent_alike,) = self.alike(chips, n_nodes, rx_amplitude)
        values = sent_alike.real
        std = values.std(ddof=1) / np.sqrt(len(chips))
        return DecodedSum(float(values.mean()), float(std))

    def alike(
        self, chips: Chips, n_nodes: int, rx_amplitude: float
    ) -> tuple[Chips]:
        """Return the chips without the spreading chips."""
        return (np.asarray(spreading_chips(len(chips)).conj() * chips / rx_amplitude),)

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return $E[\rho(\tau)] e^{-\sigma_\phi^2/2} \sum_k p_k$: errors shrink the sum.

        $\rho(\tau)$ is the raised-cosine pulse at the timing error: the spreading
        chips' neighbours do not correlate, so a late chip loses just its own height.
        """
        shrink = np.exp(-(link.phase_error_std_rad**2) / 2) * _timing_moments(link)[0]
        return float(shrink * np.sum(symbols))

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return the variance of the decoded sum.

        $[(1+\sigma_a^2)\frac{1+e^{-2\sigma_\phi^2}}{2} E[\rho^2] -
        e^{-\sigma_\phi^2} E[\rho]^2] \sum_k p_k^2 + \frac{N_0}{2 c^2 M}$: derived here
        for independent Gaussian phase, amplitude and timing errors; the last term is
        eq. 12 of the paper over M chips.
        """
        mean, mean_square = _timing_moments(link)
        phase = link.phase_error_std_rad**2
        second = (1 + link.amplitude_error_std**2) * (1 + np.exp(-2 * phase)) / 2 * mean_square
        gain = second - np.exp(-phase) * mean**2
        noise = real_noise_variance(link.relative_noise) / link.n_chips
        return float(gain * np.sum(symbols**2) + noise)


def _timing_moments(link: LinkQuality) -> tuple[float, float]:
    """Return mean and mean square of a chip's height under the timing error."""
    if not link.timing_error_std_chips:
        return 1.0, 1.0
    places, weights = np.polynomial.hermite_e.hermegauss(61)
    height = raised_cosine(link.timing_error_std_chips * places, link.rolloff)
    weights = weights / weights.sum()
    return float(weights @ height), float(weights @ height**2)


SCHEME = Coherent
