"""Sound the nodes one after the other and plan the rounds from what is received."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from ota_calibration.paths.lost_nodes import LostNodes
from ota_calibration.paths.power_control import Inversion, NoNodeFoundError, invert_channels
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, RadioError, RadioLost, TimeError
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.types import ChannelEstimate, Precoder, TransmitPlan


@dataclass(frozen=True)
class ReceivedSounding:
    """What was received while the nodes spoke one after the other.

    Attributes:
        capture: A whole sounding frame.
        late_nodes: Nodes whose radios said that they did not send: the command came too late.
    """

    capture: Capture
    late_nodes: frozenset[int] = frozenset()


def sound_nodes(bench: Bench, link: Link) -> tuple[ChannelEstimate | None, ...]:
    """Let every node send its sounding burst in its own slot and estimate its path.

    Args:
        bench: The radios.
        link: Frame format and search range.

    Returns:
        One estimate a node, in node order; None for a node that was not found.

    Raises:
        Erasure: If no capture came at all, or a saturated one.
        RadioLost: If the receiver or all nodes have gone.
    """
    return estimate_nodes(receive_sounding(bench, link).capture, bench, link)


def receive_sounding(bench: Bench, link: Link, leaves_out_lost: bool = True) -> ReceivedSounding:
    """Let every node send its sounding burst in its own slot and capture them all.

    Args:
        bench: The radios.
        link: Frame format.
        leaves_out_lost: Whether a node that has gone leaves its slot empty.

    Raises:
        Erasure: If no capture came.
        RadioLost: If the receiver or all nodes have gone, or one that may not be left out.
    """
    try:
        return _sounding_frame(bench, link, leaves_out_lost)
    except RadioLost:
        raise
    except RadioError as broken:
        raise Erasure("radio", f"sounding failed: {broken}") from broken


def estimate_nodes(
    capture: Capture, bench: Bench, link: Link
) -> tuple[ChannelEstimate | None, ...]:
    """Estimate every node's path from its slot; None for a node that was not found.

    Raises:
        Erasure: If the capture is saturated.
    """
    if capture.n_clipped:
        raise Erasure(
            "saturated",
            f"{capture.n_clipped} samples of the sounding touch full scale; "
            "lower the receive gain or the nodes' level",
        )
    return tuple(_estimate(capture, bench, link, node) for node in range(len(bench.nodes)))


def _sounding_frame(bench: Bench, link: Link, leaves_out_lost: bool) -> ReceivedSounding:
    """Send every node's burst in its slot and return what was received."""
    frame = link.frame
    frame_tick = bench.receiver.now_tick() + round(link.lead_s * bench.sample_rate_hz)
    burst = frame.sounding_burst()
    pending = bench.receiver.begin_receive(
        frame.n_sounding_frame(len(bench.nodes)) + frame.guard_samples, frame_tick
    )
    late, lost = set(), LostNodes(len(bench.nodes), leaves_out_lost)
    try:
        for node, radio in enumerate(bench.nodes):
            # A node that is late or lost leaves its slot empty, which the receiver will see.
            try:
                radio.transmit(burst, frame_tick + frame.sounding_start(node))
            except TimeError:
                late.add(node)
            except RadioLost as gone:
                lost.add(gone)
    except RadioError:
        with suppress(RadioError):  # what did leave must not meet the next sounding
            pending.result(link.timeout_s)
        raise
    capture = pending.result(link.timeout_s)
    for node, radio in enumerate(bench.nodes):
        try:
            radio.confirm_sent(link.timeout_s)
        except TimeError:
            late.add(node)
        except RadioLost as gone:
            lost.add(gone)
    return ReceivedSounding(capture, frozenset(late))


def _estimate(capture: Capture, bench: Bench, link: Link, node: int) -> ChannelEstimate | None:
    """Fit one node's slot."""
    frame, rate = link.frame, bench.sample_rate_hz
    first = frame.sounding_start(node) - frame.guard_samples
    slot = capture.samples[first : first + frame.n_sounding_burst + 2 * frame.guard_samples]
    try:
        fit = locate_burst(slot, frame.sounding_burst(), frame.n_chirp, link.max_cfo_hz / rate)
    except BurstNotFound:
        return None
    center = first + fit.start + fit.center
    tick = round(center)
    turn = np.exp(2j * np.pi * fit.cfo * (tick - center))
    has_offset = link.max_cfo_hz > 0  # otherwise one reference feeds all radios
    return ChannelEstimate(
        gain=complex(fit.gain * turn),
        gain_std=fit.gain_std,
        delay_s=(first + fit.start - frame.sounding_start(node)) / rate,
        delay_std_s=fit.start_std / rate,
        cfo_hz=fit.cfo * rate * has_offset,
        cfo_std_hz=fit.cfo_std * rate * has_offset,
        noise_power=fit.noise_power / frame.pulse.energy,
        measured_tick=capture.start_tick + tick,
    )


def make_plan(
    estimates: Sequence[ChannelEstimate | None], peak_amplitude: float, truncation_db: float
) -> TransmitPlan:
    """Turn a sounding into what every node is told: gain, delay, offset.

    Args:
        estimates: One a node; None for a node that was not found.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out.

    Raises:
        Erasure: ``no-plan`` if no node can take part.
    """
    received = [node for node, estimate in enumerate(estimates) if estimate is not None]
    found = [estimate for estimate in estimates if estimate is not None]
    if not found:
        raise Erasure("no-plan", f"none of {len(estimates)} nodes was found in its sounding slot")
    try:
        inversion = invert_channels(found, peak_amplitude, truncation_db)
    except NoNodeFoundError as silent:
        raise Erasure("no-plan", str(silent)) from silent
    precoders = [Precoder(0j)] * len(estimates)
    for place, node in enumerate(received):
        estimate = found[place]
        precoders[node] = Precoder(
            complex(inversion.precoders[place]),
            estimate.delay_s,
            estimate.cfo_hz,
            estimate.measured_tick,
        )
    missing = [f"node {n} was not found" for n in range(len(estimates)) if n not in received]
    return _with_errors(precoders, found, inversion, (*missing, *_truncated(inversion, received)))


def _truncated(inversion: Inversion, received: Sequence[int]) -> tuple[str, ...]:
    return inversion.truncated([f"node {node}" for node in received])


def _with_errors(
    precoders: Sequence[Precoder],
    found: Sequence[ChannelEstimate],
    inversion: Inversion,
    left_out: tuple[str, ...],
) -> TransmitPlan:
    """Add what the sounding's own precision lets one expect of the rounds to come."""
    active = [e for e, sends in zip(found, inversion.active, strict=True) if sends]
    relative = np.array([e.gain_std / abs(e.gain) for e in active])
    # Half of the complex error turns the phase, half of it changes the amplitude.
    one_part = float(np.sqrt(np.mean(relative**2) / 2))
    return TransmitPlan(
        precoders=tuple(precoders),
        rx_amplitude=inversion.rx_amplitude,
        noise_power=float(np.median([e.noise_power for e in found])),
        phase_error_std_rad=one_part,
        amplitude_error_std=one_part,
        cfo_error_std_hz=float(np.sqrt(np.mean([e.cfo_std_hz**2 for e in active]))),
        left_out=left_out,
    )
