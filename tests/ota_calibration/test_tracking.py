"""The wander that was imposed is the wander that consecutive soundings show."""

import numpy as np
import pytest
from ota_calibration.tracking import ASSUMED_BURSTS, PathTracker, Wander, with_wander

from sdr_ota.types import ChannelEstimate, Precoder, TransmitPlan

RATE_HZ, GAP_S, N_NODES = 1e6, 10e-3, 40
GAIN_STD, CFO_STD_HZ, DELAY_STD_S = 1e-3, 0.5, 1e-9


def sounding(
    index: int, gains: np.ndarray, delays_s: np.ndarray, cfo_hz: float, rng: np.random.Generator
) -> list[ChannelEstimate]:
    """Return what a sounding shows of true gains and delays, with its own errors."""
    tick = round((index + 1) * GAP_S * RATE_HZ)
    noise = rng.standard_normal((4, len(gains)))
    turn = np.exp(2j * np.pi * cfo_hz * tick / RATE_HZ)
    seen = gains * turn + GAIN_STD / np.sqrt(2) * (noise[0] + 1j * noise[1])
    return [
        ChannelEstimate(
            complex(seen[k]),
            GAIN_STD,
            float(delays_s[k] + DELAY_STD_S * noise[2, k]),
            DELAY_STD_S,
            float(cfo_hz + CFO_STD_HZ * noise[3, k]),
            CFO_STD_HZ,
            1e-6,
            tick,
        )
        for k in range(len(gains))
    ]


@pytest.mark.parametrize("phase_walk", [0.0, 0.5])
@pytest.mark.parametrize("amplitude_walk", [0.0, 0.2])
@pytest.mark.parametrize("jitter_s", [0.0, 1e-6])
def test_imposed_wander_is_measured(
    phase_walk: float, amplitude_walk: float, jitter_s: float
) -> None:
    rng = np.random.default_rng(1)
    tracker, wander = PathTracker(RATE_HZ), Wander()
    phase, level = rng.uniform(0, 6, N_NODES), np.zeros(N_NODES)
    for index in range(120):
        phase = phase + np.sqrt(phase_walk * GAP_S) * rng.standard_normal(N_NODES)
        level = level + np.sqrt(amplitude_walk * GAP_S) * rng.standard_normal(N_NODES)
        delays_s = jitter_s * rng.standard_normal(N_NODES)
        seen = sounding(index, np.exp(level + 1j * phase), delays_s, 3e3, rng)
        wander = tracker.observe(seen)
    # About 1 / (1 - memory) * 2 = 40 soundings of 40 nodes count: std of a mean square
    # is sqrt(2 / 1600) of it, plus that of the noise that is taken off.
    noise_floor = 0.3 * (2 * np.pi * CFO_STD_HZ * GAP_S) ** 2 / GAP_S
    assert wander.phase_walk_rad2_per_s == pytest.approx(phase_walk, rel=0.2, abs=noise_floor)
    assert wander.amplitude_walk_per_s == pytest.approx(amplitude_walk, rel=0.2, abs=1e-3)
    assert wander.delay_variance_s2 == pytest.approx(2 * jitter_s**2, rel=0.2, abs=1e-18)


def test_the_first_sounding_shows_no_wander() -> None:
    rng = np.random.default_rng(2)
    seen = sounding(0, np.ones(3, complex), np.zeros(3), 0.0, rng)
    assert PathTracker(RATE_HZ).observe(seen) == Wander()


def test_nodes_that_were_missed_are_left_out() -> None:
    rng = np.random.default_rng(3)
    tracker = PathTracker(RATE_HZ)
    tracker.observe([None, *sounding(0, np.ones(2, complex), np.zeros(2), 0.0, rng)])
    later = sounding(1, np.ones(2, complex), np.full(2, 1e-6), 0.0, rng)
    assert tracker.observe([later[0], None, later[1]]).delay_variance_s2 == pytest.approx(
        1e-12, rel=0.1
    )


@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_lost_bursts_are_counted_and_a_node_that_has_gone_is_none(lost: float) -> None:
    rng = np.random.default_rng(4)
    tracker, wander, n_soundings = PathTracker(RATE_HZ), Wander(), 500
    for index in range(n_soundings):
        seen = sounding(index, np.ones(5, complex), np.zeros(5), 0.0, rng)
        arrived = rng.random(5) >= lost
        arrived[4] = index < 5  # it has gone
        wander = tracker.observe([s if a else None for s, a in zip(seen, arrived, strict=True)])
    n_due = 4 * n_soundings * (1 - lost)
    expected = lost * n_due / (n_due + ASSUMED_BURSTS)
    spread = np.sqrt(lost * (1 - lost) / n_due)
    assert wander.loss_probability == pytest.approx(expected, abs=4 * spread + 3 / n_due)


def test_a_plan_takes_the_wander_over() -> None:
    plan = TransmitPlan((Precoder(1 + 0j),) * 4 + (Precoder(0j),), 1.0, 0.1)
    moved = with_wander(plan, Wander(0.3, 0.2, 4e-12))
    assert (moved.phase_walk_rad2_per_s, moved.amplitude_walk_per_s) == (0.3, 0.2)
    assert moved.timing_error_std_s == pytest.approx(np.sqrt(2 * 0.75 * 4e-12))
