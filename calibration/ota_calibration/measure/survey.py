"""Hear one node's train again and again until every quantity is known as well as was asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ota_calibration.measure.cfo import train_cfo_hz
from ota_calibration.measure.front_end import FrontEnd, measure_front_end
from ota_calibration.measure.gain import train_gain_db
from ota_calibration.measure.repeats import RepeatRule
from ota_calibration.measure.sounding_sequence import Train, TrainCapture, TrainFit, fit_train
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
"""A burst whose fit leaves so many times more than its train's median was hit by something."""

_MOST_LOST = 8


class NodeSilent(Exception):  # noqa: N818 - says what is the case
    """A node was not heard; the text says why the last train was lost."""


@dataclass(frozen=True)
class Look:
    """One train: as fitted, and what it shows of each quantity.

    Attributes:
        capture: As received.
        fit: Its bursts.
        front_end: Images and leakages.
        time_s: Of its middle, receiver's time.
        values: By name; the delay is missing without hardware time.
    """

    capture: TrainCapture
    fit: TrainFit
    front_end: FrontEnd
    time_s: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Survey:
    """All looks at a node.

    Attributes:
        looks: In order of time.
        n_first: Looks of the first stage, which decided how many there are.
        lost: Why trains were lost, one sentence each.
        unmet: Quantities whose wanted half-width was not reached within the bound.
    """

    looks: Sequence[Look]
    n_first: int
    lost: tuple[str, ...]
    unmet: tuple[str, ...]

    def series(self, quantity: str) -> list[float]:
        """Return all looks at one quantity."""
        return [look.values[quantity] for look in self.looks if quantity in look.values]

    @property
    def times_s(self) -> list[float]:
        """Times of the looks."""
        return [look.time_s for look in self.looks]


@dataclass(frozen=True)
class Reading:
    """How trains are read.

    Attributes:
        train: What the node sends.
        max_cfo: Largest carrier offset looked for, in cycles per sample.
        sample_rate_hz: Samples a second.
    """

    train: Train
    max_cfo: float
    sample_rate_hz: float


def survey_node(
    hear: Callable[[], TrainCapture],
    reading: Reading,
    rule: RepeatRule,
    half_widths: Mapping[str, float],
    tell: Callable[[int, int], None],
) -> Survey:
    """Hear a node until the series' means are as precise as asked, or the bound is reached.

    Args:
        hear: Makes the node send its train once more and returns what came.
        reading: How that is read.
        rule: First stage, bound, confidence.
        half_widths: Wanted by quantity.
        tell: Called after every look with the looks so far and those needed, as far as known.

    Raises:
        NodeSilent: If eight trains in a row are lost.
        ReceiverSaturated: If a capture clips.
    """
    looks: list[Look] = []
    lost: list[str] = []
    n_needed, in_a_row = rule.n_first, 0
    while len(looks) < n_needed:
        try:
            looks.append(_look(hear(), reading))
        except (RadioError, Erasure, BurstNotFound, _Disturbed) as failure:
            lost.append(str(failure))
            in_a_row += 1
            if in_a_row >= _MOST_LOST:
                raise NodeSilent(f"{in_a_row} trains in a row were lost: {failure}") from failure
            continue
        in_a_row = 0
        if len(looks) == rule.n_first:
            n_needed = max(_needed(looks, rule, half_widths).values(), default=rule.n_first)
        tell(len(looks), n_needed)
    unmet = _unmet(looks, rule, half_widths)
    return Survey(tuple(looks), rule.n_first, tuple(lost), unmet)


def survey_of(captures: Sequence[TrainCapture], reading: Reading) -> Survey:
    """Read trains that were recorded: all of them count, none stops the series."""
    looks, lost = [], []
    for capture in captures:
        try:
            looks.append(_look(capture, reading))
        except (BurstNotFound, _Disturbed) as failure:
            lost.append(str(failure))
    if len(looks) < 3:
        why = f": {lost[-1]}" if lost else ""
        raise NodeSilent(f"{len(looks)} usable trains of {len(captures)}; at least 3 needed{why}")
    return Survey(tuple(looks), len(looks), tuple(lost), ())


class _Disturbed(Exception):  # noqa: N818 - says what is the case
    """Something else was on the air."""


def _look(capture: TrainCapture, reading: Reading) -> Look:
    fit = fit_train(capture, reading.train, reading.max_cfo)
    excess = float(fit.noise_powers.max() / max(fit.noise_power, 1e-30))
    if excess > DISTURBED:
        raise _Disturbed(
            f"one burst of the train left {10 * np.log10(excess):.1f} dB more than the others: "
            "interference, or a change of gain"
        )
    rate = reading.sample_rate_hz
    values = {
        "gain_db": train_gain_db(fit),
        "cfo_hz": train_cfo_hz(fit, rate),
        "clock_error_ppm": clock_error_ppm(fit),
    }
    delay = train_delay_samples(fit)
    if delay is not None:
        values["delay_samples"] = delay
    front_end = measure_front_end(capture, reading.train, fit)
    return Look(capture, fit, front_end, fit.middle / rate, values)


def _needed(
    looks: Sequence[Look], rule: RepeatRule, half_widths: Mapping[str, float]
) -> dict[str, int]:
    """Return how many looks each quantity needs; the carrier's drift counts as no noise."""
    needed = {}
    for quantity, half_width in half_widths.items():
        first = [look.values[quantity] for look in looks if quantity in look.values]
        if len(first) < rule.n_first:
            continue
        if quantity == "cfo_hz":
            time = np.array([look.time_s for look in looks])
            line = np.polyfit(time - time.mean(), first, 1)
            first = list(np.asarray(first) - np.polyval(line, time - time.mean()))
        needed[quantity] = rule.n_needed(first[: rule.n_first], half_width)
    return needed


def _unmet(
    looks: Sequence[Look], rule: RepeatRule, half_widths: Mapping[str, float]
) -> tuple[str, ...]:
    """Return which quantities would have needed more looks than the bound."""
    free = RepeatRule(rule.n_first, 10**9, rule.confidence)
    needed = _needed(looks[: rule.n_first], free, half_widths)
    return tuple(
        f"{quantity}: +-{half_widths[quantity]:g} would have taken {n} trains, the bound is "
        f"{rule.n_most}"
        for quantity, n in needed.items()
        if n > rule.n_most
    )
