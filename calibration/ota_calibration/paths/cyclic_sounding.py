"""Sound nodes without hardware time: one after the other repeats a known burst."""

import numpy as np

from ota_calibration.paths.lost_nodes import LostNodes
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import RadioLost
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_burst
from sdr_ota.rounds.cyclic_exchange import receive_after, repeating, subcarrier_frame
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.types import ChannelEstimate


def sound_cyclic(
    bench: Bench, link: Link, leaves_out_lost: bool = True
) -> tuple[ChannelEstimate | None, ...]:
    """Let every node in turn repeat its sounding burst, alone, and estimate its path.

    Args:
        bench: The radios.
        link: Frame format, search range, time to settle.
        leaves_out_lost: Whether a node that has gone is one that was not found.

    Returns:
        One estimate a node, in node order; None for a node that was not found. Level, offset
        and noise have a meaning; the delay is 0 and the phase is of no use, because both are
        new with every start.

    Raises:
        Erasure: If a capture did not come, or a saturated one.
        RadioLost: If the receiver or all nodes have gone, or one that may not be left out.
    """
    lost = LostNodes(len(bench.nodes), leaves_out_lost)
    return tuple(_sound_if_there(node, bench, link, lost) for node in range(len(bench.nodes)))


def _sound_if_there(node: int, bench: Bench, link: Link, lost: LostNodes) -> ChannelEstimate | None:
    try:
        return _sound(node, bench, link)
    except Erasure as erased:
        gone = erased.__cause__
        if not isinstance(gone, RadioLost):
            raise
        if gone.serial == bench.receiver.info.serial:
            raise gone from erased
        lost.add(gone)
        return None


def _sound(node: int, bench: Bench, link: Link) -> ChannelEstimate | None:
    frame, rate = link.frame, bench.sample_rate_hz
    burst = frame.sounding_burst()
    period = np.concatenate([burst, np.zeros(frame.guard_samples, np.complex64)])
    n_settle = round(link.settle_s * rate)
    with repeating(bench, {node: period}):
        capture = receive_after(bench, n_settle, 2 * len(period), link.timeout_s)
    if capture.n_clipped:
        raise Erasure(
            "saturated",
            f"{capture.n_clipped} samples of node {node}'s sounding touch full scale; "
            "lower the receive gain or the nodes' level",
        )
    try:
        fit = locate_burst(capture.samples, burst, frame.n_chirp, link.max_cfo_hz / rate)
    except BurstNotFound:
        return None
    return ChannelEstimate(
        gain=fit.gain,
        gain_std=fit.gain_std,
        delay_s=0.0,
        delay_std_s=0.0,
        cfo_hz=fit.cfo * rate,
        cfo_std_hz=fit.cfo_std * rate,
        noise_power=fit.noise_power / subcarrier_frame(link, len(bench.nodes)).chip_energy,
        measured_tick=capture.start_tick + round(fit.start + fit.center),
    )
