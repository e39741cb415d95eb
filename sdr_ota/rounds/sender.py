"""What one node's radio does when it is ordered to: send at a tick, or repeat until told to stop.

Which of the two is chosen once, when the bench opens, by what the radios can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Radio
from sdr_ota.rounds.exchange import Link
from sdr_ota.rounds.messages import PayloadOrder, SoundingOrder
from sdr_ota.rounds.transmitter import lead_burst, payload_burst
from sdr_ota.schemes import AggregationScheme
from sdr_ota.schemes.base import encode_symbols
from sdr_ota.signal.subcarriers import (
    LEAST_AVERAGED,
    LEAST_REPEATS,
    N_AVERAGED,
    N_REPEATS,
    SubcarrierFrame,
    turned_block,
)
from sdr_ota.types import Samples

_MAX_DRAWS = 100
"""Chips are drawn anew so often until the sum of all subcarriers fits full scale."""


@dataclass(frozen=True)
class Signal:
    """What a node has to say in a round.

    Attributes:
        node: Its place among the nodes.
        symbols: In [-1, 1], as many as a frame carries.
        seed: Of the round; with the node's place it makes the random chips.
    """

    node: int
    symbols: tuple[float, ...]
    seed: int

    def chip_source(self) -> np.random.Generator:
        """Return the generator of this node's random chips in this round."""
        return np.random.default_rng([self.seed, self.node])


class Sender(Protocol):
    """How a node's radio is used."""

    def sound(self, radio: Radio, order: SoundingOrder) -> None:
        """Send the known burst."""
        ...

    def send(self, radio: Radio, order: PayloadOrder, signal: Signal) -> None:
        """Send the payload."""
        ...

    def confirm(self, radio: Radio, timeout_s: float) -> None:
        """Raise what became of the last burst, if anything went wrong."""
        ...

    def silence(self, radio: Radio) -> None:
        """Stop sending."""
        ...


@dataclass(frozen=True)
class TimedSender:
    """For radios with hardware time: every burst leaves at its tick.

    Attributes:
        link: Frame and scheme.
        sample_rate_hz: Samples a second.
    """

    link: Link
    sample_rate_hz: float

    def sound(self, radio: Radio, order: SoundingOrder) -> None:
        """Send the sounding burst in the node's slot."""
        frame = self.link.frame
        radio.transmit(frame.sounding_burst(), order.tick + frame.sounding_start(order.slot))

    def send(self, radio: Radio, order: PayloadOrder, signal: Signal) -> None:
        """Send this node's part of the joint frame; the node that leads adds the preamble."""
        frame = self.link.frame
        place, source = (signal.node, order.n_nodes), signal.chip_source()
        check_number(signal.symbols, frame.n_symbols)
        payload = encode_symbols(
            self.link.scheme, signal.symbols, *place, frame.n_payload_chips, source
        )
        chips = frame.sent_chips(payload, signal.node, signal.seed)
        make_burst = lead_burst if order.leads else payload_burst
        burst = make_burst(chips, frame, order.precoder, order.tick, self.sample_rate_hz)
        radio.transmit(burst.samples, burst.start_tick)

    def confirm(self, radio: Radio, timeout_s: float) -> None:
        """Ask the radio: some know only afterwards."""
        radio.confirm_sent(timeout_s)

    def silence(self, radio: Radio) -> None:
        """Do nothing: a burst ends by itself."""


@dataclass(frozen=True)
class CyclicSender:
    """For radios without hardware time: they repeat one block until told to stop.

    Attributes:
        link: Frame and scheme.
        sample_rate_hz: Samples a second.
    """

    link: Link
    sample_rate_hz: float

    def sound(self, radio: Radio, order: SoundingOrder) -> None:
        """Repeat the sounding burst and a guard."""
        radio.begin_cyclic(sounding_period(self.link))

    def send(self, radio: Radio, order: PayloadOrder, signal: Signal) -> None:
        """Repeat the payload on subcarriers, with this node's pilot of this round."""
        scheme, frame = on_subcarriers(self.link, order.n_nodes)
        precoder = order.precoder
        cfo = precoder.cfo_hz / self.sample_rate_hz
        period = _period(signal, order.n_nodes, scheme, frame)
        radio.begin_cyclic(turned_block(abs(precoder.gain) * period, frame.n_repeats, cfo))

    def confirm(self, radio: Radio, timeout_s: float) -> None:
        """Do nothing: the radio has begun when it has taken the block."""

    def silence(self, radio: Radio) -> None:
        """Stop repeating."""
        radio.end_cyclic()


def sounding_period(link: Link) -> Samples:
    """Return what a node without hardware time repeats while it is sounded."""
    frame = link.frame
    return np.concatenate([frame.sounding_burst(), np.zeros(frame.guard_samples, np.complex64)])


def subcarrier_frame(link: Link, n_nodes: int) -> SubcarrierFrame:
    """Return how a link's payload lies on subcarriers."""
    frame, n_symbols = link.frame, link.frame.n_symbols
    return SubcarrierFrame(
        frame.n_payload_chips // 2 * 2,
        n_nodes,
        n_repeats=max(N_REPEATS // n_symbols, LEAST_REPEATS),
        n_averaged=max(N_AVERAGED // n_symbols, LEAST_AVERAGED),
        bench=frame.bench,
        n_symbols=n_symbols,
    )


def check_number(symbols: Sequence[float], n_symbols: int) -> None:
    """Refuse symbols that are not as many as a frame carries.

    Raises:
        ValueError: With both numbers.
    """
    if len(symbols) != n_symbols:
        raise ValueError(
            f"{len(symbols)} symbols are to be sent in a frame that carries {n_symbols}: announce "
            "as many seeds as frame.symbols says"
        )


def on_subcarriers(link: Link, n_nodes: int) -> tuple[AggregationScheme, SubcarrierFrame]:
    """Return the form that a link's scheme has on subcarriers, and their frame.

    Raises:
        Erasure: If the scheme has no such form.
    """
    scheme = link.scheme.on_subcarriers
    if scheme is None:
        raise Erasure("radio", "the scheme needs to know when the payload begins")
    return scheme, subcarrier_frame(link, n_nodes)


def _period(
    signal: Signal, n_nodes: int, scheme: AggregationScheme, frame: SubcarrierFrame
) -> Samples:
    """Return what a node repeats, before its precoder; phases are drawn until the peak fits.

    Raises:
        Erasure: If none of the draws fits.
    """
    check_number(signal.symbols, frame.n_symbols)
    pilot = frame.node_pilot_chips(signal.node, signal.seed)
    rng = signal.chip_source()
    for _ in range(_MAX_DRAWS):
        chips = encode_symbols(scheme, signal.symbols, signal.node, n_nodes, frame.n_chips, rng)
        period = frame.compose(chips, signal.node, pilot)
        if np.abs(period).max() <= 1.0:
            return period
    raise Erasure("radio", f"none of {_MAX_DRAWS} draws of chips fits full scale 1.0")
