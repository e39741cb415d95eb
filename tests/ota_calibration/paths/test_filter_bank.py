"""A bank that is shown a quantity with known noises finds them, and its uncertainty is true."""

import math

import numpy as np
import pytest
from ota_calibration.paths import filter_bank
from ota_calibration.paths.filter_bank import FilterBank
from ota_calibration.paths.motion import MotionModel, Observation

N_NODES, N_STEPS = 30, 90
WALKS = tuple(0.002 * 3.0**k for k in range(9))
PHASE = MotionModel(
    n_states=3,
    walks_per_s=WALKS,
    rate_walks_per_s=(0.0, 0.01, 0.3, 10.0),
    drift_std=2 * math.pi * 15,
    period=2 * math.pi,
    jump_rate_range=2 * math.pi * 1e4,
    n_branches=3,
)
LEVEL = MotionModel(2, walks_per_s=tuple(1e-6 * 4.0**k for k in range(12)))


def phases(
    rng: np.random.Generator,
    times_s: np.ndarray,
    walk: float,
    offset_hz: float = 1e3,
    drift_hz_per_s: float = 0.0,
) -> np.ndarray:
    """Return phases of independent nodes, shape ``(n_times, N_NODES)``."""
    steps = np.diff(times_s, prepend=times_s[0])[:, None]
    wandered = np.cumsum(np.sqrt(walk * steps) * rng.standard_normal((len(times_s), N_NODES)), 0)
    cycles = offset_hz * times_s + drift_hz_per_s * times_s**2 / 2
    return wandered + rng.uniform(0, 6, N_NODES) + 2 * np.pi * cycles[:, None]


def seen_of(
    rng: np.random.Generator, time_s: float, phase: np.ndarray, rate: float, stds: tuple
) -> Observation:
    """Return what noise leaves of phases and rates."""
    noise, n = rng.standard_normal((2, len(phase))), len(phase)
    return Observation(
        np.arange(n),
        np.full(n, time_s),
        np.angle(np.exp(1j * (phase + stds[0] * noise[0]))),
        np.full(n, stds[0] ** 2),
        rate + stds[1] * noise[1],
        np.full(n, stds[1] ** 2),
    )


def chi_square_limits(n: int) -> tuple[float, float]:
    """Return where the mean of n squared normals lies but once in 30,000, by its own spread."""
    return 1 - 4 * math.sqrt(2 / n), 1 + 4 * math.sqrt(2 / n)


@pytest.mark.parametrize("walk", [WALKS[1], WALKS[4], WALKS[7]])
@pytest.mark.parametrize("gap_s", [0.02, 0.1])
def test_a_walk_is_learned_and_the_forecast_is_as_good_as_it_says(
    walk: float, gap_s: float
) -> None:
    rng = np.random.default_rng(3)
    bank, ahead_s = FilterBank(PHASE, N_NODES), gap_s / 2
    times_s = np.arange(2 * N_STEPS) * ahead_s  # every second one is a payload
    true, errors, expected, off = phases(rng, times_s, walk), [], [], []
    for index in range(0, 2 * N_STEPS, 2):
        rate = 2 * np.pi * 1e3
        bank.observe(seen_of(rng, times_s[index], true[index], rate, (0.005, 2.0)))
        if index >= 60:
            forecast = bank.forecast(np.full(N_NODES, ahead_s))
            errors.append(np.angle(np.exp(1j * (true[index + 1] - forecast.level))))
            expected.append(forecast.variance)
            off.append(bank.innovations.copy())
    assert bank.forecast(np.zeros(N_NODES)).walk_per_s.mean() == pytest.approx(walk, rel=0.25)
    ratio = np.mean(np.square(errors)) / np.mean(expected)
    n_trials = np.size(errors)
    # The bank's own noise estimate, of about 50 observations a node, adds its spread to a trial's.
    assert ratio == pytest.approx(1, abs=4 * math.sqrt(2 / n_trials + 2 / (50 * N_NODES)))
    low, high = chi_square_limits(n_trials)
    assert low - 0.1 < np.mean(np.square(off)) < high + 0.1
    lagged = np.array(off)
    correlation = np.mean(lagged[1:] * lagged[:-1]) / np.mean(lagged**2)
    assert abs(correlation) < 4 / math.sqrt(n_trials) + 0.03


@pytest.mark.parametrize("drift_hz_per_s", [0.0, 15.0, -40.0])
def test_offset_and_drift_are_found_between_whole_turns(drift_hz_per_s: float) -> None:
    rng = np.random.default_rng(4)
    bank, times_s = FilterBank(PHASE, N_NODES), np.arange(12) * 0.1
    true = phases(rng, times_s, 0.002, 777.0, drift_hz_per_s)
    for time_s, phase in zip(times_s, true, strict=True):
        rate = 2 * np.pi * (777.0 + drift_hz_per_s * time_s)
        bank.observe(seen_of(rng, time_s, phase, rate, (0.005, 2 * np.pi)))
    forecast = bank.forecast(np.full(N_NODES, 0.05))
    expected = 2 * np.pi * (777.0 + drift_hz_per_s * (times_s[-1] + 0.025))
    assert np.all(np.abs(forecast.mean_rate - expected) < 2 * np.pi * 0.3)
    assert forecast.variance.max() < 0.01


def test_observations_may_be_missing_and_irregular() -> None:
    rng = np.random.default_rng(5)
    bank = FilterBank(PHASE, N_NODES)
    times_s = np.cumsum(rng.uniform(0.01, 0.15, 80))
    true = phases(rng, times_s, 0.02)
    for time_s, phase in zip(times_s[:-1], true[:-1], strict=True):
        seen = seen_of(rng, time_s, phase, 2 * np.pi * 1e3, (0.005, 2.0))
        here = np.flatnonzero(rng.random(N_NODES) < 0.7)
        parts = (getattr(seen, name)[here] for name in Observation.__dataclass_fields__)
        bank.observe(Observation(*parts))
    ahead_s = times_s[-1] - bank.times_s
    forecast = bank.forecast(ahead_s)
    off = np.angle(np.exp(1j * (true[-1] - forecast.level)))
    low, high = chi_square_limits(N_NODES)
    assert low < np.mean(off**2 / forecast.variance) < high


def test_a_quantity_that_jumps_is_followed_at_once() -> None:
    rng = np.random.default_rng(6)
    bank, gap_s = FilterBank(PHASE, N_NODES), 0.1
    times_s = np.arange(40) * gap_s
    true = phases(rng, times_s, 0.002)
    true[30:] += math.pi / 4 * rng.integers(1, 8, N_NODES)
    for index, time_s in enumerate(times_s[:33]):
        bank.observe(seen_of(rng, time_s, true[index], 2 * np.pi * 1e3, (0.005, 2.0)))
    forecast = bank.forecast(np.full(N_NODES, gap_s))
    off = np.angle(np.exp(1j * (true[33] - forecast.level)))
    assert np.sqrt(np.mean(off**2)) < 0.1
    assert off.max() < 8 * np.sqrt(forecast.variance.max())


def test_a_clock_that_begins_anew_begins_a_node_anew() -> None:
    bank, nodes = FilterBank(LEVEL, 2), np.arange(2)
    for times_s in ([5.0, 5.0], [5.1, 5.1], [0.1, 5.2]):
        bank.observe(Observation(nodes, np.array(times_s), np.ones(2), np.full(2, 1e-4)))
    variances = bank.forecast(np.full(2, 0.1)).variance
    assert np.all(variances > 0)
    assert variances[0] > variances[1]  # of which more was seen


def test_a_level_that_stands_is_known_by_the_root_of_the_observations() -> None:
    rng = np.random.default_rng(7)
    bank, std, n_seen = FilterBank(LEVEL, N_NODES), 0.003, 100
    for index in range(n_seen):
        levels = std * rng.standard_normal(N_NODES)
        nodes, times_s = np.arange(N_NODES), np.full(N_NODES, index * 0.1)
        bank.observe(Observation(nodes, times_s, levels, np.full(N_NODES, std**2)))
    forecast = bank.forecast(np.zeros(N_NODES))
    assert np.sqrt(np.mean(forecast.level**2)) < 4 * std / math.sqrt(n_seen)
    assert np.sqrt(forecast.variance.mean()) < 4 * std / math.sqrt(n_seen)


def test_a_bank_goes_on_from_its_snapshot() -> None:
    rng = np.random.default_rng(8)
    bank, again = FilterBank(PHASE, N_NODES), FilterBank(PHASE, N_NODES)
    seen = [seen_of(rng, k / 10, rng.uniform(0, 6, N_NODES), 6e3, (0.01, 2.0)) for k in range(4)]
    for observation in seen[:3]:
        bank.observe(observation)
    again.restore(bank.snapshot())
    for each in (bank, again):
        each.observe(seen[3])
    assert np.array_equal(
        bank.forecast(np.ones(N_NODES)).level, again.forecast(np.ones(N_NODES)).level
    )
    with pytest.raises(ValueError, match="shape"):
        FilterBank(PHASE, 3).restore(bank.snapshot())


def test_blocks_of_nodes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for n_block in (1, 7, 1000):
        monkeypatch.setattr(filter_bank, "BLOCK_NODES", n_block)
        rng, bank = np.random.default_rng(8), FilterBank(PHASE, N_NODES)
        for index, phase in enumerate(phases(rng, 0.1 * np.arange(6), WALKS[4])):
            bank.observe(seen_of(rng, 0.1 * index, phase, 2 * np.pi * 1e3, (0.005, 2.0)))
        found = [*bank.snapshot().values(), *vars(bank.forecast(np.full(N_NODES, 0.2))).values()]
        states.append(np.concatenate([np.ravel(values) for values in found]))
    for state in states[:2]:  # sums may be taken in another order
        np.testing.assert_allclose(state, states[2], rtol=1e-12)
