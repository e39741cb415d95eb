"""The variation that was imposed is the variation that the tracker shows."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from ota_calibration.paths.tracker import (
    ASSUMED_BURSTS,
    PathForecast,
    PathTracker,
    with_forecast,
)

from sdr_ota.types import ChannelEstimate, PathErrors, Precoder, TransmitPlan

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


def plan_of(forecast: PathForecast) -> TransmitPlan:
    """Return a plan in which all nodes that were received send."""
    precoders = tuple(
        Precoder(0j) if e is None else Precoder(0.1 / e.gain, cfo_hz=e.cfo_hz)
        for e in forecast.estimates
    )
    return with_forecast(TransmitPlan(precoders, 0.1, 1e-6), forecast)


@pytest.mark.parametrize("phase_walk", [0.01, 0.5])
@pytest.mark.parametrize("level_walk", [0.0, 0.02])
@pytest.mark.parametrize("jitter_s", [0.0, 1e-6])
def test_imposed_variation_is_measured(
    phase_walk: float, level_walk: float, jitter_s: float
) -> None:
    rng, cfo_hz = np.random.default_rng(1), 3e3
    tracker = PathTracker(RATE_HZ)
    phase, level = rng.uniform(0, 6, N_NODES), np.ones(N_NODES)
    for index in range(120):
        phase = phase + np.sqrt(phase_walk * GAP_S) * rng.standard_normal(N_NODES)
        level = level + np.sqrt(level_walk * GAP_S) * rng.standard_normal(N_NODES)
        delays_s = jitter_s * rng.standard_normal(N_NODES)
        tracker.observe(sounding(index, level * np.exp(1j * phase), delays_s, cfo_hz, rng))
    plan = plan_of(tracker.forecast(GAP_S))
    # About 50 soundings of 40 nodes count: the std of a mean square is sqrt(2 / 2000) of it; the
    # filters' noises stand a factor of 3 apart, and their mean is off by a part of that.
    others = list(plan.path_errors)
    lead = others.pop(plan.lead_node)
    errors = np.array([astuple(one) for one in plan.path_errors])
    mean = PathErrors(*np.sqrt(np.mean(errors**2, axis=0)))
    grown = mean.phase_walk_rad2_per_s + (2 * np.pi * mean.cfo_std_hz) ** 2 * GAP_S
    assert grown == pytest.approx(phase_walk, rel=0.3)
    relative = np.sqrt(np.mean((level_walk / level**2) ** 2))  # to the level there is
    assert mean.amplitude_walk_per_s == pytest.approx(relative, rel=0.3, abs=1e-3)
    turned = (2 * np.pi * cfo_hz * jitter_s) ** 2  # of a burst that starts late
    late = 2 * jitter_s**2  # the delays themselves stand still
    assert lead.timing_std_s == 0
    found = np.mean([one.timing_std_s**2 for one in others])
    assert found == pytest.approx(late, rel=0.3, abs=1e-18)
    assert mean.phase_std_rad**2 == pytest.approx(turned, rel=0.3, abs=2e-6)


def test_hardly_a_node_is_louder_at_the_payload_than_three_stds_beyond_its_plan() -> None:
    """What the privacy claim relies on. With the error at the sounding alone half of them are."""
    rng, walk, ahead_s = np.random.default_rng(7), 0.02, 50e-3
    tracker, level = PathTracker(RATE_HZ), np.ones(N_NODES)
    beyond, at_sounding = [], []
    for index in range(120):
        level = level + np.sqrt(walk * GAP_S) * rng.standard_normal(N_NODES)
        tracker.observe(sounding(index, level.astype(complex), np.zeros(N_NODES), 0.0, rng))
        if index < 40:
            continue
        forecast = tracker.forecast(ahead_s)
        waits = tuple(tracker.until_payload_s(ahead_s).tolist())
        plan = replace(plan_of(forecast), until_payload_s=waits)
        planned = np.array([abs(e.gain) for e in forecast.estimates if e])
        there = level + np.sqrt(walk * ahead_s) * rng.standard_normal(N_NODES)
        stds = np.array([one.amplitude_std for one in plan.path_errors])
        beyond.append(there / planned > 1 + 3 * np.array(plan.payload_amplitude_stds))
        at_sounding.append(there / planned > 1 + 3 * stds)
    n = len(beyond) * N_NODES
    # 0.135 % of a Gaussian; what is learned of a walk from 40 soundings and more is off by a part.
    assert np.mean(beyond) < 0.00135 * 3 + 4 * np.sqrt(0.00135 * 3 / n)
    assert np.mean(at_sounding) > 0.1


def test_offset_of_many_soundings_is_known_better_than_that_of_one() -> None:
    rng = np.random.default_rng(4)
    tracker, n_soundings, gap_s = PathTracker(RATE_HZ), 20, 10 * GAP_S
    for index in range(n_soundings):
        seen = sounding(10 * index, np.ones(N_NODES, complex), np.zeros(N_NODES), 3e3, rng)
        tracker.observe(seen)
    found = [e.cfo_hz for e in tracker.forecast(gap_s).estimates if e]
    assert np.std(found) < CFO_STD_HZ / 20


def test_one_reference_leaves_no_offset_but_what_fading_turns() -> None:
    rng = np.random.default_rng(4)
    tracker = PathTracker(RATE_HZ, shares_reference=True)
    for index in range(20):
        tracker.observe(sounding(index, np.ones(5, complex), np.zeros(5), 0.0, rng))
    assert max(abs(e.cfo_hz) for e in tracker.forecast(GAP_S).estimates if e) < 0.05


def test_without_phase_offset_and_level_are_followed_all_the_same() -> None:
    rng = np.random.default_rng(4)
    tracker = PathTracker(RATE_HZ, has_phase=False)
    for index in range(50):
        turned = np.exp(1j * rng.uniform(0, 6, 5))
        tracker.observe(sounding(index, 0.3 * turned, np.zeros(5), 3e3, rng))
    for estimate in tracker.forecast(GAP_S).estimates:
        assert estimate is not None
        assert estimate.cfo_hz == pytest.approx(3e3, abs=3 * CFO_STD_HZ / np.sqrt(50))
        assert estimate.gain == pytest.approx(0.3, rel=0.01)


def test_precoders_of_powers_undo_the_mean_power() -> None:
    rng, n_trials = np.random.default_rng(6), 200_000
    estimate = ChannelEstimate(0.5j, 1e-3, 0.0, 0.0, 0.0, 0.0, 1e-6, 0)
    still, grown = np.array([0.0, 0.01, 0.2]), np.array([0.0, 0.1, 0.5])
    none = np.zeros(3)
    forecast = PathForecast(
        (estimate, estimate, estimate), none, none, none, still, grown, none, none, 0.0
    )
    powers, variance = forecast.of_powers(0.2), still + 0.2 * grown
    drawn = 1 + np.sqrt(variance) * rng.standard_normal((n_trials, 3))
    undone = np.array([e.gain / 0.5j for e in powers.estimates if e])
    arrived = drawn / undone
    chance = 5 * np.sqrt((4 * variance + 2 * variance**2).max() / n_trials)
    assert np.mean(np.abs(arrived) ** 2, axis=0) == pytest.approx(1, abs=chance)
    assert np.abs(arrived).var(axis=0) == pytest.approx(powers.variances(0.2)[1], rel=0.1)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_burst_that_was_known_not_to_be_sent_is_no_loss(is_late: bool) -> None:
    rng = np.random.default_rng(5)
    tracker = PathTracker(RATE_HZ)
    tracker.observe(sounding(0, np.ones(3, complex), np.zeros(3), 0.0, rng))
    later = sounding(1, np.ones(3, complex), np.zeros(3), 0.0, rng)
    tracker.observe([None, *later[1:]], {0} if is_late else ())
    assert tracker.forecast(GAP_S).loss_probability == (0.0 if is_late else 1 / 203)


def test_nodes_that_were_missed_have_no_forecast_until_they_are_back() -> None:
    rng = np.random.default_rng(3)
    tracker = PathTracker(RATE_HZ)
    tracker.observe([None, *sounding(0, np.ones(2, complex), np.zeros(2), 0.0, rng)])
    assert [e is None for e in tracker.forecast(GAP_S).estimates] == [True, False, False]
    later = sounding(1, np.ones(2, complex), np.zeros(2), 0.0, rng)
    tracker.observe([later[0], None, later[1]])
    assert [e is None for e in tracker.forecast(GAP_S).estimates] == [False, True, False]


@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_lost_bursts_are_counted_and_a_node_that_has_gone_is_none(lost: float) -> None:
    rng = np.random.default_rng(4)
    tracker, n_soundings = PathTracker(RATE_HZ), 300
    for index in range(n_soundings):
        seen = sounding(index, np.ones(5, complex), np.zeros(5), 0.0, rng)
        arrived = rng.random(5) >= lost
        arrived[4] = index < 5  # it has gone
        tracker.observe([s if a else None for s, a in zip(seen, arrived, strict=True)])
    n_due = 4 * n_soundings * (1 - lost)
    expected = lost * n_due / (n_due + ASSUMED_BURSTS)
    spread = np.sqrt(lost * (1 - lost) / n_due)
    loss_probability = tracker.forecast(GAP_S).loss_probability
    assert loss_probability == pytest.approx(expected, abs=4 * spread + 3 / n_due)


def test_a_plan_takes_the_forecast_of_each_node_that_sends() -> None:
    sent = np.array([1.0, 4.0, 9.0, 16.0, np.nan])  # of a node that was not received
    forecast = PathForecast(
        estimates=(None,) * 5,
        phase_variance_rad2=0.04 * sent,
        cfo_variance_hz2=9.0 * sent,
        phase_walk_rad2_per_s=0.3 * sent,
        level_variance=0.01 * sent,
        level_walk_per_s=0.2 * sent,
        delay_variance_s2=1e-12 * sent,
        start_variance_s2=3e-12 * sent,
        loss_probability=0.04,
    )
    active = [Precoder(1 + 0j, cfo_hz=1e4 * node) for node in range(4)]
    plan = with_forecast(TransmitPlan((*active, Precoder(0j)), 1.0, 0.1), forecast)
    for node, errors in enumerate(plan.path_errors[:4]):
        turned_rad2 = (2 * np.pi * 1e4 * node) ** 2 * 3e-12 * sent[node]  # by a late start
        assert errors.phase_std_rad**2 == pytest.approx(0.04 * sent[node] + turned_rad2)
        assert errors.cfo_std_hz == pytest.approx(3.0 * (node + 1))
        assert errors.phase_walk_rad2_per_s == pytest.approx(0.3 * sent[node])
        assert errors.amplitude_std == pytest.approx(0.1 * (node + 1))
        assert errors.amplitude_walk_per_s == pytest.approx(0.2 * sent[node])
        # The lead, here the last, is never late against itself, nor lost unnoticed.
        late = 0.0 if node == 3 else np.sqrt(4e-12 * (16 + sent[node]))
        assert errors.timing_std_s == pytest.approx(late)
        assert errors.loss_probability == (0.0 if node == 3 else 0.04)
    assert plan.path_errors[4] == PathErrors()
