"""Carrier offsets go into the nodes' synthesisers before the first round.

A node undoes its carrier offset on its samples, counted from the tick at which they should arrive.
What starts late is then turned by the offset times the delay: at 20 kHz a start that is 1 us late
turns by 0.13 rad. A synthesiser that is tuned leaves next to nothing to undo.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import RadioError, RadioInfo
from sdr_ota.rounds.exchange import ReceivedSounding
from sdr_ota.rounds.messages import TuneOrder
from sdr_ota.rounds.node import Node

_log = logging.getLogger(__name__)

TUNE_TIMEOUT_S = 10.0
"""A Pluto takes its settings anew, filters included."""


class Sounder(Protocol):
    """What sounds the nodes."""

    def sound(self, nodes: Sequence[Node], round_index: int = 0) -> ReceivedSounding:
        """Let every node send its known burst, one after the other, and capture them.

        Raises:
            Erasure: If nothing was captured.
        """
        ...


@dataclass(frozen=True)
class Tuning:
    """Which offsets go into synthesisers.

    Attributes:
        offsets_hz: Returns from a sounding each node's carrier minus the receiver's; None of a
            node that was not received.
        above_hz: Smaller ones stay.
        is_allowed: Whether a node may be tuned away so far, by the bands that the user wrote down.
    """

    offsets_hz: Callable[[ReceivedSounding], Sequence[float | None]]
    above_hz: float
    is_allowed: Callable[[float], bool]

    def needed_hz(self, sounder: Sounder, nodes: Sequence[Node]) -> tuple[float, ...]:
        """Sound the nodes and return how far each is to be tuned away; 0 for one that stays."""
        try:
            offsets = self.offsets_hz(sounder.sound(nodes))
        except Erasure as lost:
            _log.warning("no node is tuned, the sounding was lost: %s", lost.detail)
            offsets = [None] * len(nodes)
        return tuple(
            self._needed_hz(index, node.info, offset)
            for index, (node, offset) in enumerate(zip(nodes, offsets, strict=True))
        )

    def _needed_hz(self, index: int, info: RadioInfo, offset_hz: float | None) -> float:
        step_hz = info.center_freq_step_hz
        if offset_hz is None or step_hz is None or abs(offset_hz) <= self.above_hz:
            return 0.0
        detuned_hz = -step_hz * round(offset_hz / step_hz)
        if not self.is_allowed(detuned_hz):
            _log.warning(
                "node %d stays %.0f Hz off: tuned there it would leave the [[band]] of the "
                "configuration",
                index,
                offset_hz,
            )
            return 0.0
        return detuned_hz


def tune_nodes(nodes: Sequence[Node], detuned_hz: Sequence[float]) -> tuple[float, ...]:
    """Tune the nodes; one whose radio does not take it stays where it is.

    Returns:
        What each node was tuned away.
    """
    pairs = list(zip(nodes, detuned_hz, strict=True))
    for node, hz in pairs:
        if hz:
            node.tune(TuneOrder(hz))
    return tuple(hz if hz and _has_taken(node, hz) else 0.0 for node, hz in pairs)


def _has_taken(node: Node, hz: float) -> bool:
    try:
        node.sent(TUNE_TIMEOUT_S)
    except RadioError as refused:
        _log.warning("%s was not tuned by %.0f Hz: %s", node.info.serial, hz, refused)
        return False
    _log.info("%s: synthesiser tuned by %+.0f Hz", node.info.serial, hz)
    return True
