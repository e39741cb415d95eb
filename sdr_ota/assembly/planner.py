"""What plans a run's rounds from its soundings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ota_calibration.paths.feedback import FeedbackFormat
from ota_calibration.paths.sounding import estimate_nodes, make_plan
from ota_calibration.paths.tracker import PathTracker, with_forecast

from sdr_ota.config.air_time import planned_gap_s
from sdr_ota.config.load import Config
from sdr_ota.config.parts import shares_reference
from sdr_ota.rounds.exchange import Link, ReceivedSounding
from sdr_ota.types import TransmitPlan


@dataclass(frozen=True)
class TrackingPlanner:
    """Estimates the paths of each sounding, follows how they vary, and plans how nodes send.

    Attributes:
        link: Frame and search range of the sounding.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out.
        tracker: What consecutive soundings showed; all of a planner's state is in it.
        ahead_s: From the last node's sounding to the payload, as far as it is known beforehand.
    """

    link: Link
    peak_amplitude: float
    truncation_db: float
    tracker: PathTracker
    ahead_s: float

    def __call__(self, sounding: ReceivedSounding) -> TransmitPlan:
        """Return the plan that a new sounding asks for.

        Raises:
            Erasure: If no node can take part.
        """
        estimates = estimate_nodes(sounding, self.link)
        self.tracker.observe(estimates, sounding.late_nodes)
        forecast = self.tracker.forecast(self.ahead_s)
        plan = make_plan(forecast.estimates, self.peak_amplitude, self.truncation_db)
        return FeedbackFormat().fed_back(
            with_forecast(plan, forecast), sounding.sample_rate_hz, self.peak_amplitude
        )

    def snapshot(self) -> dict[str, object]:
        """Return what the soundings taught, as plain data."""
        return self.tracker.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises what `PathTracker.restore` raises."""
        self.tracker.restore(state)


def planner_of(config: Config, link: Link) -> TrackingPlanner:
    """Return what plans the rounds of a run."""
    rate_hz = config.radio.sample_rate_hz
    has_phase = not config.radio.sends_cyclic_frames
    return TrackingPlanner(
        link,
        config.link.peak_amplitude,
        config.link.truncation_db,
        path_tracker(link, rate_hz, shares_reference(config), has_phase),
        ahead_s=planned_gap_s(config, link, 1),
    )


def path_tracker(
    link: Link, sample_rate_hz: float, shares_reference: bool, has_phase: bool = True
) -> PathTracker:
    """Return what follows the paths of a link's soundings; see `PathTracker`."""
    burst_s = link.frame.n_sounding_burst / sample_rate_hz
    return PathTracker(sample_rate_hz, burst_s, shares_reference, has_phase)
