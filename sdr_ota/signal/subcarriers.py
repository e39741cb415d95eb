"""A payload that is repeated without end: chips on the subcarriers of one symbol.

A radio without hardware time starts to send at an unknown time. A delay of a periodic signal
changes only the phases of its bins. So the energies of nodes that start at different times add
up on the subcarriers, and any window of one period holds the sum::

    one period     | payload chips, node pilots and empty bins, on subcarriers |
    a node sends   | period | period | period | ...      until it is stopped
    receiver       ............| window |.......          anywhere

A **node pilot** is a known sequence on subcarriers of one node alone, with phases that belong to
the bench and the round. It proves that the node transmitted in this round, and gives its gain in
every period.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdr_ota.types import Chips, Samples

USED_BAND = 0.7
"""Share of the sample rate that is filled: what analog filters leave flat."""

_DC_GUARD = 3
"""Pairs of subcarriers next to zero frequency that stay empty, for the receiver's DC offset."""

_BACK_OFF = 10 ** (-12 / 20)
"""Root mean square of a node's samples over full scale: random phases peak 9 to 11 dB higher."""

_OVERSAMPLING = 4
"""Delays a sample at which a node pilot is looked for: 0.1 dB of its energy is lost in between."""

_TONE = 3.0
"""Amplitude over the median of a pilot's subcarriers, beyond which it is cut; noise has it once in
512."""

N_REPEATS, LEAST_REPEATS = 64, 8
"""Periods in a repeated block: of one symbol a node, and at least of many."""

N_AVERAGED, LEAST_AVERAGED = 8, 4
"""Periods in a window, likewise: those of many symbols are longer."""

Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class SubcarrierFrame:
    """What each subcarrier carries: payload, node pilot, or nothing.

    Subcarriers are assigned in pairs of neighbours, an even and an odd one. In a payload pair the
    even one carries a chip of the first half and the odd one the corresponding chip of the second.
    So both halves see the same channel. The I/Q image of a transmitter falls from an even
    subcarrier on an even one: never from one half on the other; images of node pilots fall on both
    halves alike.

    Attributes:
        n_chips: Payload chips of one symbol, even.
        n_nodes: Nodes, each with a node pilot.
        n_node_pilot: Subcarriers of one node pilot, even.
        n_idle: Subcarriers on which nobody sends, even: the noise is measured there.
        n_repeats: Periods in the block that a node repeats; the block's own bins are the
            grid to which a carrier correction is rounded.
        n_averaged: Periods in the window from which chips are read, even; few enough for
            what is left of the carrier offset.
        bench: Number of the bench; it makes its node pilots.
        n_symbols: Symbols of a node in one payload.
    """

    n_chips: int
    n_nodes: int
    n_node_pilot: int = 32
    n_idle: int = 64
    n_repeats: int = N_REPEATS
    n_averaged: int = N_AVERAGED
    bench: int = 0
    n_symbols: int = 1

    @property
    def n_carried_chips(self) -> int:
        """Chips of the whole payload, of all its symbols."""
        return self.n_symbols * self.n_chips

    @cached_property
    def n_period(self) -> int:
        """Samples of one period: a power of two."""
        n_used = (
            self.n_carried_chips + self.n_nodes * self.n_node_pilot + self.n_idle + 4 * _DC_GUARD
        )
        return 1 << int(np.ceil(np.log2(n_used / USED_BAND)))

    @property
    def n_window(self) -> int:
        """Samples from which the chips are read."""
        return self.n_averaged * self.n_period

    @cached_property
    def _pairs(self) -> Indices:
        """Even members of all pairs, dealt once and for ever."""
        n_pairs = (self.n_carried_chips + self.n_nodes * self.n_node_pilot + self.n_idle) // 2
        order = np.random.default_rng(0).permutation(n_pairs)
        above = np.arange(n_pairs) - n_pairs // 2
        evens = 2 * np.where(above >= 0, above + _DC_GUARD, above - _DC_GUARD)
        return np.asarray(evens[order])

    def _cut(self, first: int, count: int) -> Indices:
        return self._pairs[first // 2 : (first + count) // 2]

    @cached_property
    def payload(self) -> Indices:
        """Subcarrier of every payload chip, symbol after symbol, shape ``(n_carried_chips,)``."""
        firsts = range(0, self.n_carried_chips, self.n_chips)
        evens = [self._cut(first, self.n_chips) for first in firsts]
        return np.concatenate([half for even in evens for half in (even, even + 1)])

    def symbol_chips(self, payload: Chips) -> Chips:
        """Return a payload's chips symbol by symbol, shape ``(n_symbols, n_chips)``.

        Args:
            payload: Shape ``(n_carried_chips,)``.
        """
        return payload.reshape(self.n_symbols, self.n_chips)

    def node_pilot(self, node: int) -> Indices:
        """Subcarriers of a node's pilot, shape ``(n_node_pilot,)``."""
        even = self._cut(self.n_carried_chips + node * self.n_node_pilot, self.n_node_pilot)
        return np.concatenate([even, even + 1])

    @cached_property
    def idle(self) -> Indices:
        """Subcarriers on which nobody sends, shape ``(n_idle,)``."""
        even = self._cut(self.n_carried_chips + self.n_nodes * self.n_node_pilot, self.n_idle)
        return np.concatenate([even, even + 1])

    @property
    def chip_scale(self) -> float:
        """Amplitude in samples of a chip of 1: one full half keeps 12 dB of back-off."""
        return _BACK_OFF / math.sqrt(self.n_carried_chips / 2 + self.n_node_pilot)

    @property
    def chip_energy(self) -> float:
        """What divides a sample's noise power to give that of a chip."""
        return self.n_window * self.chip_scale**2

    def compose(self, payload: Chips, node: int, node_pilot: Chips) -> Samples:
        """Return one period of a node's samples.

        Args:
            payload: Shape ``(n_carried_chips,)``.
            node: Whose node_pilot is sent.
            node_pilot: Shape ``(n_node_pilot,)``, modulus 1.
        """
        bins = np.zeros(self.n_period, np.complex128)
        bins[self.payload] = payload
        bins[self.node_pilot(node)] = node_pilot
        return np.asarray(np.fft.ifft(bins) * self.n_period * self.chip_scale, np.complex64)

    def analyse(self, window: Samples) -> Chips:
        """Return the chip on every subcarrier, shape ``(n_period,)``; index them by the roles.

        Args:
            window: Any whole number of periods of consecutive samples.
        """
        bins = np.fft.fft(window) / (len(window) * self.chip_scale)
        return np.asarray(bins[:: len(window) // self.n_period])

    def analyse_periods(self, window: Samples) -> Chips:
        """Return the chips of every period, shape ``(n_periods, n_period)``.

        Their mean is what `analyse` returns.

        Args:
            window: Any whole number of periods of consecutive samples.
        """
        bins = np.fft.fft(np.reshape(window, (-1, self.n_period)), axis=1)
        return np.asarray(bins / (self.n_period * self.chip_scale))

    def node_pilot_chips(self, node: int, seed: int) -> Chips:
        """Return the phases that a node's pilot has in the round of a seed."""
        rng = np.random.default_rng([self.bench, seed, node, 1])
        return np.asarray(np.exp(2j * np.pi * rng.random(self.n_node_pilot)))

    def find_node_pilot(self, bins: Chips, node: int, node_pilot: Chips) -> "FoundMark":
        r"""Look for a node's pilot at every delay.

        The share of the subcarriers' energy that lies in the direction of the node pilot follows a
        Beta(1, n_node_pilot - 1) distribution in white noise, at each delay. A subcarrier that a
        tone hits is cut to three times the pilot's median.

        Args:
            bins: What `analyse` returned.
            node: Whose node_pilot.
            node_pilot: Its phases.
        """
        received = bins[self.node_pilot(node)]
        size = np.abs(received)
        received = received * np.minimum(1.0, _TONE * np.median(size) / np.maximum(size, 1e-30))
        despread = np.zeros(_OVERSAMPLING * self.n_period, np.complex128)
        despread[self.node_pilot(node)] = received * node_pilot.conj()
        correlation = np.fft.ifft(despread, norm="forward")
        place = int(np.argmax(np.abs(correlation)))
        peak, energy = complex(correlation[place]), float(np.vdot(received, received).real)
        share = abs(peak) ** 2 / (self.n_node_pilot * max(energy, 1e-30))
        return FoundMark(peak / self.n_node_pilot, share, place / _OVERSAMPLING)

    def node_pilot_threshold(self, false_alarm_probability: float) -> float:
        """Return the share that noise alone exceeds at some delay with a probability."""
        per_delay = false_alarm_probability / (_OVERSAMPLING * self.n_period)
        return float(-np.expm1(np.log(per_delay) / (self.n_node_pilot - 1)))


@dataclass(frozen=True)
class FoundMark:
    """A node pilot as received.

    Attributes:
        gain: Complex amplitude of its chips.
        metric: Share of its subcarriers' energy that it explains, 0 to 1.
        delay: Of its period against the window, in samples, to an eighth of one.
    """

    gain: complex
    metric: float
    delay: float


def turned_block(period: Samples, n_repeats: int, cfo: float) -> Samples:
    """Repeat a period and undo a carrier offset, rounded so that the block still repeats.

    Args:
        period: One period.
        n_repeats: Periods in the block.
        cfo: Offset to undo in cycles per sample; at most half a cycle a block stays.
    """
    block = np.tile(period, n_repeats)
    n_block = len(block)
    cycles = round(cfo * n_block)
    turn = np.exp(-2j * np.pi * ((cycles * np.arange(n_block)) % n_block) / n_block)
    return np.asarray(block * turn, np.complex64)
