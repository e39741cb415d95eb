"""Times by several frames are as sure as least squares allow, over clocks that differ."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sdr_ota.downlink.beacon import BeaconFix, Moment, beacon_fix
from sdr_ota.downlink.clock_track import KEPT_BEACONS, ClockTrack
from sdr_ota.receiver.control_frame import SenderClock, receive_control_frame
from sdr_ota.signal.control_frame import ControlFormat
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

CARRIER_HZ, RATE_HZ, AFTER = 915e6, 1e6, 60_000
START_STD, CFO_STD_HZ = 0.1, 10.0


def drawn(
    tick: int, clock_error: float, rng: np.random.Generator, own_clock: bool = True
) -> BeaconFix:
    """A frame that began at a server's tick, by a node whose tick 1000 is the server's 0."""
    place = 1000 + tick / (1 + clock_error) + START_STD * rng.normal()
    cfo_hz = clock_error * CARRIER_HZ + CFO_STD_HZ * rng.normal()
    began = Moment(round(place), place - round(place), START_STD)
    share = 1 / CARRIER_HZ if own_clock else 0.0
    return BeaconFix(began, cfo_hz, CFO_STD_HZ, 0.1, 0.01, cfo_hz * share, CFO_STD_HZ * share)


def tracked(
    ticks: list[int], clock_error: float, rng: np.random.Generator, own_clock: bool = True
) -> ClockTrack:
    track = ClockTrack()
    for tick in ticks:
        track = track.with_beacon(tick % 2**32, drawn(tick, clock_error, rng, own_clock))
    return track


def off(due: Moment, tick: int, clock_error: float) -> float:
    """Error of a moment that is due at a server's tick."""
    return due.tick - 1000 + due.late_samples - tick / (1 + clock_error)


@pytest.mark.parametrize("sign", [-1, 1])
def test_one_frame_orders_over_clocks_that_differ(sign: int) -> None:
    """60 ms and 50 ppm are 3 samples; without noise less than a hundredth of one is left."""
    clock_error = 50e-6 * sign
    cfo, frame = clock_error * CARRIER_HZ / RATE_HZ, ControlFormat(bench=BENCH)
    how, rng = Reception(700.3, cfo, clock_error=clock_error), np.random.default_rng(2)
    samples = captured(b"x", frame, how, rng)
    clock = SenderClock(RATE_HZ / CARRIER_HZ)
    burst = receive_control_frame(samples, frame, 0.06, clock).burst
    fix = beacon_fix(burst, 5_000_000, RATE_HZ, clock)
    due = ClockTrack().with_beacon(77, fix).moment(AFTER)
    at = due.tick - 5_000_000 + due.late_samples
    assert abs(due.late_samples) <= 0.5
    assert at == pytest.approx(700.3 + AFTER / (1 + clock_error), abs=0.01)
    assert abs(at - 700.3 - AFTER) > 2.9


def test_one_frame_knows_a_time_as_well_as_its_start_and_its_offset() -> None:
    began = Moment(100, 0.25, 0.03)
    alone = ClockTrack().with_beacon(5, BeaconFix(began, 915.0, 9.15, 0.1, 0.01, 1e-6, 1e-8))
    due = alone.moment(10_000_000)
    assert due.tick + due.late_samples == pytest.approx(100.25 + 1e7 / (1 + 1e-6), abs=1e-3)
    assert due.std_samples == pytest.approx(math.hypot(0.03, 0.1), rel=1e-3)
    common = ClockTrack().with_beacon(5, BeaconFix(began, 915.0, 9.15, 0.1, 0.01, 0.0, 0.0))
    due = common.moment(10_000_000)
    assert due.tick + due.late_samples == pytest.approx(10_000_100.25, abs=1e-4)
    assert due.std_samples == pytest.approx(0.03, rel=1e-3)


@pytest.mark.parametrize("own_clock", [True, False])
def test_sixteen_frames_know_a_time_as_well_as_they_say(own_clock: bool) -> None:
    """Errors over stated deviations, by chi-square; over a wrap of the tick, too."""
    rng, n_trials, n = np.random.default_rng(3), 300, KEPT_BEACONS
    clock_error = 30e-6 if own_clock else 0.0
    ticks = [2**32 - 600_000 + 80_000 * k for k in range(n)]
    errors, stated = [], []
    for _ in range(n_trials):
        due = tracked(ticks, clock_error, rng, own_clock).moment(AFTER)
        errors.append(off(due, ticks[-1] + AFTER, clock_error))
        stated.append(due.std_samples)
    ratio = float(np.mean(np.square(errors)) / np.mean(np.square(stated)))
    low, high = (stats.chi2.ppf(p, n_trials) / n_trials for p in (1e-4, 1 - 1e-4))
    assert low < ratio < high
    # As sure as the mean of 16: the offset knows the slope of the line.
    assert stated[0] == pytest.approx(START_STD / math.sqrt(n), rel=5e-3 if own_clock else 1e-3)


def test_frames_are_forgotten_when_they_are_many_or_old() -> None:
    rng = np.random.default_rng(4)
    assert len(tracked([1000 * k for k in range(40)], 0.0, rng).beacons) == KEPT_BEACONS
    old = tracked([0, 1_000_000, 2_500_000], 0.0, rng)
    assert [tick for tick, _ in old.beacons] == [1_000_000, 2_500_000]


@pytest.mark.parametrize("lost_samples", [3, 4096, -4096])
def test_a_frame_by_another_clock_begins_the_track_anew(lost_samples: int) -> None:
    rng = np.random.default_rng(5)
    track = tracked([0, 80_000, 160_000], 10e-6, rng)
    fix = drawn(240_000, 10e-6, rng)
    moved = Moment(fix.began.tick + lost_samples, fix.began.late_samples, START_STD)
    again = replace(fix, began=moved)
    assert len(track.with_beacon(240_000, fix).beacons) == 4
    assert track.with_beacon(240_000, again).beacons == ((240_000, again),)
