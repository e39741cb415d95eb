"""What plans a run's rounds from its soundings."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ota_calibration.paths.antennas import (
    AntennaForecast,
    JointForecast,
    powers_forecast,
    weighted_forecast,
)
from ota_calibration.paths.feedback import FeedbackFormat
from ota_calibration.paths.path_start import PathStart
from ota_calibration.paths.power_control import is_received
from ota_calibration.paths.selection import Worth, gain_error, worthwhile
from ota_calibration.paths.sounding import make_plan, sounded_nodes
from ota_calibration.paths.tracker import PathForecast, PathTracker, with_forecast

from sdr_ota.config.air_time import planned_gap_s
from sdr_ota.config.load import Config
from sdr_ota.config.parts import shares_reference
from sdr_ota.rounds.exchange import Link, ReceivedSounding
from sdr_ota.schemes import Antennas, LinkQuality, adds_powers
from sdr_ota.types import TransmitPlan

MEAN_SQUARE = 0.25
"""Of a node's symbol, where nodes are judged: as large as half the limit."""


@dataclass(frozen=True)
class TrackingPlanner:
    """Estimates the paths of each sounding, follows how they vary, and plans how nodes send.

    Attributes:
        link: Frame and search range of the sounding.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out, whatever is predicted.
        tracker: What consecutive soundings showed; all of a planner's state is in it and in those
            of the receiver's other antennas.
        ahead_s: From the last node's sounding to the payload, as far as it is known beforehand.
        further: Trackers of the receiver's other antennas.
    """

    link: Link
    peak_amplitude: float
    truncation_db: float
    tracker: PathTracker
    ahead_s: float
    further: tuple[PathTracker, ...] = ()

    def __call__(self, sounding: ReceivedSounding) -> TransmitPlan:
        """Return the plan that a new sounding asks for.

        Raises:
            Erasure: If no node can take part.
        """
        antennas = [sounded_nodes(one, self.link) for one in sounding.antennas]
        for tracker, sounded in zip((self.tracker, *self.further), antennas, strict=True):
            tracker.observe(sounded.estimates, sounding.late_nodes)
        return self._planned(self.ahead_s, antennas[0].missing)

    def again(self, before: TransmitPlan, now_tick: int) -> TransmitPlan:
        """Return the plan of a round before which nobody was sounded.

        Offsets drift and paths fade between two soundings: what the tracker expects of a later
        payload is not what it expected of an earlier one.

        Args:
            before: Of the round before; nothing that matters is in it alone.
            now_tick: The receiver's, before the payload is ordered.

        Raises:
            Erasure: If no node can take part.
        """
        return self._planned(self.tracker.since_s(now_tick) + self.ahead_s, {})

    def _planned(self, ahead_s: float, missing: Mapping[int, str]) -> TransmitPlan:
        forecast, link = self._forecast(ahead_s), self.link
        paths = forecast.paths
        unwanted = unwanted_nodes(
            paths, link, self.peak_amplitude, ahead_s, forecast.overlap, forecast.n_antennas
        )
        plan = make_plan(
            paths.estimates, self.peak_amplitude, self.truncation_db, unwanted, missing
        )
        expected = replace(
            with_forecast(plan, paths),
            until_payload_s=tuple(forecast.waits_s.tolist()),
            antenna_weights=tuple(forecast.weights.tolist()),
        )
        return FeedbackFormat().fed_back(expected, self.tracker.sample_rate_hz, self.peak_amplitude)

    def _forecast(self, ahead_s: float) -> JointForecast:
        """Return what is expected of the paths, those to all antennas as one."""
        scheme, each = self.link.scheme, []
        for tracker in (self.tracker, *self.further):
            forecast, waits_s = tracker.forecast(ahead_s), tracker.until_payload_s(ahead_s)
            chips = np.ones(self.link.frame.n_payload_chips, complex)
            if adds_powers(scheme, chips, len(forecast.estimates)):
                forecast = forecast.of_powers(ahead_s)
            each.append(AntennaForecast(forecast, waits_s))
        if scheme.needs_phase:
            return weighted_forecast(each, self.truncation_db)
        return powers_forecast(each)

    def snapshot(self) -> dict[str, object]:
        """Return what the soundings taught, as plain data."""
        further = [tracker.snapshot() for tracker in self.further]
        return {**self.tracker.snapshot(), **({"further": further} if further else {})}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises what `PathTracker.restore` raises."""
        self.tracker.restore(state)
        for tracker, then in zip(self.further, state.get("further", ()), strict=True):
            tracker.restore(then)


def unwanted_nodes(
    forecast: PathForecast,
    link: Link,
    peak_amplitude: float,
    ahead_s: float,
    overlap: float = 1.0,
    n_antennas: int = 1,
) -> Mapping[int, str]:
    """Return the nodes without which the mean is predicted to err less, and why, a sentence each.

    Args:
        forecast: Of the paths, `ahead_s` after the last node's sounding.
        link: Its scheme decides whether phases count, and what noise does.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        ahead_s: From the sounding to the payload.
        overlap: Mean of those of any two nodes, where powers of antennas are added.
        n_antennas: Whose powers are added.
    """
    found = {n: e for n, e in enumerate(forecast.estimates) if e is not None and is_received(e)}
    if not found:
        return {}
    nodes, n_nodes = list(found), len(forecast.estimates)
    reach = peak_amplitude * np.array([abs(estimate.gain) for estimate in found.values()])
    noise_power = float(np.median([estimate.noise_power for estimate in found.values()]))
    phase, level = forecast.variances(ahead_s)
    errors = gain_error(phase[nodes], level[nodes], link.scheme.needs_phase)

    def noise(n_sending: int, amplitude: float) -> float:
        symbols = np.full(n_sending, math.sqrt(MEAN_SQUARE)) * (-1.0) ** np.arange(n_sending)
        n_chips, n_absent = link.frame.n_payload_chips, n_nodes - n_sending
        antennas = Antennas.alike(n_antennas, n_sending, overlap)
        quality = LinkQuality(n_chips, amplitude, noise_power, n_absent=n_absent, antennas=antennas)
        return link.scheme.theory_variance(symbols, quality)

    sends = worthwhile(reach, errors, Worth(n_nodes, MEAN_SQUARE, noise))
    return {
        node: f"node {node} would make the mean worse: its gain is "
        f"{abs(found[node].gain):.2g} and expected to be wrong by {math.sqrt(error):.0%}"
        for node, error, is_sending in zip(nodes, errors, sends, strict=True)
        if not is_sending
    }


def planner_of(
    config: Config,
    link: Link,
    start: PathStart = PathStart(),  # noqa: B008 - frozen
) -> TrackingPlanner:
    """Return what plans the rounds of a run.

    Args:
        config: The experiment.
        link: Frame and scheme.
        start: What calibration says of the paths.
    """
    rate_hz = config.radio.sample_rate_hz
    has_phase = not config.radio.sends_cyclic_frames
    tracker, *further = (
        path_tracker(link, rate_hz, shares_reference(config), has_phase, start)
        for _ in range(config.radio.rx_antennas)
    )
    return TrackingPlanner(
        link,
        config.link.peak_amplitude,
        config.link.truncation_db,
        tracker,
        ahead_s=planned_gap_s(config, link, 1),
        further=tuple(further),
    )


def path_tracker(
    link: Link,
    sample_rate_hz: float,
    shares_reference: bool,
    has_phase: bool = True,
    start: PathStart = PathStart(),  # noqa: B008 - frozen
) -> PathTracker:
    """Return what follows the paths of a link's soundings; see `PathTracker`."""
    burst_s = link.frame.n_sounding_burst / sample_rate_hz
    return PathTracker(sample_rate_hz, burst_s, shares_reference, has_phase, start)
