"""What a joint frame proves of itself: who sent, how each gain stood, whether it stayed so.

The preamble is one node's, and it is over when the payload begins. What the sum rests on comes
from the node pilots around the payload: every node's gain before and behind it. A common turn and
a common level are corrected; what is left is counted in the sum's deviation; what cannot be
explained erases the round.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.erasure import Erasure, NodesAbsent
from sdr_ota.receiver.expectation import CodeGroups, Expectation
from sdr_ota.receiver.joint_frame import ReceivedPayload
from sdr_ota.receiver.levels import (
    LEVEL_LIMIT_DB,
    UNEXPECTED_STDS,
    ShownLevel,
    believed,
    common_level,
    credible,
)
from sdr_ota.receiver.pilot_fit import LEAST_DELAY_STD_CHIPS, PilotFit, fit_node_pilots
from sdr_ota.receiver.pilot_gains import PilotGains
from sdr_ota.schemes.base import ONE_ANTENNA, Antennas, overlaps_of
from sdr_ota.schemes.gain_errors import GainErrors, node_values
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.waveform import raised_cosine
from sdr_ota.types import Chips
from sdr_ota.units import amplitude_to_db, power_to_db

Reals = NDArray[np.float64]

CHANCE = 1e-4
"""Probability of each test that it erases a round in which nothing is wrong."""

PHASE_LIMIT_RAD = 0.5
"""A node turned so much farther than planned is not counted but refused, where phases matter."""

DISTORTION_SHARE = 0.02
"""Of the node pilots' power, that multipath and converters may leave unexplained."""

MEDIAN_EFFICIENCY = 0.84
"""Of the median of four equal measurements of a power against their mean."""

INTERFERED = 2.0
"""Power in the node pilots over the noise, from which something else is on the air."""

ABSENT_AMPLITUDE = 0.2
"""Over the planned one: a node below it, as far as noise lets one see, did not send."""

CHANCE_EXCESS = 1.5
"""Power in the node pilots over the noise, up to which chance explains it."""

HIDDEN_VARIANCE = 0.1
"""Of a gain over the planned one, from which interference leaves nothing to be verified."""

STEADY_SHARE = 1e-2
"""Change of a gain over the payload, relative, that hardware may make and that is only counted."""


@dataclass(frozen=True)
class Beside:
    """What the chips of a payload hold beside the symbols.

    Attributes:
        rest_power: Of a chip: noise, whoever else is on the air, leakage of carriers, distortion.
        symbol_power: Of a chip, that the symbols make.
    """

    rest_power: float
    symbol_power: float


@dataclass(frozen=True)
class Needs:
    """What a scheme needs of the nodes' gains.

    Attributes:
        phase: Whether phases matter.
        amplitude: Whether amplitudes are read; else energies are.
        tones: Whether an energy is that of many chips together: of a tone, not of the whole band.
        distortion_share: Of the node pilots' power, that may be left unexplained.
        beside: What the payload's chips hold beside the symbols; None where they do not show it.
    """

    phase: bool
    amplitude: bool
    distortion_share: float
    beside: Beside | None = None
    tones: bool = False


@dataclass(frozen=True)
class Evidence:
    """A payload that was found to be what the nodes sent.

    Attributes:
        chips: The payload without the common turn, shape ``(n_carried_chips,)``.
        rx_amplitude: Chip amplitude of a symbol of 1, as the node pilots show it.
        gains: Of the nodes that send, over the plan's and the common correction, at each symbol.
        phase_rad: The common turn at the payload's middle.
        phase_variance_rad2: Of what is left of it.
        noise_powers: Of a chip, at each symbol of the payload.
        shown_level: Mean amplitude of the nodes over the expected one, as the pilots show it; None
            where phases do not matter, so that noise adds to it, and where a gain has stepped.
        antennas: Of the receiver, and how alike the nodes' paths to them are.
    """

    chips: Chips
    rx_amplitude: float
    gains: tuple[GainErrors, ...]
    phase_rad: float
    phase_variance_rad2: float
    noise_powers: tuple[float, ...]
    shown_level: ShownLevel | None = None
    antennas: Antennas = ONE_ANTENNA


def weigh(
    received: ReceivedPayload,
    expected: Expectation,
    frame: FrameFormat,
    seed: int,
    needs: Needs,
) -> Evidence:
    """Measure every node's gain around the payload, and correct what is common.

    Args:
        received: Payload and node pilots as aligned; of several antennas with the joint chips.
        expected: What the plan expects.
        frame: The format.
        seed: Of the round; it makes the codes.
        needs: What the scheme needs of the gains.

    Raises:
        NodesAbsent: If some nodes did not send.
        Erasure: ``interference``, ``not-found`` or ``gain-changed``.
    """
    needs_phase, groups = needs.phase, CodeGroups.of(expected, frame, seed)
    pilots, antennas = _all_pilots(received, expected, groups, frame, needs)
    _check_presence(pilots, expected, groups)
    turn_rad = _common_turn(pilots, groups) if needs_phase else 0.0
    pilots = pilots.turned(-turn_rad / 2, turn_rad / 2)
    _check_steady(pilots, groups, needs_phase)
    phase_rad, phase_variance = _common_phase(pilots, groups) if needs_phase else (0.0, 0.0)
    pilots = pilots.turned(phase_rad, phase_rad)
    if not needs_phase:
        pilots = replace(pilots, gains=np.abs(pilots.gains) + 0j)
    level, shown = _common_level(pilots, groups)
    _check_nodes(pilots.mean / level, pilots.part_variances, groups, needs_phase)
    codes = [CodeGroups.of(expected.at(place), frame, seed) for place in range(frame.n_symbols)]
    gains = _gains_by_symbol(pilots, level, codes, frame, needs_phase)
    if needs_phase:  # a chip that is read late by a known time has a known part of its height
        height = raised_cosine(pilots.delays_chips, frame.pulse.rolloff)[groups.of_node]
        gains = tuple(_with_heights(errors, height / height.mean()) for errors in gains)
        level *= float(height.mean())
    else:  # what arriving late leaves of an energy is the scheme's to say
        gains = tuple(_with_arrivals(errors, pilots, groups) for errors in gains)
    n_chips = len(received.chips)
    ramp = (np.arange(n_chips) - (n_chips - 1) / 2) / frame.pilot_distance_chips
    return Evidence(
        chips=received.chips * np.exp(-1j * (phase_rad + turn_rad * ramp)),
        rx_amplitude=expected.rx_amplitude * level,
        gains=gains,
        phase_rad=phase_rad,
        phase_variance_rad2=phase_variance,
        noise_powers=(received.noise_power,) * frame.n_symbols,
        shown_level=shown if needs_phase else None,
        antennas=antennas,
    )


def _all_pilots(
    received: ReceivedPayload,
    expected: Expectation,
    groups: CodeGroups,
    frame: FrameFormat,
    needs: Needs,
) -> tuple[PilotGains, Antennas]:
    """Fit the node pilots at every antenna; raises `Erasure` where one is not what was sent."""
    if not received.further:
        return _received_pilots(received, expected, groups, frame, needs), ONE_ANTENNA
    each = []
    for antenna, one in enumerate(received.antennas):
        try:  # what a payload's chips hold beside the symbols, they hold for all antennas together
            own = _received_pilots(one, expected, groups, frame, replace(needs, beside=None))
        except Erasure as lost:
            raise Erasure(lost.reason, f"antenna {antenna}: {lost.detail}") from lost
        each.append(own)
    overlaps = overlaps_of(np.stack([own.mean for own in each]))
    overlaps = overlaps[np.ix_(groups.of_node, groups.of_node)]
    antennas = Antennas(len(each), tuple(map(tuple, overlaps.tolist())))
    delay_variance = max(expected.delay_std_chips, LEAST_DELAY_STD_CHIPS) ** 2
    return PilotGains.of_antennas(each, delay_variance), antennas


def _received_pilots(
    received: ReceivedPayload,
    expected: Expectation,
    groups: CodeGroups,
    frame: FrameFormat,
    needs: Needs,
) -> PilotGains:
    """Fit the node pilots; raises `Erasure` where they are not what the nodes sent."""
    noise, delay_std = received.noise_power, expected.delay_std_chips
    fit = fit_node_pilots(received.pilots, groups.codes, noise, delay_std, frame.pulse.rolloff)
    sent = float(np.mean(np.sum(np.abs(fit.gains) ** 2, axis=1)))
    _check_rest(fit, noise, needs.distortion_share * sent, frame)
    planned = expected.rx_amplitude * groups.counts
    excess = max(fit.rest_power / max(noise, 1e-30), 1.0)
    variances = excess * fit.variances / planned**2
    if excess > INTERFERED and float(variances.max()) > HIDDEN_VARIANCE:
        raise Erasure("interference", "what is on the air beside the nodes hides their pilots")
    # A gain loses twice that much between other nodes' chips, and nothing in a silent payload.
    compressed = abs(2 * fit.compression) ** 2
    gains = fit.gains / planned
    late = excess * fit.delay_variances
    distorted = _distortion_variance(fit.rest_power, sent, noise, needs) + compressed
    return PilotGains(gains, variances, fit.delays_chips, late, distorted)


def _distortion_variance(rest_power: float, sent_power: float, noise: float, needs: Needs) -> float:
    """Return the variance of a gain, relative, by what distorts the pilots beyond chance.

    Distortion grows with what is sent; noise, other senders and the leakage of carriers do not.
    A payload whose symbols are weaker than the pilots shows the latter nearly alone.
    """
    if needs.phase:  # neighbours of the spreading chips do not add up: their scatter shows it all
        return 0.0
    if needs.tones:
        # A tone meets the channel at one frequency, pilots at all of the band: they differ by what
        # pilots leave unexplained. Half of it lies along the gain; energies' scatter hides chance.
        return max(rest_power - noise, 0.0) / max(sent_power, 1e-30) / 2
    signal, beside = 0.0, needs.beside
    if beside is not None and beside.symbol_power < sent_power / 2:
        noise, signal = max(noise, beside.rest_power), beside.symbol_power
    share = max(rest_power - CHANCE_EXCESS * noise, 0.0) / max(sent_power - signal, 1e-30)
    # Powers add, and an energy of the whole band is off by the share itself.
    return share if needs.amplitude else (share / 2) ** 2


def _common_turn(pilots: PilotGains, groups: CodeGroups) -> float:
    """Return how far all nodes turned from one pilot to the other, as far as it is credible."""
    share = groups.share
    return credible(
        float(np.angle(share @ (pilots.gains[0].conj() * pilots.gains[1]))),
        float(share @ groups.turn_variances),
        float(share**2 @ pilots.variances.sum(axis=0)) / 2,
    )


def _common_phase(pilots: PilotGains, groups: CodeGroups) -> tuple[float, float]:
    """Return the phase of all nodes together, as far as it is credible, and what is left open."""
    share = groups.share
    phase, variance = believed(
        np.angle(share @ pilots.mean),
        share**2 @ pilots.part_variances,
        share @ groups.phase_variances,
    )
    return float(phase), float(variance)


def _common_level(pilots: PilotGains, groups: CodeGroups) -> tuple[float, ShownLevel | None]:
    """Return the level of all nodes together as far as it is credible, and as measured."""
    noise = pilots.part_variances
    return common_level(pilots.mean.real, groups.share, noise, groups.level_variances)


def _gains_by_symbol(
    pilots: PilotGains, level: float, codes: list[CodeGroups], frame: FrameFormat, needs_phase: bool
) -> tuple[GainErrors, ...]:
    """Return what is known of the nodes' gains at each symbol of the payload."""
    places = [frame.symbol_place(symbol) for symbol in range(frame.n_symbols)]
    each = [replace(pilots, place=place, width=1 / frame.n_symbols) for place in places]
    pairs = zip(each, codes, strict=True)
    return tuple(_gain_errors(own, level, groups, needs_phase) for own, groups in pairs)


def _gain_errors(
    pilots: PilotGains, level: float, groups: CodeGroups, needs_phase: bool
) -> GainErrors:
    """Return what is known of the nodes' gains by plan and pilots together."""
    noise, gains = pilots.part_variances, pilots.mean / level
    amplitude = np.maximum(np.abs(gains), 1e-6)
    along, along_variance = believed(amplitude - 1, noise, groups.level_variances)
    turn, turn_variance = believed(np.angle(gains), noise / amplitude**2, groups.phase_variances)
    moved = pilots.wander_variances + pilots.distortion_variance
    mean = (1 + along) * np.exp(1j * turn * needs_phase)
    across_variance = (1 + along) ** 2 * turn_variance
    # Of nodes that share a code only the mean is seen; what each is off it, the plan alone knows.
    unseen_level, unseen_phase = groups.unseen_variances
    across = (across_variance[groups.of_node] + unseen_phase) * needs_phase
    return GainErrors(
        mean=tuple(mean[groups.of_node].tolist()),
        along_variance=node_values((along_variance + moved)[groups.of_node] + unseen_level),
        across_variance=node_values(across),
    )


def _with_arrivals(errors: GainErrors, pilots: PilotGains, groups: CodeGroups) -> GainErrors:
    """Return the gains of nodes whose arrivals the pilots show."""
    return replace(
        errors,
        timing_chips=node_values(pilots.delays_chips[groups.of_node]),
        timing_variance_chips2=node_values(pilots.delay_variances[groups.of_node]),
    )


def _with_heights(errors: GainErrors, heights: Reals) -> GainErrors:
    """Return the gains of nodes whose chips are read at known heights of their pulses."""
    along, across = np.asarray(errors.along_variance), np.asarray(errors.across_variance)
    return replace(
        errors,
        mean=tuple((np.asarray(errors.mean) * heights).tolist()),
        along_variance=node_values(along * heights**2),
        across_variance=node_values(across * heights**2),
    )


def _check_rest(fit: PilotFit, noise: float, distortion: float, frame: FrameFormat) -> None:
    """Erase the round if the node pilots hold what neither nodes nor noise explain."""
    freedom = (2 * fit.n_degrees, 2 * MEDIAN_EFFICIENCY * frame.n_idle_chips)
    limit = (noise + distortion) * float(stats.f.isf(CHANCE, *freedom))
    if fit.rest_power > limit:
        raise Erasure(
            "interference",
            f"the node pilots hold {power_to_db(fit.rest_power / noise):.1f} dB more than the "
            "noise, which the nodes of this bench and round do not explain (limit "
            f"{power_to_db(limit / noise):.1f} dB): something else is on the air, samples were "
            "lost, or the receiver clips",
        )


def _check_presence(pilots: PilotGains, expected: Expectation, groups: CodeGroups) -> None:
    """Tell of nodes whose pilots are not there, where they would be seen if they were.

    Raises:
        NodesAbsent: With these nodes, if others are left.
    """
    spread = pilots.part_variances
    noise_alone = pilots.noise_alone(CHANCE)
    missing = (np.abs(pilots.mean) ** 2 < noise_alone) & (noise_alone < ABSENT_AMPLITUDE**2)
    missing &= UNEXPECTED_STDS**2 * (groups.level_variances + spread) < 1
    if missing.any():
        nodes = tuple(np.array(expected.nodes)[missing[groups.of_node]].tolist())
        detail = (
            f"the pilot of {groups.names[int(np.argmax(missing))]} is not there: amplitude "
            f"{np.abs(pilots.mean)[missing][0]:.3f} of what was planned"
        )
        if missing.all():
            raise Erasure("not-found", detail)
        raise NodesAbsent(nodes, detail)


def _check_steady(pilots: PilotGains, groups: CodeGroups, needs_phase: bool) -> None:
    """Erase the round if gains behind the payload are not those before it."""
    gains, variances = pilots.gains, pilots.variances
    if needs_phase:
        change = np.abs(gains[1] - gains[0]) ** 2
        allowed = variances.sum(axis=0) + groups.turn_variances + STEADY_SHARE**2
        excess, freedom = 2 * change / allowed, 2
    else:
        change = (np.abs(gains[1]) - np.abs(gains[0])) ** 2
        allowed = variances.sum(axis=0) / 2 + STEADY_SHARE**2
        excess, freedom = change / allowed, 1
    total = float(excess.sum())
    limit = float(stats.chi2.isf(CHANCE, freedom * len(excess)))
    if total > limit:
        worst = int(np.argmax(excess))
        change_db = amplitude_to_db(abs(gains[1, worst]) / max(abs(gains[0, worst]), 1e-30))
        raise Erasure(
            "gain-changed",
            f"gains moved during the payload: {groups.names[worst]} by {change_db:+.1f} dB and "
            f"{np.degrees(np.angle(gains[1, worst] / gains[0, worst])):+.0f} degrees "
            f"(chi-square {total:.0f}, limit {limit:.0f})",
        )


def _check_nodes(gains: Chips, spread: Reals, groups: CodeGroups, needs_phase: bool) -> None:
    """Erase the round if a node is far from its plan, and farther than the plan can explain."""
    level_db = 20 * np.log10(np.maximum(np.abs(gains), 1e-6))
    phase_rad = np.angle(gains)
    off = (np.abs(gains) - 1) ** 2 > UNEXPECTED_STDS**2 * (groups.level_variances + spread)
    wrong = off & (np.abs(level_db) > LEVEL_LIMIT_DB)
    if needs_phase:
        turned = phase_rad**2 > UNEXPECTED_STDS**2 * (groups.phase_variances + spread)
        wrong |= turned & (np.abs(phase_rad) > PHASE_LIMIT_RAD)
    if wrong.any():
        worst = int(np.argmax(wrong * np.abs(gains - 1)))
        raise Erasure(
            "gain-changed",
            f"{groups.names[worst]} arrived {level_db[worst]:+.1f} dB and "
            f"{np.degrees(phase_rad[worst]):+.0f} degrees off its sounding (limits "
            f"{LEVEL_LIMIT_DB:g} dB, {np.degrees(PHASE_LIMIT_RAD):.0f} degrees where phases "
            "matter)",
        )
