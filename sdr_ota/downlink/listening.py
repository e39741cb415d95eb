"""A node's loop of captures: one follows the other, and every control frame in them is taken.

A frame may lie across captures of any length. What was received is kept until the preamble in it,
if there is one, has its whole frame.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdr_ota.downlink.air_node import AirNode
from sdr_ota.downlink.setup import AirSetup
from sdr_ota.radio.base import Capture, Radio, RadioError, RadioLost
from sdr_ota.receiver.control_frame import FrameRefused
from sdr_ota.receiver.detection import detect_bursts
from sdr_ota.signal.control_frame import MAX_BYTES

_log = logging.getLogger(__name__)

_PAD = 64
"""Samples kept before a preamble: the fit looks at some."""


@dataclass(frozen=True)
class FirstFrame:
    """The first preamble of a capture and what follows it.

    Attributes:
        capture: From shortly before it to shortly behind the next one's start, or to the end.
        n_behind: Samples of the whole capture up to its preamble's end.
        may_grow: Whether the rest of the frame may still come.
    """

    capture: Capture
    n_behind: int
    may_grow: bool


def first_frame(capture: Capture, setup: AirSetup) -> FirstFrame | None:
    """Return the first control frame of a capture; None where there is no preamble.

    Args:
        capture: Holds any number of frames, the last one perhaps in part.
        setup: What was agreed on before the run.
    """
    control, samples = setup.control, capture.samples
    found = detect_bursts(samples, control.n_chirp, setup.max_cfo)
    places = [max(int(one.start) - _PAD, 0) for one in found]
    if not places:
        return None
    first, *others = places
    end = min(others[0] + 2 * _PAD, len(samples)) if others else len(samples)
    may_grow = not others and end - first < control.n_samples(MAX_BYTES) + 2 * _PAD
    part = Capture(samples[first:end], capture.start_tick + first)
    return FirstFrame(part, first + _PAD + control.n_preamble, may_grow)


def take_frames(capture: Capture, node: AirNode, setup: AirSetup, timeout_s: float) -> Capture:
    """Let a node take every whole control frame of a capture; return what is to be kept of it.

    Args:
        capture: What was received and not yet taken.
        node: Takes frames one by one, in order.
        setup: What was agreed on before the run.
        timeout_s: See `AirNode.take`.

    Raises:
        Exception: What the node raised when it refused an order, or its client when it cannot go
            on.
    """
    while (found := first_frame(capture, setup)) is not None:
        if found.may_grow and len(found.capture.samples) < setup.control.n_samples(1) + 2 * _PAD:
            return capture  # of a part of a preamble the place is not known
        try:
            node.take(found.capture, timeout_s)
        except FrameRefused as refused:
            if refused.reason == "cut-off" and found.may_grow:
                return found.capture
            _log.info("a control frame was not taken: %s", refused)
        except RadioError as failed:
            _log.warning("what a control frame ordered was not sent: %s", failed)
        capture = _from(capture, found.n_behind)
    # Half a preamble may have arrived, and a carrier offset moves its chirps.
    return _from(capture, len(capture.samples) - 2 * setup.control.n_preamble)


def listen(
    radio: Radio,
    node: AirNode,
    setup: AirSetup,
    n_samples: int,
    is_over: Callable[[], bool],
    timeout_s: float = 5.0,
) -> None:
    """Receive without a gap and let a node take what is said, until it is over.

    Where samples were lost, or computing took longer than a capture, reception begins anew.

    Args:
        radio: The node's; it obeys ticks.
        node: Acts on control frames.
        setup: What was agreed on before the run.
        n_samples: Of a capture. An order is acted on up to so many samples after its frame.
        is_over: Asked after every capture.
        timeout_s: For a capture, and for a burst to be confirmed.

    Raises:
        RadioLost: If the radio has gone.
        Exception: See `take_frames`.
    """
    kept = Capture(np.zeros(0, np.complex64), 0)
    pending, next_tick = None, 0
    while not is_over():
        try:
            if pending is None:
                next_tick = radio.now_tick() + n_samples
                pending = radio.begin_receive(n_samples, next_tick)
            received = pending.result(timeout_s)
            next_tick += n_samples
            pending = radio.begin_receive(n_samples, next_tick)
        except RadioLost:
            raise
        except RadioError as lost:
            _log.warning("samples were lost: %s", lost)
            pending = None
            continue
        kept = take_frames(_joined(kept, received), node, setup, timeout_s)


def _joined(kept: Capture, received: Capture) -> Capture:
    """Return two captures as one, if the second follows the first."""
    if kept.start_tick + len(kept.samples) != received.start_tick:
        return received
    return Capture(np.concatenate([kept.samples, received.samples]), kept.start_tick)


def _from(capture: Capture, first: int) -> Capture:
    first = max(first, 0)
    return Capture(capture.samples[first:], capture.start_tick + first)
