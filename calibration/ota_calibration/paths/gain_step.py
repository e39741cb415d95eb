"""A step of the receiver's gain shows in all nodes at once: same dB, same turn.

One step of an AD9361 receiver from 33 to 34 dB turned the phase by 177 degrees (public logs of
techtile-by-dramco/NI-B210-Sync, recomputed). What one node does alone is that node's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdr_ota.types import ChannelEstimate
from sdr_ota.units import amplitude_to_db

LEAST_TURN_DEG = 60.0
LEAST_STEP_DB = 0.5
LEAST_RESULTANT = 0.9
"""Of the nodes' turns: independent phases of three nodes agree so well once in 50 cases, but not
on a turn and a step in level."""


@dataclass(frozen=True, slots=True)
class GainStep:
    """What happened to the receiver between two soundings.

    Attributes:
        step_db: Common change of level.
        turn_deg: Common turn, in (-180, 180].
    """

    step_db: float
    turn_deg: float


def receiver_step(
    before: Sequence[ChannelEstimate | None],
    now: Sequence[ChannelEstimate | None],
    sample_rate_hz: float,
) -> GainStep | None:
    """Compare two soundings; None if nothing happened to all nodes alike.

    Args:
        before: The earlier sounding, in node order.
        now: The later one.
        sample_rate_hz: Samples a second: carrier offsets turn phases between the two.
    """
    pairs = [(b, n) for b, n in zip(before, now, strict=False) if b is not None and n is not None]
    if len(pairs) < 2:
        return None
    ratios = np.array([_ratio(b, n, sample_rate_hz) for b, n in pairs])
    turns = ratios / np.abs(ratios)
    resultant = complex(turns.mean())
    steps_db = np.array([amplitude_to_db(float(r)) for r in np.abs(ratios)])
    step_db, turn_deg = float(np.median(steps_db)), float(np.degrees(np.angle(resultant)))
    agree = abs(resultant) > LEAST_RESULTANT and float(np.std(steps_db)) < abs(step_db)
    if agree and abs(turn_deg) > LEAST_TURN_DEG and abs(step_db) > LEAST_STEP_DB:
        return GainStep(step_db, turn_deg)
    return None


def _ratio(before: ChannelEstimate, now: ChannelEstimate, sample_rate_hz: float) -> complex:
    elapsed_s = (now.measured_tick - before.measured_tick) / sample_rate_hz
    cfo_hz = (before.cfo_hz + now.cfo_hz) / 2
    return now.gain / (before.gain * complex(np.exp(2j * np.pi * cfo_hz * elapsed_s)))
