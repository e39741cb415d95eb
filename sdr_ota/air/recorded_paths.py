"""One node's path from a file: its taps, brought to the frame's time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_ota.air import impairments as imp
from sdr_ota.air.channels.channel import Channel, ChannelFileError, Reals, Taps
from sdr_ota.air.presets import AirPreset, ChannelEnd

_AROUND = 8
"""Times on each side of a burst that its spline runs through: what lies beyond an end of a spline
moves a value inside by a quarter of it a time, 2e-5 after eight."""


class ChannelEnded(ChannelFileError):  # noqa: N818 - it is what happened
    """The run goes on, and the file that it plays does not."""


@dataclass(frozen=True)
class RecordedPaths:
    """The taps of one node; a function of absolute time alone.

    Attributes:
        delays_s: Of the taps, shape ``(n_taps,)``.
        taps: Shape ``(n_times, n_taps)``.
        time_s: Ascending from 0, shape ``(n_times,)``.
        phase_rad: Turns all taps, shape ``(n_times,)``; None where nothing does.
        end: ``refuse``: there is nothing after the last time; ``mirror``: it is played backwards
            and forwards in turn, so that no path jumps.
    """

    delays_s: Reals
    taps: Taps
    time_s: Reals
    phase_rad: Reals | None
    end: ChannelEnd

    @classmethod
    def of(cls, channel: Channel, node: int, end: ChannelEnd) -> "RecordedPaths":
        """Return a node's paths; taps that are always 0 are left out."""
        used = channel.taps[:, node].any(axis=0)
        phase = None if channel.phase_rad is None else channel.phase_rad[:, node]
        taps = channel.taps[:, node, used]
        return cls(channel.delays_s[node, used], taps, channel.time_s, phase, end)

    def through(
        self, placed: imp.PlacedSamples, start_tick: int, sample_rate_hz: float
    ) -> imp.PlacedSamples:
        """Send a burst over the paths; each tap moves while it passes.

        Raises:
            ChannelEnded: If the burst begins after the last time.
        """
        self._check_lasts(start_tick / sample_rate_hz)
        delays = self.delays_s * sample_rate_hz
        if len(self.time_s) == 1:
            spread = imp.convolve_paths(placed.samples, delays, self.at(np.zeros(1))[0])
        else:
            origin = start_tick + placed.first_tick
            spread = imp.convolve_moving_paths(
                placed.samples, delays, lambda ticks: self.at((origin + ticks) / sample_rate_hz)
            )
        return imp.PlacedSamples(spread.samples, placed.first_tick + spread.first_tick)

    def gain(self, tick: int, sample_rate_hz: float) -> complex:
        """Return what the taps make of the carrier."""
        return complex(self.at(np.array([tick / sample_rate_hz])).sum())

    def at(self, time_s: Reals) -> Taps:
        """Return the taps on a cubic spline through the file's, shape ``(n_times, n_taps)``."""
        folded = self._folded(time_s)
        first = max(int(np.searchsorted(self.time_s, folded.min())) - _AROUND, 0)
        around = slice(first, int(np.searchsorted(self.time_s, folded.max())) + _AROUND)
        taps: Taps = _through_points(self.time_s[around], self.taps[around], folded)
        if self.phase_rad is not None:
            turned = _through_points(self.time_s[around], self.phase_rad[around], folded)
            taps = taps * np.exp(1j * turned)[:, None]
        return taps

    def _folded(self, time_s: Reals) -> Reals:
        """Return the times within the file; samples that ring beyond an end are held there."""
        last_s = self.time_s[-1]
        if self.end == "mirror" and last_s > 0:
            return np.asarray(last_s - np.abs(np.mod(time_s, 2 * last_s) - last_s))
        return np.asarray(np.clip(time_s, 0.0, last_s))

    def _check_lasts(self, time_s: float) -> None:
        last_s = float(self.time_s[-1])
        if self.end == "refuse" and len(self.time_s) > 1 and time_s > last_s:
            raise ChannelEnded(
                f"air.channel ends after {last_s:g} s, and a burst was to be sent at {time_s:.4g} "
                's: take a longer file, fewer rounds, or air.channel_end = "mirror"'
            )

    def snapshot(self) -> dict[str, object]:
        """Return nothing: a path from a file has no state of its own."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""


def _through_points(at_s: Reals, values: NDArray[Any], time_s: Reals) -> NDArray[Any]:
    if len(at_s) == 1:
        return np.repeat(values, len(time_s), axis=0)
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import

    return np.asarray(CubicSpline(at_s, values)(time_s))


def with_paths_of(preset: AirPreset, channel: Channel) -> AirPreset:
    """Return a preset without what the file holds: paths, and oscillators where it has phases."""
    paths = replace(
        preset,
        path_gain_spread_db=0.0,
        delay_range_s=0.0,
        fading="none",
        multipath_profile="flat",
        delay_spread_s=0.0,
    )
    if channel.phase_rad is None:
        return paths
    return replace(
        paths,
        clock_error_range_ppm=0.0,
        frequency_drift_hz_per_s=0.0,
        phase_noise_linewidth_hz=0.0,
        receiver_clock_error_range_ppm=0.0,
        receiver_frequency_drift_hz_per_s=0.0,
        receiver_phase_noise_linewidth_hz=0.0,
        start_phase="zero",
    )


def at_level(channel: Channel) -> Channel:
    """Return a channel of unit mean power over all its nodes: a path's level is the air's."""
    return replace(channel, taps=channel.taps / math.sqrt(channel.mean_power))
