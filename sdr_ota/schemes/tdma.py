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

from sdr_ota.schemes.base import LinkQuality, coherent_gain_variance
from sdr_ota.signal.sequences import tone_chips
from sdr_ota.types import Chips, DecodedSum
from sdr_ota.units import real_noise_variance

_TONE = 1 / 4
"""Of a slot, in cycles a chip: away from DC, inside the pulse's flat band."""


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

    def decode(self, chips: Chips, n_nodes: int, rx_amplitude: float) -> DecodedSum:
        """Return the sum of the slots' values, each turned by its own pilots' phase.

        The slot of a node that did not send adds its noise; a threshold that left it
        out would also drop a node that has faded.
        """
        turned = _slots(chips, n_nodes, rx_amplitude)
        values = np.real(turned[:, _is_data(turned.shape[1])])
        std = np.sqrt(np.sum(values.var(axis=1, ddof=1)) / values.shape[1])
        return DecodedSum(float(values.mean(axis=1).sum()), float(std))

    def alike(
        self, chips: Chips, n_nodes: int, rx_amplitude: float
    ) -> tuple[NDArray[np.float64], ...]:
        """Return pilots and symbol of every slot, along their pilots' phase."""
        turned = _slots(chips, n_nodes, rx_amplitude)
        n_slot = turned.shape[1]
        kinds = (_is_pilot(n_slot), _is_data(n_slot))
        return tuple(np.real(slot[kind]) for slot in turned for kind in kinds)

    def theory_mean(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        """Return the sum, shrunk by the noise of the pilots' phase."""
        return float(
            np.exp(-_pilot_phase_variance(_n_slot(symbols, link), link) / 2) * np.sum(symbols)
        )

    def theory_variance(self, symbols: NDArray[np.float64], link: LinkQuality) -> float:
        r"""Return the variance of the decoded sum.

        $K N_0 / (2 c^2 M)$ with K slots of M data chips, plus the coherent scheme's gain
        term with the pilots' phase noise $N_0 / (2 c^2 M_p)$, small at working SNR.
        Derived here; valid while that phase noise is well below one radian.
        """
        n_slot = _n_slot(symbols, link)
        n_data = int(_is_data(n_slot).sum())
        phase_std = float(np.sqrt(_pilot_phase_variance(n_slot, link)))
        gain = coherent_gain_variance(phase_std, link.amplitude_error_std)
        n_slots = len(symbols) + link.n_absent
        noise = n_slots * real_noise_variance(link.relative_noise) / n_data
        return float(gain * np.sum(symbols**2) + noise)


def _slots(chips: Chips, n_nodes: int, rx_amplitude: float) -> Chips:
    """Return every slot without its tone and its pilots' phase, shape ``(n_nodes, n_slot)``."""
    n_slot = len(chips) // n_nodes
    slots = chips[: n_slot * n_nodes].reshape(n_nodes, n_slot)
    slots = slots * tone_chips(n_slot, _TONE).conj() / rx_amplitude
    pilot = slots[:, _is_pilot(n_slot)].mean(axis=1)
    return np.asarray(slots * np.exp(-1j * np.angle(pilot))[:, None])


def _n_slot(symbols: NDArray[np.float64], link: LinkQuality) -> int:
    return link.n_chips // (len(symbols) + link.n_absent)


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


def _pilot_phase_variance(n_slot: int, link: LinkQuality) -> float:
    return real_noise_variance(link.relative_noise) / int(_is_pilot(n_slot).sum())


SCHEME = Tdma
