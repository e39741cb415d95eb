"""From an aligned payload to the sum that it carries, or to a reason why it cannot be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.antennas import joint_chips, weighted
from sdr_ota.receiver.constancy import N_PARTS, moved_variance
from sdr_ota.receiver.evidence import DISTORTION_SHARE, Beside, Evidence, Needs, weigh
from sdr_ota.receiver.expectation import Expectation
from sdr_ota.receiver.joint_frame import ReceivedPayload, turned_back
from sdr_ota.receiver.levels import credible
from sdr_ota.receiver.plausibility import check_constancy
from sdr_ota.schemes.base import AggregationScheme
from sdr_ota.schemes.gain_errors import GainErrors, node_values
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips, ChipSum
from sdr_ota.units import power_to_db

QUIET_CHANCE = 1e-6
"""Probability that noise alone is so quiet in a part of a payload."""

SWING_CHANCE = 1e-2
"""Probability that noise alone makes energies differ so much over a payload that it is counted as a
gain that swings; where it is less than that of `check_constancy`, the round is erased."""

IDLE_MARGIN = 4.0
"""By which sounding and idle slot may both be noisier than the payload."""


@dataclass(frozen=True)
class Sending:
    """How a payload was sent.

    Attributes:
        scheme: How symbols are added.
        n_nodes: Nodes of the bench.
        seed: Of the round; it makes the node pilots.
        antenna_weights: By whose conjugates antennas are added before anything is read; empty
            where there is one, or where the scheme combines them.
    """

    scheme: AggregationScheme
    n_nodes: int
    seed: int
    antenna_weights: tuple[complex, ...] = ()


def decode_payload(
    received: ReceivedPayload, expected: Expectation, frame: FrameFormat, sending: Sending
) -> tuple[tuple[ChipSum, ...], Evidence]:
    """Decode a payload after its node pilots, and the payload itself, have proved it.

    It is judged as one: what takes the trust from one of its sums takes it from all.

    Args:
        received: As aligned.
        expected: What the plan lets one expect.
        frame: Its format.
        sending: How it was sent.

    Returns:
        A sum a symbol, and what the pilots show.

    Raises:
        Erasure: If it cannot be trusted.
    """
    scheme, n_nodes = sending.scheme, sending.n_nodes
    received, alone = _joined(received, expected, frame, sending)
    # What distorts the pilots may change the sum by a part of what its chips leave open.
    aligned, planned = frame.symbol_chips(received.chips), expected.rx_amplitude
    scatter = min(scheme.decode(chips, n_nodes, planned).std for chips in aligned)
    alike = [values for chips in aligned for values in scheme.alike(chips, n_nodes, planned)]
    reads_amplitudes = any(np.iscomplexobj(values) for values in alike)
    share = min(scatter / 4, DISTORTION_SHARE)
    beside = beside_symbols(alike, planned) if reads_amplitudes else None
    tones = not reads_amplitudes and 2 * sum(map(len, alike)) < len(received.chips)
    needs = Needs(scheme.needs_phase, reads_amplitudes, share, beside, tones)
    found = weigh(received, expected, frame, sending.seed, needs)
    symbols, level = frame.symbol_chips(found.chips), found.rx_amplitude
    # Each symbol has its own amplitude: values are alike inside one, and nowhere else.
    by_symbol = [scheme.alike(chips, n_nodes, level) for chips in symbols]
    every = [values for own in by_symbol for values in own]
    # A ramp of one radian through a symbol has a variance of 1/12; symbols are at most 1.
    turned = float(expected.turn_variances_rad2.sum()) / frame.n_symbols**2
    check_constancy(every, turned / 12)
    chance = SWING_CHANCE / max(sum(np.isrealobj(values) for values in every), 1)
    pairs = zip(found.gains, by_symbol, strict=True)
    noises = [
        fmean(
            payload_noise(frame.symbol_chips(one.chips)[symbol], own, level, one.noise_power)
            for one in alone
        )
        for symbol, own in enumerate(by_symbol)
    ]
    swung = tuple(_with_swing(gains, own, chance) for gains, own in pairs)
    found = replace(found, gains=swung, noise_powers=tuple(noises))
    return tuple(scheme.decode(chips, n_nodes, level) for chips in symbols), found


def _joined(
    received: ReceivedPayload, expected: Expectation, frame: FrameFormat, sending: Sending
) -> tuple[ReceivedPayload, tuple[ReceivedPayload, ...]]:
    """Return what is decoded, turned by the offset, and each antenna that is left beside it.

    Raises:
        Erasure: ``radio`` if samples are missing at an antenna.
    """
    for antenna, one in enumerate(received.antennas):
        where = f"antenna {antenna}: " if received.further else ""
        _check_samples(one, expected.noise_power, frame.n_symbols, where)
    burst = received.burst
    cfo = credible(burst.cfo, expected.cfo_variance, burst.cfo_std**2)
    received = turned_back(received, frame, cfo)
    if sending.antenna_weights:
        received = weighted(received, sending.antenna_weights)
    chips = joint_chips(received, frame, sending.scheme, sending.n_nodes)
    return replace(received, chips=chips), received.antennas


def _with_swing(
    gains: GainErrors, alike: Sequence[NDArray[np.float64] | Chips], chance: float
) -> GainErrors:
    """Return gains with what the energies of a symbol say of how they moved through it."""
    energies = [values.real for values in alike if np.isrealobj(values)]
    swing = max((moved_variance(values, chance) for values in energies), default=0.0)
    # An energy changes by twice the share by which its amplitude does.
    along = node_values(np.asarray(gains.along_variance) + swing / 4)
    return replace(gains, along_variance=along)


def beside_symbols(alike: Sequence[NDArray[np.float64] | Chips], rx_amplitude: float) -> Beside:
    """Return what a payload's chips hold beside the symbols.

    Args:
        alike: What a scheme's `alike` returns.
        rx_amplitude: Chip amplitude of a symbol of 1.
    """
    n_chips = sum(len(values) for values in alike)
    rest = sum(float(np.sum(np.abs(values - values.mean()) ** 2)) for values in alike)
    symbols = sum(len(values) * abs(complex(values.mean())) ** 2 for values in alike)
    rest_power = rest / max(n_chips - len(alike), 1)
    return Beside(rest_power * rx_amplitude**2, symbols / n_chips * rx_amplitude**2)


def payload_noise(
    chips: Chips,
    alike: Sequence[NDArray[np.float64] | Chips],
    rx_amplitude: float,
    idle_noise: float,
) -> float:
    """Return the noise power of a chip while a symbol was on the air.

    Amplitudes that were sent alike show it by their scatter. Energies scatter by themselves; what
    the idle slot held is then believed, but for what the quieter half of the chips cannot hold, but
    for a chance of `QUIET_CHANCE`: that was a pulse which is over.

    Args:
        chips: Of one symbol of the payload.
        alike: What a scheme's `alike` returns of them.
        rx_amplitude: Chip amplitude of a symbol of 1.
        idle_noise: Power of a chip in the idle slot.
    """
    if any(np.iscomplexobj(values) for values in alike):
        is_shown = any(len(values) > 1 for values in alike)
        return beside_symbols(alike, rx_amplitude).rest_power if is_shown else idle_noise
    halves = [half for half in np.array_split(chips, 2) if len(half)]
    quieter = min(halves, key=lambda half: float(np.mean(np.abs(half) ** 2)))
    energy = float(np.sum(np.abs(quieter) ** 2))
    return min(idle_noise, 2 * energy / float(stats.chi2.ppf(QUIET_CHANCE, 2 * len(quieter))))


def _check_samples(
    received: ReceivedPayload, sounded_noise: float, n_symbols: int, where: str = ""
) -> None:
    """Erase the round if samples are missing: no receiver is quieter than its own noise.

    Raises:
        Erasure: ``radio``.
    """
    chips, noise = received.chips, received.noise_power
    if not (np.isfinite(chips).all() and np.isfinite(received.pilots).all() and noise < np.inf):
        raise Erasure("radio", f"{where}the capture holds numbers that are not finite")
    if noise == 0.0:
        raise Erasure("radio", f"{where}the idle slot holds zeros alone: samples were lost")
    n_parts = N_PARTS * n_symbols
    parts = np.array_split(chips, min(n_parts, len(chips)))
    quietest = min(parts, key=lambda part: float(np.mean(np.abs(part) ** 2)))
    power, n_chips = float(np.mean(np.abs(quietest) ** 2)), len(quietest)
    chance = float(stats.chi2.ppf(QUIET_CHANCE / n_parts, 2 * n_chips)) / (2 * n_chips)
    if power < min(noise, sounded_noise) * chance / IDLE_MARGIN:
        raise Erasure(
            "radio",
            f"{where}a part of the payload has {power_to_db(noise / max(power, 1e-30)):.1f} dB "
            "less power than the noise of the idle slot: samples were lost",
        )
