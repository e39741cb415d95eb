"""Estimate the nodes' paths from a sounding, and plan the rounds from the estimates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ota_calibration.paths.power_control import Inversion, NoNodeFoundError, invert_channels
from sdr_ota.erasure import Erasure
from sdr_ota.receiver.burst_evidence import judge_bursts
from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.synchronisation import BurstNotFound, locate_bursts
from sdr_ota.rounds.exchange import Link, ReceivedSounding, Slot
from sdr_ota.rounds.sender import subcarrier_frame
from sdr_ota.types import ChannelEstimate, PathErrors, Precoder, Samples, TransmitPlan


@dataclass(frozen=True)
class SoundedNodes:
    """What a sounding says of every node.

    Attributes:
        estimates: One a node, in node order; None for a node that was not received as it sent.
        missing: Why, by node, as far as the receiver knows.
    """

    estimates: tuple[ChannelEstimate | None, ...]
    missing: Mapping[int, str]


def sounded_nodes(sounding: ReceivedSounding, link: Link) -> SoundedNodes:
    """Estimate every node's path from its slot, and say why one could not be estimated.

    Where nodes repeat, level, offset and noise have a meaning; the delay is 0 and the phase is of
    no use, because both are new with every start.
    """
    slots = {node: slot for node, slot in enumerate(sounding.slots) if slot is not None}
    located = _located([slot.samples for slot in slots.values()], sounding.sample_rate_hz, link)
    estimates: list[ChannelEstimate | None] = [None] * len(sounding.slots)
    missing = {}
    for (node, slot), found in zip(slots.items(), located, strict=True):
        if isinstance(found, BurstNotFound):
            missing[node] = str(found)
        else:
            estimates[node] = _estimate(found, slot, sounding, link)
    return SoundedNodes(tuple(estimates), missing)


def _located(
    captures: Sequence[Samples], rate_hz: float, link: Link
) -> list[BurstFit | BurstNotFound]:
    """Return the burst of each slot as it was fitted and judged, all of them together."""
    frame = link.frame
    found = locate_bursts(
        captures, frame.sounding_burst(), frame.n_chirp, link.max_cfo_hz / rate_hz
    )
    fits = {n: fit for n, fit in enumerate(found) if isinstance(fit, BurstFit)}
    judged = judge_bursts([captures[n] for n in fits], frame, list(fits.values()))
    replaced = dict(zip(fits, judged, strict=True))
    return [replaced.get(n, one) for n, one in enumerate(found)]


def estimate_nodes(sounding: ReceivedSounding, link: Link) -> tuple[ChannelEstimate | None, ...]:
    """Estimate every node's path from its slot; None for a node that was not found."""
    return sounded_nodes(sounding, link).estimates


def _estimate(fit: BurstFit, slot: Slot, sounding: ReceivedSounding, link: Link) -> ChannelEstimate:
    """Return what a node's burst says of its path."""
    rate = sounding.sample_rate_hz
    center = fit.start + fit.center
    tick = round(center)
    turn = np.exp(2j * np.pi * fit.cfo * (tick - center))
    has_offset = link.max_cfo_hz > 0  # otherwise one reference feeds all radios
    due = slot.due_tick
    return ChannelEstimate(
        gain=complex(fit.gain * turn),
        gain_std=fit.gain_std,
        delay_s=0.0 if due is None else (slot.start_tick + fit.start - due) / rate,
        delay_std_s=0.0 if due is None else fit.start_std / rate,
        cfo_hz=fit.cfo * rate * has_offset,
        cfo_std_hz=fit.cfo_std * rate * has_offset,
        noise_power=fit.noise_power / _chip_energy(slot, sounding, link),
        measured_tick=slot.start_tick + tick,
    )


def _chip_energy(slot: Slot, sounding: ReceivedSounding, link: Link) -> float:
    """Return the energy by which a sample's noise becomes that of a payload's chip."""
    if slot.due_tick is None:
        return subcarrier_frame(link, len(sounding.slots)).chip_energy
    return link.frame.pulse.energy


def make_plan(
    estimates: Sequence[ChannelEstimate | None],
    peak_amplitude: float,
    truncation_db: float,
    unwanted: Mapping[int, str] = MappingProxyType({}),
    missing: Mapping[int, str] = MappingProxyType({}),
) -> TransmitPlan:
    """Turn a sounding into what every node is told: gain, delay, offset.

    Args:
        estimates: One a node; None for a node that was not found.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out.
        unwanted: Nodes that are left out for other reasons, and these in a sentence each.
        missing: Why nodes without an estimate have none.

    Raises:
        Erasure: ``no-plan`` if no node can take part.
    """
    absent = [_not_found(n, missing) for n, e in enumerate(estimates) if e is None]
    wanted = [(n, e) for n, e in enumerate(estimates) if e is not None and n not in unwanted]
    received, found = [node for node, _ in wanted], [estimate for _, estimate in wanted]
    if not found:
        detail = f"none of {len(estimates)} nodes was found in its sounding slot"
        raise Erasure("no-plan", "; ".join([detail, *(absent if missing else [])]))
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
    return TransmitPlan(
        precoders=tuple(precoders),
        rx_amplitude=inversion.rx_amplitude,
        noise_power=float(np.median([e.noise_power for e in found])),
        path_errors=tuple(PathErrors() if e is None else sounding_errors(e) for e in estimates),
        left_out=(*absent, *unwanted.values(), *_truncated(inversion, received)),
    )


def _not_found(node: int, missing: Mapping[int, str]) -> str:
    return f"node {node} was not found" + (f": {missing[node]}" if node in missing else "")


def _truncated(inversion: Inversion, received: Sequence[int]) -> tuple[str, ...]:
    return inversion.truncated([f"node {node}" for node in received])


def sounding_errors(estimate: ChannelEstimate) -> PathErrors:
    """Return what a sounding's own precision lets one expect of the rounds to come."""
    # Half of the complex error turns the phase, half of it changes the amplitude.
    one_part = estimate.gain_std / abs(estimate.gain) / math.sqrt(2)
    return PathErrors(
        phase_std_rad=one_part, amplitude_std=one_part, cfo_std_hz=estimate.cfo_std_hz
    )
