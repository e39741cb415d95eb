"""The variation that was imposed is the variation that consecutive soundings show."""

from dataclasses import replace

import numpy as np
import pytest
from ota_calibration.paths.tracker import (
    ASSUMED_BURSTS,
    ChannelVariation,
    PathTracker,
    with_variation,
)

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


def plan_for(gains: np.ndarray) -> TransmitPlan:
    """Return a plan that inverts the gains."""
    return TransmitPlan(tuple(Precoder(complex(0.1 / gain)) for gain in gains), 0.1, 1e-6)


@pytest.mark.parametrize("phase_walk", [0.0, 0.5])
@pytest.mark.parametrize("amplitude_walk", [0.0, 0.2])
@pytest.mark.parametrize("jitter_s", [0.0, 1e-6])
@pytest.mark.parametrize("cfo_error_hz", [0.0, 3.0])
def test_imposed_wander_is_measured(
    phase_walk: float, amplitude_walk: float, jitter_s: float, cfo_error_hz: float
) -> None:
    rng = np.random.default_rng(1)
    tracker, variation = PathTracker(RATE_HZ), ChannelVariation()
    phase, level = rng.uniform(0, 6, N_NODES), np.zeros(N_NODES)
    for index in range(120):
        phase = phase + np.sqrt(phase_walk * GAP_S) * rng.standard_normal(N_NODES)
        level = level + np.sqrt(amplitude_walk * GAP_S) * rng.standard_normal(N_NODES)
        delays_s = jitter_s * rng.standard_normal(N_NODES)
        gains = np.exp(level + 1j * phase)
        seen = [
            replace(e, cfo_hz=e.cfo_hz + cfo_error_hz * rng.standard_normal())
            for e in sounding(index, gains, delays_s, 3e3, rng)
        ]
        # With the offset's error the phase at the reference stays that of the path.
        variation = tracker.observe(seen)
    plan = with_variation(plan_for(gains), variation)
    # About 1 / (1 - memory) * 2 = 40 soundings of 40 nodes count: std of a mean square
    # is sqrt(2 / 1600) of it, plus that of the noise that is taken off.
    offset_variance = CFO_STD_HZ**2 + cfo_error_hz**2
    noise_floor = 0.3 * (2 * np.pi * GAP_S) ** 2 * offset_variance / GAP_S
    assert plan.phase_walk_rad2_per_s == pytest.approx(phase_walk, rel=0.2, abs=noise_floor)
    assert plan.amplitude_walk_per_s == pytest.approx(amplitude_walk, rel=0.2, abs=1e-3)
    assert variation.delay_variance_s2 == pytest.approx(2 * jitter_s**2, rel=0.2, abs=1e-18)
    assert variation.cfo_variance_hz2 == pytest.approx(cfo_error_hz**2, rel=0.2, abs=0.05)


@pytest.mark.parametrize("faded", [1.0, 0.1])
def test_what_fades_is_worse_for_a_node_in_a_fade(faded: float) -> None:
    """A path moves by the same distance in a fade; relative to its gain that is more."""
    rng = np.random.default_rng(4)
    tracker, variation, diffusion = PathTracker(RATE_HZ), ChannelVariation(), 0.05
    gains = np.exp(1j * rng.uniform(0, 6, N_NODES))
    for index in range(120):
        noise = rng.standard_normal((2, N_NODES))
        gains = gains + np.sqrt(diffusion * GAP_S) * (noise[0] + 1j * noise[1])
        variation = tracker.observe(sounding(index, gains, np.zeros(N_NODES), 3e3, rng))
    strong = gains / np.abs(gains)
    plan = with_variation(plan_for(faded * strong), variation)
    expected = diffusion / faded**2
    # Across it moves as along: as much in phase, and nothing beyond it.
    assert plan.amplitude_walk_per_s == pytest.approx(expected, rel=0.2)
    assert plan.phase_walk_rad2_per_s == pytest.approx(expected, rel=0.3)


def test_a_node_left_out_adds_nothing_to_what_is_expected() -> None:
    variation = ChannelVariation(path_walk_per_s=(0.1, 0.1, 50.0))
    plan = TransmitPlan((Precoder(0.1 + 0j), Precoder(0.1j), Precoder(0j)), 0.1, 1e-6)
    assert with_variation(plan, variation).amplitude_walk_per_s == pytest.approx(0.1)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_burst_that_was_known_not_to_be_sent_is_no_loss(is_late: bool) -> None:
    rng = np.random.default_rng(5)
    tracker = PathTracker(RATE_HZ)
    tracker.observe(sounding(0, np.ones(3, complex), np.zeros(3), 0.0, rng))
    later = sounding(1, np.ones(3, complex), np.zeros(3), 0.0, rng)
    variation = tracker.observe([None, *later[1:]], {0} if is_late else ())
    assert variation.loss_probability == (0.0 if is_late else 1 / 203)


def test_the_first_sounding_shows_no_wander() -> None:
    rng = np.random.default_rng(2)
    seen = sounding(0, np.ones(3, complex), np.zeros(3), 0.0, rng)
    assert PathTracker(RATE_HZ).observe(seen) == ChannelVariation()


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
    tracker, variation, n_soundings = PathTracker(RATE_HZ), ChannelVariation(), 500
    for index in range(n_soundings):
        seen = sounding(index, np.ones(5, complex), np.zeros(5), 0.0, rng)
        arrived = rng.random(5) >= lost
        arrived[4] = index < 5  # it has gone
        variation = tracker.observe([s if a else None for s, a in zip(seen, arrived, strict=True)])
    n_due = 4 * n_soundings * (1 - lost)
    expected = lost * n_due / (n_due + ASSUMED_BURSTS)
    spread = np.sqrt(lost * (1 - lost) / n_due)
    assert variation.loss_probability == pytest.approx(expected, abs=4 * spread + 3 / n_due)


def test_a_plan_takes_the_wander_over() -> None:
    active = (Precoder(1 + 0j),) * 4
    plan = TransmitPlan((*active, Precoder(0j)), 1.0, 0.1, cfo_error_std_hz=3.0)
    moved = with_variation(plan, ChannelVariation((0.2,) * 5, 0.1, 4e-12, 16.0, 0.04))
    assert moved.phase_walk_rad2_per_s == pytest.approx(0.3)
    assert moved.amplitude_walk_per_s == pytest.approx(0.2)
    # The lead is never late against itself, and its burst is not lost unnoticed.
    assert moved.timing_error_std_s == pytest.approx(np.sqrt(2 * 0.75 * 4e-12))
    assert moved.loss_probability == pytest.approx(0.75 * 0.04)
    assert moved.cfo_error_std_hz == pytest.approx(5.0)
