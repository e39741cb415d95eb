"""What a forecast says of one path, by hand."""

import numpy as np
import pytest
from ota_calibration.paths.tracker import PathForecast, PathTracker

from sdr_ota.types import ChannelEstimate

RATE_HZ, GAP_S = 1e6, 10e-3


def estimate(gain: complex, cfo_hz: float, tick: int) -> ChannelEstimate:
    return ChannelEstimate(gain, 1e-4, 0.0, 1e-9, cfo_hz, 1.0, 1e-6, tick)


@pytest.mark.parametrize("cfo_hz", [230.0, -230.0])
def test_a_precoder_that_undoes_phase_and_offset_meets_the_phase_at_the_payload(
    cfo_hz: float,
) -> None:
    tracker, n_soundings = PathTracker(RATE_HZ), 20
    for index in range(n_soundings):
        tick = round(index * GAP_S * RATE_HZ)
        turn = np.exp(2j * np.pi * cfo_hz * tick / RATE_HZ)
        tracker.observe([estimate(complex(0.3 * turn), cfo_hz, tick)])
    (path,) = tracker.forecast(GAP_S).estimates
    assert path is not None
    there = path.gain * np.exp(2j * np.pi * path.cfo_hz * GAP_S)
    true = 0.3 * np.exp(2j * np.pi * cfo_hz * n_soundings * GAP_S)
    assert abs(there - true) < 0.03


def test_a_node_sounded_earlier_has_longer_to_go() -> None:
    tracker = PathTracker(RATE_HZ)
    tracker.observe([estimate(1.0, 0.0, 1000), None, estimate(1.0, 0.0, 3000)])
    assert tracker.until_payload_s(5e-3)[[0, 2]] == pytest.approx([7e-3, 5e-3])


def test_variances_grow_with_the_offset_in_radians_and_with_the_walks() -> None:
    one = np.ones(1)
    forecast = PathForecast(
        (None,), 0.1 * one, 4.0 * one, 0.3 * one, 0.01 * one, 0.2 * one, one, one, 0.0
    )
    phase, level = forecast.variances(0.05)
    assert phase == pytest.approx(0.1 + (2 * np.pi * 2.0 * 0.05) ** 2 + 0.3 * 0.05)
    assert level == pytest.approx(0.01 + 0.2 * 0.05)


def test_half_of_a_gains_error_is_in_phase_and_half_in_level() -> None:
    tracker, gain_std = PathTracker(RATE_HZ), 0.02
    seen = ChannelEstimate(0.5j, gain_std, 0.0, 1e-9, 0.0, 1.0, 1e-6, 1000)
    tracker.observe([seen])  # nothing is known yet but this
    forecast = tracker.forecast(1e-6)
    half = (gain_std / 0.5) ** 2 / 2
    assert forecast.phase_variance_rad2 == pytest.approx(half, rel=0.01)
    assert forecast.level_variance == pytest.approx(half, rel=0.01)
