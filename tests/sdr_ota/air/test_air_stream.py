"""Streams through a simulated air: pieces do not show, levels are the preset's."""

from dataclasses import replace

import numpy as np
import pytest

from sdr_ota.air.air_stream import (
    LAG_SAMPLES,
    AirStream,
    oscillator_and_front_end,
    without_oscillators,
)
from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.types import Samples

WORLD = (3, 1e6, 915e6, 7)
QUIET = AirPreset(
    "quiet", path_gain_db=-10.0, delay_range_s=2e-6, clock_error_range_ppm=5.0, snr_db=120.0,
    multipath_profile="TDL-A", delay_spread_s=5e-7, start_phase="uniform",
)  # fmt: skip


def tones(n_samples: int) -> list[Samples]:
    n = np.arange(n_samples)
    return [np.exp(2j * np.pi * f * n).astype(np.complex64) for f in (0.03, -0.11, 0.2)]


def through(preset: AirPreset, inputs: list[Samples], n_piece: int) -> Samples:
    air = AirStream(AirSettings(preset, *WORLD))
    starts = range(0, len(inputs[0]), n_piece)
    return np.concatenate([air.add([x[k : k + n_piece] for x in inputs]) for k in starts])


@pytest.mark.parametrize("n_piece", [256, 1000, 3333])
def test_the_output_does_not_show_where_pieces_end(n_piece: int) -> None:
    inputs = tones(10_000)
    whole, pieces = (through(QUIET, inputs, n) for n in (10_000, n_piece))
    level = np.sqrt(np.mean(np.abs(whole) ** 2))
    np.testing.assert_allclose(pieces, whole, atol=1e-3 * level)


def test_the_sum_has_the_paths_gains_and_the_presets_noise() -> None:
    preset = AirPreset("plain", path_gain_db=-6.0, shared_clock=True, snr_db=30.0)
    inputs = tones(20_000)
    received = through(preset, inputs, 2048)[LAG_SAMPLES:]
    expected = 10 ** (-6 / 20) * np.sum(inputs, axis=0)[:-LAG_SAMPLES]
    power = np.mean(np.abs(received - expected) ** 2)
    assert power == pytest.approx(1e-3, rel=5 / np.sqrt(20_000))


def test_oscillators_and_paths_are_the_two_halves_of_a_preset() -> None:
    whole = air_preset("free-running-pluto")
    nodes, paths = oscillator_and_front_end(whole), without_oscillators(whole)
    assert paths.shared_clock
    assert nodes.clock_error_range_ppm == whole.clock_error_range_ppm
    assert (nodes.path_gain_db, paths.path_gain_db) == (0.0, whole.path_gain_db)
    assert (nodes.fading, paths.fading) == ("none", whole.fading)
    assert (nodes.dac_bits, paths.dac_bits) == (whole.dac_bits, None)
    assert paths.snr_db == whole.snr_db
    spread = through(replace(paths, adc_bits=None), tones(4096), 1024)
    assert np.isfinite(spread).all()
