"""Single readings of level and phase, node by node, made into paths at common, even times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdr_ota.air.channels.channel import Channel, ChannelFileError, Reals

POINTS = 4
"""Even times for each reading of a node."""

MOST_TIMES = 2**21
"""Of them; more come from a mistake in a column of times rather than from a channel."""


@dataclass(frozen=True)
class Reading:
    """What was read of one node at one time.

    Attributes:
        time_s: When.
        gain_db: Power gain.
        phase_rad: Phase, of which only the place within a turn counts.
        cfo_hz: Carrier offset at that time, which says how many turns lie between two readings.
        delay_s: When its signal arrived.
    """

    time_s: float
    gain_db: float
    phase_rad: float = 0.0
    cfo_hz: float = 0.0
    delay_s: float = 0.0


def channel_of_readings(
    nodes: Sequence[Sequence[Reading]],
    carrier_hz: float | None = None,
    phases: bool = True,
    held: int = 0,
) -> Channel:
    """Return one tap a node, at even times.

    Between a node's own readings level and phase follow a curve that never leaves the range of its
    neighbours (piecewise cubic Hermite); beyond them the level is held and the phase goes on at
    its last mean rate. Phases are counted through: from one reading to the next by the turns that
    the mean of both carrier offsets makes, to the nearest.

    Args:
        nodes: Each node's readings.
        carrier_hz: At which they were taken.
        phases: Whether they tell phases at all.
        held: For how many intervals between readings the first is taken to have held before, and
            the last after it was read.

    Raises:
        ChannelFileError: If a node has none, or two at one time.
    """
    for node, readings in enumerate(nodes):
        if not readings:
            raise ChannelFileError(f"it has no reading of node {node}")
    ordered = [sorted(readings, key=lambda one: one.time_s) for readings in nodes]
    at_s = [np.array([one.time_s for one in readings]) for readings in ordered]
    grid_s = _even_times(at_s, held)
    levels = np.stack([_level(*pair, grid_s) for pair in zip(at_s, ordered, strict=True)], axis=1)
    turned = np.stack([_phase(*pair, grid_s) for pair in zip(at_s, ordered, strict=True)], axis=1)
    delay_s = np.array([np.mean([one.delay_s for one in readings]) for readings in ordered])
    return Channel(
        levels[:, :, None].astype(np.complex128),
        (delay_s - delay_s.min())[:, None],
        grid_s - grid_s[0],
        turned if phases else None,
        carrier_hz,
    )


def _even_times(at_s: Sequence[Reals], held: int) -> Reals:
    between_s = np.concatenate([np.diff(own_s) for own_s in at_s])
    if (between_s <= 0).any():
        raise ChannelFileError("a node has two readings at one time")
    first_s, last_s = min(own_s[0] for own_s in at_s), max(own_s[-1] for own_s in at_s)
    if not between_s.size:
        return np.array([first_s])
    interval_s = float(np.median(between_s))
    span_s = last_s - first_s + 2 * held * interval_s
    n_steps = math.ceil(POINTS * span_s / interval_s)
    if n_steps >= MOST_TIMES:
        raise ChannelFileError(
            f"its readings span {span_s:g} s at {interval_s:g} s: at most {MOST_TIMES // POINTS} "
            "intervals can be used"
        )
    return np.asarray(first_s - held * interval_s + np.linspace(0.0, span_s, n_steps + 1))


def _level(own_s: Reals, readings: Sequence[Reading], grid_s: Reals) -> Reals:
    gain_db = _between(own_s, np.array([one.gain_db for one in readings]), grid_s)
    return np.asarray(10 ** (gain_db / 20))


def _phase(own_s: Reals, readings: Sequence[Reading], grid_s: Reals) -> Reals:
    cfo_hz = np.array([one.cfo_hz for one in readings])
    measured = np.array([one.phase_rad for one in readings])
    expected = math.pi * (cfo_hz[1:] + cfo_hz[:-1]) * np.diff(own_s)  # 2 pi of the mean of both
    turns = np.round((expected - np.diff(measured)) / (2 * math.pi))
    counted = measured + 2 * math.pi * np.append(0.0, np.cumsum(turns))
    if len(own_s) == 1:
        return np.full(len(grid_s), counted[0])
    rates = np.diff(counted) / np.diff(own_s)
    early, late = np.minimum(grid_s - own_s[0], 0), np.maximum(grid_s - own_s[-1], 0)
    return np.asarray(_between(own_s, counted, grid_s) + rates[0] * early + rates[-1] * late)


def _between(own_s: Reals, values: Reals, grid_s: Reals) -> Reals:
    """Return values between a node's readings, and its first and last beyond them."""
    if len(own_s) == 1:
        return np.full(len(grid_s), values[0])
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - slow to import

    return np.asarray(PchipInterpolator(own_s, values)(np.clip(grid_s, own_s[0], own_s[-1])))
