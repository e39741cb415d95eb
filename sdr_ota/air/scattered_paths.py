"""One node's paths as a preset describes them: a delay profile whose taps fade."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from sdr_ota.air import impairments as imp
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.scattering import GaussMarkovScattering, Scattering, draw_scattering


class Paths(Protocol):
    """What lies between one node and the receiver, beside its mean level and its delay."""

    def through(
        self, placed: imp.PlacedSamples, start_tick: int, sample_rate_hz: float
    ) -> imp.PlacedSamples:
        """Return what a burst becomes whose samples are placed from ``start_tick`` on."""

    def gain(self, tick: int, sample_rate_hz: float) -> complex:
        """Return the sum of the taps at a tick: the gain at the carrier."""

    def snapshot(self) -> dict[str, object]:
        """Return all that was drawn or changes with time, as plain data."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such paths.
        """


class ScatteredPaths:
    """The profile and the fading of a preset; a burst meets the gains of its start.

    Args:
        preset: The numbers of the air.
        rng: The node's own source of randomness.
    """

    def __init__(self, preset: AirPreset, rng: np.random.Generator) -> None:
        self._preset = preset
        spread = preset.delay_spread_s if preset.multipath_profile != "flat" else None
        self._profile = imp.delay_profile(preset.multipath_profile, spread)
        self._scattering = _scattering(preset, len(self._profile.powers), rng)

    def through(
        self, placed: imp.PlacedSamples, start_tick: int, sample_rate_hz: float
    ) -> imp.PlacedSamples:
        """Return what a burst becomes whose samples are placed from ``start_tick`` on."""
        if self._preset.fading == "none":
            return placed
        gains = self._gains(start_tick, sample_rate_hz)
        if len(gains) == 1:
            faded = imp.apply_gain(placed.samples, complex(gains[0]))
            return imp.PlacedSamples(faded, placed.first_tick)
        spread = imp.apply_multipath(placed.samples, self._profile, gains, sample_rate_hz)
        return imp.PlacedSamples(spread.samples, placed.first_tick + spread.first_tick)

    def gain(self, tick: int, sample_rate_hz: float) -> complex:
        """Return the gain at the carrier; unit mean power, 1 without fading."""
        if self._preset.fading == "none":
            return 1.0 + 0j
        return complex(self._gains(tick, sample_rate_hz).sum())

    def _gains(self, tick: int, sample_rate_hz: float) -> imp.Gains:
        scatter = self._scattering.at(tick, sample_rate_hz)
        k_db = self._preset.rician_k_db if self._preset.fading == "rician" else -math.inf
        return imp.path_gains(self._profile, scatter, k_db)

    def snapshot(self) -> dict[str, object]:
        """Return the state of the fading."""
        return self._scattering.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            KeyError, TypeError, ValueError: If it is none of such paths.
        """
        self._scattering.restore(state)


def _scattering(preset: AirPreset, n_paths: int, rng: np.random.Generator) -> Scattering:
    """Return the process of a node's paths; where nothing fades it is never asked."""
    if preset.fading == "none":
        # What it draws of the node's generator belongs to the worlds of these airs: another
        # process would change the bursts' jitter and losses that follow.
        return GaussMarkovScattering(n_paths, preset.coherence_time_s, rng)
    return draw_scattering(preset.fading_spectrum, n_paths, preset.coherence_time_s, rng)
