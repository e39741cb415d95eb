"""What a window of repeated periods proves of itself: who sent, at what level, from end to end.

Every period holds the same chips. So the node pilots show each node's gain period by period, and
the payload can be compared with itself. A turn and a level that all nodes have in common are
corrected; what is left of a node's offset and level is counted in the sum's deviation; a window
whose periods differ, or that holds what the nodes did not send, erases the round.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.evidence import CHANCE, DISTORTION_SHARE, STEADY_SHARE
from sdr_ota.receiver.levels import (
    LEVEL_LIMIT_DB,
    UNEXPECTED_STDS,
    Reals,
    believed,
    common_level,
)
from sdr_ota.receiver.repeated_pilot import (
    PilotStart,
    RepeatedPilot,
    fit_repeated_pilot,
    without_lines,
)
from sdr_ota.schemes.base import AggregationScheme
from sdr_ota.schemes.gain_errors import GainErrors, node_values
from sdr_ota.signal.subcarriers import SubcarrierFrame
from sdr_ota.types import Chips, ChipSum, Samples
from sdr_ota.units import amplitude_to_db, power_to_db

NODE_PILOT_FALSE_ALARM = 1e-6
"""Probability that noise passes for a node's pilot in one exchange."""

SILENCE_LIMIT = 4.0
"""Power where nobody sends, over the sounding's, that may be noise."""

PHASE_STEADY_RAD = 0.05
"""By which the phase of a period may leave the line: the pilot is averaged as the payload is."""

LEAST_COMPARED = 32
"""Payload chips from which periods are compared: their mean energies are then nearly Gaussian."""


@dataclass(frozen=True)
class Window:
    """Samples that should hold whole periods of this round.

    Attributes:
        samples: Shape ``(n_window,)``.
        frame: Roles of the subcarriers.
        scheme: How symbols are added.
        seed: Of the round; it makes the node pilots.
    """

    samples: Samples
    frame: SubcarrierFrame
    scheme: AggregationScheme
    seed: int


@dataclass(frozen=True)
class WindowExpectation:
    """What the plan lets one expect of the nodes that send, one entry a node.

    Attributes:
        nodes: Their places on the bench.
        rx_amplitude: Chip amplitude of a symbol of 1.
        noise_power: Of a chip.
        level_variances: Of their relative amplitudes.
        walk_variances_rad2: By which each phase walks from one period to the next.
    """

    nodes: tuple[int, ...]
    rx_amplitude: float
    noise_power: float
    level_variances: Reals
    walk_variances_rad2: Reals


@dataclass(frozen=True)
class WindowEvidence:
    """A window that was found to be what the nodes sent.

    Attributes:
        chips: The payload without the common turn, shape ``(n_carried_chips,)``.
        rx_amplitude: Chip amplitude of a symbol of 1, as the node pilots show it.
        gains: Of the nodes that send, over the common level.
        noise_power: Of one chip: on subcarriers on which nobody sends, what leaks there included.
        cfo: Offset that all nodes had in common, in cycles per sample.
        pilots: What each node's pilot shows, beside the common offset.
        metric: Of the pilot that was found least well.
    """

    chips: Chips
    rx_amplitude: float
    gains: GainErrors
    noise_power: float
    cfo: float
    pilots: tuple[RepeatedPilot, ...]
    metric: float


def decode_window(
    window: Window, expected: WindowExpectation
) -> tuple[tuple[ChipSum, ...], WindowEvidence]:
    """Read the sums off a window after its node pilots, and the payload itself, have proved it.

    Returns:
        A sum a symbol, and what the pilots show.

    Raises:
        Erasure: ``radio``, ``not-found``, ``interference`` or ``gain-changed``.
    """
    frame, scheme = window.frame, window.scheme
    periods, cfo = _without_common_turn(window, expected)
    idle = without_lines(periods[:, frame.idle])
    chips, noise = periods[:, frame.payload].mean(axis=0), _power(idle.mean(axis=0))
    _check_silence(noise, expected)
    # What distorts the pilots by a share of their power changes by that share the energies of which
    # the sum is the difference: it may be a part of what their chips leave open.
    symbols, n_nodes = frame.symbol_chips(chips), frame.n_nodes
    scatter = min(scheme.decode(own, n_nodes, expected.rx_amplitude).std for own in symbols)
    energy = 2 * _power(chips) / expected.rx_amplitude**2
    share = min(scatter / energy / 4, DISTORTION_SHARE)
    pilots, metric = _node_pilots(window, periods, expected.nodes, _power(idle), share)
    _check_rest(pilots, idle, share, expected.nodes)
    _check_steady(pilots, expected)
    _check_payload(np.abs(periods[:, frame.payload]) ** 2)
    level, gains = _levels(pilots, noise, expected)
    rx_amplitude = expected.rx_amplitude * level
    read = tuple(scheme.decode(own, n_nodes, rx_amplitude) for own in symbols)
    return read, WindowEvidence(chips, rx_amplitude, gains, noise, cfo, pilots, metric)


def _without_common_turn(window: Window, expected: WindowExpectation) -> tuple[Chips, float]:
    """Return the bins of every period without the turn from one to the next, and that offset."""
    frame = window.frame
    pilots = [frame.node_pilot(node) for node in expected.nodes]
    sent = np.concatenate([frame.payload, *pilots])
    used = frame.analyse_periods(window.samples)[:, sent]
    cfo = float(np.angle(np.vdot(used[:-1], used[1:]))) / (2 * np.pi * frame.n_period)
    n_window = len(window.samples)
    place = np.arange(n_window) - (n_window - 1) / 2
    turned = window.samples * np.exp(-2j * np.pi * cfo * place)
    return frame.analyse_periods(turned), cfo


def _node_pilots(
    window: Window, periods: Chips, nodes: tuple[int, ...], noise: float, share: float
) -> tuple[tuple[RepeatedPilot, ...], float]:
    """Return what every node's pilot shows, and the least metric.

    Raises:
        Erasure: ``not-found`` if one of this round is not there.
    """
    frame, bins = window.frame, periods.mean(axis=0)
    threshold, weakest, pilots = frame.node_pilot_threshold(NODE_PILOT_FALSE_ALARM), 1.0, []
    for node in nodes:
        chips = frame.node_pilot_chips(node, window.seed)
        found = frame.find_node_pilot(bins, node, chips)
        if found.metric < threshold:
            raise Erasure(
                "not-found",
                f"node {node}'s pilot of this round is not on the air: metric "
                f"{found.metric:.2f}, threshold {threshold:.2f}",
            )
        weakest = min(weakest, found.metric)
        start = PilotStart(found.delay, noise, share)
        pilots.append(fit_repeated_pilot(periods, frame, node, chips, start))
    return tuple(pilots), weakest


def _check_silence(noise: float, expected: WindowExpectation) -> None:
    """Erase the round if subcarriers on which nobody sends hold more than noise and leakage.

    What leaks there when offsets are left, and a weak sender, is far below a node's own power.
    """
    if noise == 0.0:
        raise Erasure("radio", "subcarriers on which nobody sends hold exact zeros")
    limit = SILENCE_LIMIT * expected.noise_power + DISTORTION_SHARE * expected.rx_amplitude**2
    if noise > limit:
        excess_db = power_to_db(noise / max(expected.noise_power, 1e-30))
        raise Erasure(
            "interference",
            f"subcarriers on which nobody sends hold {excess_db:.1f} dB more power than the "
            "sounding's noise (limit "
            f"{power_to_db(limit / max(expected.noise_power, 1e-30)):.1f} dB)",
        )


def _check_rest(
    pilots: tuple[RepeatedPilot, ...], idle: Chips, share: float, nodes: tuple[int, ...]
) -> None:
    """Erase the round if a node's pilot holds what neither the node nor the noise explains.

    In the average over the periods, and in what changes from one to another.
    """
    n_periods, n_idle = idle.shape
    average = idle.mean(axis=0)
    noises = _power(average), _power(idle - average) * n_periods / (n_periods - 1)
    for node, pilot in zip(nodes, pilots, strict=True):
        rests, freedoms = (pilot.steady_rest, pilot.moving_rest), (1, n_periods - 1)
        for rest, noise, n_each in zip(rests, noises, freedoms, strict=True):
            freedom = (2 * n_each * (pilot.n_chips - 2), 2 * n_each * n_idle)
            explained = noise + share * abs(pilot.gain) ** 2
            limit = explained * float(stats.f.isf(CHANCE / len(pilots), *freedom))
            if rest > limit:
                raise Erasure(
                    "interference",
                    f"node {node}'s pilot holds {power_to_db(rest / noise):.1f} dB more than the "
                    "noise, which this node and round do not explain (limit "
                    f"{power_to_db(limit / noise):.1f} dB): something else is on the air, samples "
                    "were lost, or the receiver clips",
                )


def _check_steady(pilots: tuple[RepeatedPilot, ...], expected: WindowExpectation) -> None:
    """Erase the round if a level has changed inside the window, or a phase has left its line."""
    gains = np.stack([pilot.periods for pilot in pilots])
    noise = np.array([p.moving_rest / p.n_chips / max(abs(p.gain) ** 2, 1e-30) for p in pilots])
    n_nodes, n_periods = gains.shape
    walked = expected.walk_variances_rad2 * n_periods / 4  # the most that leaves a fitted line
    levels = (gains.real - 1) ** 2 / (noise / 2 + STEADY_SHARE**2)[:, np.newaxis]
    phases = gains.imag**2 / (noise / 2 + PHASE_STEADY_RAD**2 + walked)[:, np.newaxis]
    for excess, n_fitted, what in ((levels, 1, "level"), (phases, 2, "phase")):
        total, freedom = float(excess.sum()), n_nodes * (n_periods - n_fitted)
        limit = float(stats.chi2.isf(CHANCE, freedom))
        if total > limit:
            node, period = np.unravel_index(int(np.argmax(excess)), excess.shape)
            off = complex(gains[node, period])
            raise Erasure(
                "gain-changed",
                f"the {what} of nodes moved inside the window: node {expected.nodes[node]} by "
                f"{amplitude_to_db(max(abs(off), 1e-6)):+.1f} dB and "
                f"{np.degrees(np.angle(off)):+.0f} degrees in period {period + 1} of {n_periods} "
                f"(chi-square {total:.0f}, limit {limit:.0f})",
            )


def _check_payload(energies: Reals) -> None:
    """Erase the round if the payload's mean energy is not the same in every period.

    Hotelling's test (Anderson, An Introduction to Multivariate Statistical Analysis, chapter 5) of
    the contrasts between periods: offsets between nodes move the energy of each chip its own way
    from period to period, which leaves the mean of all where it is.

    Args:
        energies: Of the chips of every period, shape ``(n_periods, n_chips)``.
    """
    n_periods, n_chips = energies.shape
    if n_chips < LEAST_COMPARED:
        return
    contrasts = linalg.helmert(n_periods) @ energies
    mean, n_contrasts = contrasts.mean(axis=1), n_periods - 1
    allowed = (2 * STEADY_SHARE * float(energies.mean())) ** 2 + 1e-30
    spread = np.cov(contrasts) / n_chips + allowed * np.eye(n_contrasts)
    excess = float(mean @ np.linalg.solve(spread, mean))
    ratio = excess * (n_chips - n_contrasts) / (n_contrasts * (n_chips - 1))
    chance = float(stats.f.sf(ratio, n_contrasts, n_chips - n_contrasts))
    if chance < CHANCE:
        raise Erasure(
            "interference",
            "periods of the payload differ by more than noise can make them (chance "
            f"{chance:.1e}): samples were lost, a gain has stepped, or a pulse has hit it",
        )


def _levels(
    pilots: tuple[RepeatedPilot, ...], noise: float, expected: WindowExpectation
) -> tuple[float, GainErrors]:
    """Return the nodes' common level over the plan's, and what is known of each beside it.

    Raises:
        Erasure: ``gain-changed`` if a node is far from its plan, and farther than it can explain.
    """
    planned, known = expected.rx_amplitude, expected.level_variances
    levels = np.array([abs(pilot.gain) for pilot in pilots]) / planned
    kept = np.array([pilot.kept for pilot in pilots])
    rests = np.array([max(pilot.steady_rest, noise) for pilot in pilots])
    variances = rests / (2 * planned**2 * np.array([pilot.n_chips for pilot in pilots]))
    share = np.full(len(pilots), 1 / len(pilots))
    level, _ = common_level(levels, share, variances, known)
    along, along_variance = believed(levels / level - 1, variances, known)
    common, kept = float(kept.mean()), kept / kept.mean()
    _check_levels(kept * levels / level, known + variances, expected.nodes)
    # What distorts a pilot changes the payload too, and fills silence as noise does.
    distorted = np.maximum(rests - min(noise, expected.noise_power), 0.0)
    distorted = distorted / np.maximum(levels * planned, 1e-30) ** 2 / 2
    return level * common, GainErrors(
        mean=tuple((kept * (1 + along) + 0j).tolist()),
        along_variance=node_values(along_variance + distorted**2),
    )


def _check_levels(levels: Reals, variances: Reals, nodes: tuple[int, ...]) -> None:
    """Erase the round if a node is far from the others, and farther than the plan can explain."""
    far = (levels - 1) ** 2 > UNEXPECTED_STDS**2 * variances
    far &= np.abs(np.log10(np.maximum(levels, 1e-6))) > LEVEL_LIMIT_DB / 20
    if far.any():
        worst = int(np.argmax(far * np.abs(levels - 1)))
        raise Erasure(
            "gain-changed",
            f"node {nodes[worst]}'s pilot is {amplitude_to_db(max(levels[worst], 1e-6)):+.1f} dB "
            f"off its sounding (limit {LEVEL_LIMIT_DB:g} dB)",
        )


def _power(chips: Chips) -> float:
    return float(np.mean(np.abs(chips) ** 2))
