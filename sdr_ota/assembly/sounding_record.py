"""One line of ``soundings.jsonl``: what a sounding showed of every node."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from sdr_ota.assembly.planner import TrackingPlanner
from sdr_ota.types import ChannelEstimate
from sdr_ota.units import amplitude_to_db


def sounding_record(round_index: int, planner: TrackingPlanner) -> Mapping[str, object]:
    """Return the sounding before a round; None for a node that was missed.

    Args:
        round_index: The round.
        planner: Whose tracker remembers the sounding.
    """
    tracker = planner.tracker
    step = None if tracker.step is None else asdict(tracker.step)
    return {
        "round": round_index,
        "nodes": [_node(estimate) for estimate in tracker.latest],
        "receiver_gain_step": step,
    }


def _node(estimate: ChannelEstimate | None) -> Mapping[str, float] | None:
    if estimate is None:
        return None
    return {
        "gain_db": amplitude_to_db(abs(estimate.gain)),
        "phase_rad": float(np.angle(estimate.gain)),
        "relative_gain_std": estimate.gain_std / abs(estimate.gain),
        "delay_s": estimate.delay_s,
        "cfo_hz": estimate.cfo_hz,
        "cfo_std_hz": estimate.cfo_std_hz,
        "measured_tick": estimate.measured_tick,
    }
