"""Receive one node's sequence again and again until every quantity is known well enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ota_calibration.measure.cfo import train_cfo_hz
from ota_calibration.measure.front_end import FrontEnd, measure_front_end
from ota_calibration.measure.gain import sequence_gain_db
from ota_calibration.measure.repeats import RepeatRule
from ota_calibration.measure.sounding_sequence import (
    SequenceCapture,
    SequenceFit,
    SoundingSequence,
    fit_sequence,
)
from ota_calibration.measure.timing import clock_error_ppm, train_delay_samples
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import RadioError
from sdr_ota.receiver.synchronisation import BurstNotFound

HALF_WIDTHS: Mapping[str, float] = {
    "gain_db": 0.5,
    "cfo_hz": 2.0,
    "delay_samples": 0.05,
    "clock_error_ppm": 0.5,
}
"""Half-widths of 95 % intervals at which a series ends, unless others are asked for."""

DISTURBED = 4.0
"""A burst whose fit leaves so many times more than its sequence's median was hit by something."""

_MOST_LOST = 8


class NodeSilent(Exception):  # noqa: N818 - says what is the case
    """A node was not received; the text says why the last sequence was lost."""


@dataclass(frozen=True)
class Observation:
    """One sequence: as fitted, and what it shows of each quantity.

    Attributes:
        capture: As received.
        fit: Its bursts.
        front_end: Images and DC offsets.
        time_s: Of its middle, receiver's time.
        values: By name; the delay is missing without hardware time.
    """

    capture: SequenceCapture
    fit: SequenceFit
    front_end: FrontEnd
    time_s: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Survey:
    """All observations of a node.

    Attributes:
        observations: In order of time.
        n_first: Observations of the first stage, which decided how many there are.
        lost: Why sequences were lost, one sentence each.
        unmet: Quantities whose wanted half-width was not reached within the bound.
    """

    observations: Sequence[Observation]
    n_first: int
    lost: tuple[str, ...]
    unmet: tuple[str, ...]

    def series(self, quantity: str) -> list[float]:
        """Return all observations of one quantity."""
        return [
            observation.values[quantity]
            for observation in self.observations
            if quantity in observation.values
        ]

    @property
    def times_s(self) -> list[float]:
        """Times of the observations."""
        return [observation.time_s for observation in self.observations]


@dataclass(frozen=True)
class Reading:
    """How sequences are read.

    Attributes:
        sequence: What the node sends.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        sample_rate_hz: Samples a second.
    """

    sequence: SoundingSequence
    max_cfo: float
    sample_rate_hz: float


def survey_node(
    receive: Callable[[], SequenceCapture],
    reading: Reading,
    rule: RepeatRule,
    half_widths: Mapping[str, float],
    tell: Callable[[int, int], None],
) -> Survey:
    """Receive a node until the series' means are as precise as asked, or the bound is reached.

    Args:
        receive: Makes the node send its sequence once more and returns what came.
        reading: How that is read.
        rule: First stage, bound, confidence.
        half_widths: Wanted by quantity.
        tell: Called after every observation with those so far and those needed, as far as known.

    Raises:
        NodeSilent: If eight sequences in a row are lost.
        ReceiverSaturated: If a capture clips.
    """
    observations: list[Observation] = []
    lost: list[str] = []
    n_needed, in_a_row = rule.n_first, 0
    while len(observations) < n_needed:
        try:
            observations.append(_observation(receive(), reading))
        except (RadioError, Erasure, BurstNotFound, _Disturbed) as failure:
            lost.append(str(failure))
            in_a_row += 1
            if in_a_row >= _MOST_LOST:
                raise NodeSilent(f"{in_a_row} sequences in a row were lost: {failure}") from failure
            continue
        in_a_row = 0
        if len(observations) == rule.n_first:
            n_needed = max(_needed(observations, rule, half_widths).values(), default=rule.n_first)
        tell(len(observations), n_needed)
    unmet = _unmet(observations, rule, half_widths)
    return Survey(tuple(observations), rule.n_first, tuple(lost), unmet)


def survey_of(captures: Sequence[SequenceCapture], reading: Reading) -> Survey:
    """Read sequences that were recorded: all of them count, none stops the series."""
    observations, lost = [], []
    for capture in captures:
        try:
            observations.append(_observation(capture, reading))
        except (BurstNotFound, _Disturbed) as failure:
            lost.append(str(failure))
    if len(observations) < 3:
        why = f": {lost[-1]}" if lost else ""
        raise NodeSilent(
            f"{len(observations)} usable sequences of {len(captures)}; at least 3 needed{why}"
        )
    return Survey(tuple(observations), len(observations), tuple(lost), ())


class _Disturbed(Exception):  # noqa: N818 - says what is the case
    """Something else was on the air."""


def _observation(capture: SequenceCapture, reading: Reading) -> Observation:
    fit = fit_sequence(capture, reading.sequence, reading.max_cfo)
    excess = float(fit.noise_powers.max() / max(fit.noise_power, 1e-30))
    if excess > DISTURBED:
        raise _Disturbed(
            f"one burst of the sequence left {10 * np.log10(excess):.1f} dB more than the others: "
            "interference, or a change of gain"
        )
    rate = reading.sample_rate_hz
    values = {
        "gain_db": sequence_gain_db(fit),
        "cfo_hz": train_cfo_hz(fit, rate),
        "clock_error_ppm": clock_error_ppm(fit),
    }
    delay = train_delay_samples(fit)
    if delay is not None:
        values["delay_samples"] = delay
    front_end = measure_front_end(capture, reading.sequence, fit)
    return Observation(capture, fit, front_end, fit.middle / rate, values)


def _needed(
    observations: Sequence[Observation], rule: RepeatRule, half_widths: Mapping[str, float]
) -> dict[str, int]:
    """Return how many observations each quantity needs; the carrier's drift counts as no noise."""
    needed = {}
    for quantity, half_width in half_widths.items():
        first = [
            observation.values[quantity]
            for observation in observations
            if quantity in observation.values
        ]
        if len(first) < rule.n_first:
            continue
        if quantity == "cfo_hz":
            time = np.array([observation.time_s for observation in observations])
            line = np.polyfit(time - time.mean(), first, 1)
            first = list(np.asarray(first) - np.polyval(line, time - time.mean()))
        needed[quantity] = rule.n_needed(first[: rule.n_first], half_width)
    return needed


def _unmet(
    observations: Sequence[Observation], rule: RepeatRule, half_widths: Mapping[str, float]
) -> tuple[str, ...]:
    """Return which quantities would have needed more observations than the bound."""
    free = RepeatRule(rule.n_first, 10**9, rule.confidence)
    needed = _needed(observations[: rule.n_first], free, half_widths)
    return tuple(
        f"{quantity}: +-{half_widths[quantity]:g} would have taken {n} sequences, the bound is "
        f"{rule.n_most}"
        for quantity, n in needed.items()
        if n > rule.n_most
    )
