"""What sounds the nodes of a run and plans how they send."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ota_calibration.paths.cyclic_sounding import sound_cyclic
from ota_calibration.paths.feedback import FeedbackFormat
from ota_calibration.paths.sounding import estimate_nodes, make_plan, receive_sounding
from ota_calibration.paths.tracker import PathTracker, with_variation

from sdr_ota.config.load import Config
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.types import TransmitPlan


@dataclass(frozen=True)
class TrackingPlanner:
    """Sounds the nodes, plans how they send, and remembers how their paths vary.

    Attributes:
        link: Frame and search range of the sounding.
        peak_amplitude: Largest chip amplitude of a node, full scale 1.0.
        truncation_db: A node this much weaker than the median is left out.
        tracker: What consecutive soundings showed.
        leaves_out_lost: Whether the run goes on without a node that has gone for good.
    """

    link: Link
    peak_amplitude: float
    truncation_db: float
    tracker: PathTracker
    leaves_out_lost: bool = False

    def __call__(self, bench: Bench) -> TransmitPlan:
        """Return the plan that a new sounding of the bench asks for."""
        if bench.has_hardware_time:
            received = receive_sounding(bench, self.link)
            sounding = estimate_nodes(received.capture, bench, self.link)
            variation = self.tracker.observe(sounding, received.late_nodes)
        else:
            sounding = sound_cyclic(bench, self.link, self.leaves_out_lost)
            variation = self.tracker.observe(sounding)
        plan = make_plan(sounding, self.peak_amplitude, self.truncation_db)
        return FeedbackFormat().fed_back(
            with_variation(plan, variation), bench.sample_rate_hz, self.peak_amplitude
        )

    def snapshot(self) -> dict[str, object]:
        """Return what the soundings taught, as plain data."""
        return self.tracker.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot; raises what `PathTracker.restore` raises."""
        self.tracker.restore(state)


def planner_of(config: Config, link: Link) -> TrackingPlanner:
    """Return what sounds the nodes and plans the rounds."""
    tracker = PathTracker(config.radio.sample_rate_hz)
    return TrackingPlanner(
        link,
        config.link.peak_amplitude,
        config.link.truncation_db,
        tracker,
        leaves_out_lost=config.radio.lost_node == "leave-out",
    )
