"""One slot a node: the receiver adds. Ground truth for the others, and the fallback.

A slot is pilot, data, pilot on one tone: the receiver takes the phase from the
pilots on both sides, so no node needs to know its phase, a timing error turns
pilots and data alike, and a small carrier offset cancels at the data's centre.
The chips next to a change of symbol, a sixteenth of the slot, are not evaluated: a
node that is late by less than that mixes its symbols nowhere else.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdr_ota.schemes.base import LinkQuality
from sdr_ota.schemes.gain_errors import FactorMoments, GainErrors, Reals, independent_factors
from sdr_ota.signal.sequences import tone_chips
from sdr_ota.types import Chips, ChipSum
from sdr_ota.units import real_noise_variance

_TONE = 1 / 4
"""Of a slot, in cycles a chip: away from DC, inside the pulse's flat band."""

SURE_STDS = 5.0
"""An imaginary part beyond so many of its deviations is none of noise."""


@dataclass(frozen=True)
class Tdma:
    """Orthogonal slots; the air time is shared, so noise grows with the nodes."""

    needs_phase = False
    sign_only = False

    @property
    def on_subcarriers(self) -> None:
        """None: slots need a common time."""

    def check(self, n_chips: int, n_nodes: int) -> None:
        """Refuse a payload with slots of fewer than 4 chips."""
        if n_chips // n_nodes < 4:
            raise ValueError(
                f"tdma needs at least 4 chips a node: {n_chips} payload chips for {n_nodes} "
                f"nodes; use at least {4 * n_nodes}"
            )

    def encode(
        self, symbol: float, node: int, n_nodes: int, n_chips: int, rng: np.random.Generator
    ) -> Chips:
        """Return pilot, symbol, pilot in the node's own slot."""
        n_slot = n_chips // n_nodes
        values = np.where(_carries_symbol(n_slot), symbol, 1.0)
        chips = np.zeros(n_chips, np.complex128)
        chips[node * n_slot : (node + 1) * n_slot] = values * tone_chips(n_slot, _TONE)
        return chips

    def combine(self, antennas: Chips, n_nodes: int) -> Chips:
        """Return slots of which each has its antennas added by its own pilots (maximum ratio).

        Noise is taken for equal at all of them.
        """
        n_antennas, n_chips = antennas.shape
        n_slot = n_chips // n_nodes
        slots = antennas[:, : n_slot * n_nodes].reshape(n_antennas, n_nodes, n_slot)
        is_pilot = _is_pilot(n_slot)
        pilots = (slots * tone_chips(n_slot, _TONE).conj())[:, :, is_pilot].mean(axis=2)
        weights = pilots / np.maximum(np.linalg.norm(pilots, axis=0), 1e-30)
        chips = np.zeros(n_chips, np.complex128)
        chips[: n_slot * n_nodes] = np.einsum("mk,mkc->kc", weights.conj(), slots).ravel()
        return chips

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> ChipSum:
        """Return the sum of the slots' values, each turned by its own pilots' phase.

        Symbols are real: where a slot's value is not, by more than noise can make it, the phase of
        its pilots is not that of its symbol, and the deviation holds the imaginary part too.
        The slot of a node that did not send adds its noise; a threshold that left it
        out would also drop a node that has faded.
        """
        slots = _slots(chips, n_nodes, rx_amplitude)
        pilots, data = (slots[:, kind(slots.shape[1])] for kind in (_is_pilot, _is_data))
        values, n_data = data.mean(axis=1), data.shape[1]
        variances = data.real.var(axis=1, ddof=1)
        noise = np.maximum(variances, variances.mean()) * (
            1 / n_data + values.real**2 / pilots.shape[1]
        )
        turned = np.where(values.imag**2 > SURE_STDS**2 * noise, values.imag, 0.0)
        std = np.sqrt(np.sum(variances) / n_data + np.sum(turned**2))
        return ChipSum(float(values.real.sum()), float(std), n_nodes * (n_data - 1))

    def alike(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> tuple[Chips, ...]:
        """Return pilots and symbol of every slot, without their pilots' phase."""
        slots = _slots(chips, n_nodes, rx_amplitude)
        kinds = (_is_pilot(slots.shape[1]), _is_data(slots.shape[1]))
        return tuple(slot[kind] for slot in slots for kind in kinds)

    def symbol_mean_square(self, chips: Chips, n_active: int, link: LinkQuality) -> float:
        """Return the mean square of the slots' values, less what noise and gains add."""
        turned = _turned(chips, n_active + link.n_absent, link.rx_amplitude)
        noise = np.sum(turned.var(axis=1, ddof=1)) / turned.shape[1]
        counted = self.gain_moments(n_active, link)
        power = float(np.mean(np.diag(counted.covariance) + counted.mean**2))
        squares = float(np.sum(turned.mean(axis=1) ** 2) - noise) / n_active
        return max(squares, 0.0) / power

    def gain_moments(self, n_active: int, link: LinkQuality) -> FactorMoments:
        r"""Return the moments of $|g_k| \cos\psi_k$, $\psi_k$ the noise of the pilots' phase.

        A phase taken from a phasor in noise, at the ratio $\gamma$ of their powers, has
        $E\cos\psi = \sqrt{\pi\gamma/4}\, e^{-\gamma/2} [I_0(\gamma/2) + I_1(\gamma/2)]$ and
        $E\cos 2\psi = 1 - (1 - e^{-\gamma}) / \gamma$; $\gamma = |g|^2 M_p / N_0$ with $M_p$ pilot
        chips. Averaged over the gains by quadrature. The formula holds at every level, the sum
        does not: 3 % of it are missing at $\gamma = 8$ (20 nodes in 512 chips at 0 dB), 10 % at
        3, half of it at 0.38. Over M antennas $\psi$ is the angle between the vector of pilots and
        the true one, in 2 M real dimensions (`_mean_cosine`).
        """
        n_pilots = int(_is_pilot(_n_slot(n_active, link)).sum())
        amplitude, weights = _amplitudes(link.gains, n_active)
        ratio = amplitude**2 * n_pilots / max(link.relative_noise, 1e-12)
        arrives = link.gains.arrival(n_active)
        count = link.antennas.count
        mean = arrives * ((amplitude * _mean_cosine(ratio, count)) @ weights)
        square = arrives * ((amplitude**2 * _mean_cosine_square(ratio, count)) @ weights)
        return independent_factors(mean, square)

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the sum, each symbol with the mean of its factor."""
        return self.gain_moments(len(symbols), link).sum_mean(symbols)

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return what gains and pilots add, plus $K N_0 / (2 c^2 M)$: K slots of M data chips."""
        n_data = int(_is_data(_n_slot(len(symbols), link)).sum())
        n_slots = len(symbols) + link.n_absent
        noise = n_slots * real_noise_variance(link.relative_noise) / n_data
        return self.gain_moments(len(symbols), link).sum_variance(symbols) + noise


def _slots(chips: Chips, n_slots: int, rx_amplitude: float) -> Chips:
    """Return every slot without its tone and its pilots' phase, shape ``(n_slots, n_slot)``."""
    n_slot = len(chips) // n_slots
    slots = chips[: n_slot * n_slots].reshape(n_slots, n_slot)
    slots = slots * tone_chips(n_slot, _TONE).conj() / rx_amplitude
    pilot = slots[:, _is_pilot(n_slot)].mean(axis=1)
    return np.asarray(slots * np.exp(-1j * np.angle(pilot))[:, None])


def _turned(chips: Chips, n_slots: int, rx_amplitude: float) -> Reals:
    """Return the data of every slot along its pilots' phase, shape ``(n_slots, n_data)``."""
    slots = _slots(chips, n_slots, rx_amplitude)
    return np.real(slots[:, _is_data(slots.shape[1])])


def _amplitudes(gains: GainErrors, n_nodes: int) -> tuple[Reals, Reals]:
    """Return amplitudes that each node's gain may have, ``(n_nodes, n)``, and their weights."""
    places, weights = np.polynomial.hermite_e.hermegauss(21)
    x, y = (grid.ravel() for grid in np.meshgrid(places, places))
    along, across = (
        np.broadcast_to(np.sqrt(variance), (n_nodes,))
        for variance in (gains.along_variance, gains.across_variance)
    )
    real = gains.amplitudes(n_nodes)[:, None] + np.outer(along, x)
    amplitude = np.hypot(real, np.outer(across, y))
    product = np.outer(weights, weights).ravel()
    return amplitude, product / product.sum()


def _mean_cosine(ratio: Reals, n_antennas: int) -> Reals:
    r"""Return $E\cos\psi$ of a vector in noise of 2 M real dimensions, at the ratio of powers.

    $\sqrt\gamma\, \Gamma(M + 1/2) / \Gamma(M + 1)\, {}_1F_1(1/2; M + 1; -\gamma)$, the mean of a
    component of a Gaussian vector over its length; Bessel functions for one antenna.
    """
    if n_antennas > 1:
        size = special.poch(n_antennas + 0.5, 0.5)  # Gamma(M + 1) / Gamma(M + 1/2)
        return np.asarray(np.sqrt(ratio) / size * special.hyp1f1(0.5, n_antennas + 1, -ratio))
    half = ratio / 2
    return np.asarray(np.sqrt(np.pi * half / 2) * (special.ive(0, half) + special.ive(1, half)))


def _mean_cosine_square(ratio: Reals, n_antennas: int) -> Reals:
    r"""Return $E\cos^2\psi = 1 - (1 - \frac{1}{2M}) {}_1F_1(1; M + 1; -\gamma)$."""
    if n_antennas > 1:
        across = special.hyp1f1(1.0, n_antennas + 1, -ratio)
        return np.asarray(1 - (1 - 1 / (2 * n_antennas)) * across)
    return np.asarray((1 + _mean_cosine_doubled(ratio)) / 2)


def _mean_cosine_doubled(ratio: Reals) -> Reals:
    return np.asarray(1 + np.expm1(-ratio) / np.maximum(ratio, 1e-12))


def _n_slot(n_active: int, link: LinkQuality) -> int:
    return link.n_chips // (n_active + link.n_absent)


def _carries_symbol(n_slot: int) -> NDArray[np.bool_]:
    """Mark the middle half of a slot; a quarter of pilots stands on either side."""
    quarter = n_slot // 4
    return _between(n_slot, quarter, n_slot - quarter)


def _is_data(n_slot: int) -> NDArray[np.bool_]:
    """Mark the symbol's chips away from its borders."""
    border = n_slot // 4 + n_slot // 16
    return _between(n_slot, border, n_slot - border)


def _is_pilot(n_slot: int) -> NDArray[np.bool_]:
    """Mark the pilots' chips away from the borders of slot and symbol."""
    quarter, edge = n_slot // 4, n_slot // 16
    inner = _between(n_slot, quarter - edge, n_slot - quarter + edge)
    return _between(n_slot, edge, n_slot - edge) & ~inner


def _between(n_slot: int, first: int, end: int) -> NDArray[np.bool_]:
    place = np.arange(n_slot)
    return np.asarray((place >= first) & (place < end))


SCHEME = Tdma
