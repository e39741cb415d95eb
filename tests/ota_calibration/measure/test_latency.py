"""Leads and times become the distributions that they came from."""

import math

import numpy as np
import pytest
from ota_calibration.measure.latency import (
    LADDER,
    SHORTEST_LEAD_S,
    LeadTrial,
    advised_lead_s,
    begins_at,
    ladder_of_leads,
    latency_measurements,
    needed_leads,
    spread_of,
)

LONGEST_S = 0.05


def trials_of(needed_s: np.ndarray, n_ordered: int) -> list[LeadTrial]:
    """Order as many bursts with every lead; each needs a time drawn from those given."""
    rng = np.random.default_rng(1)
    return [
        LeadTrial(lead_s, n_ordered, int(np.sum(rng.choice(needed_s, n_ordered) <= lead_s)))
        for lead_s in ladder_of_leads(LONGEST_S)
    ]


def test_the_ladder_ends_where_no_host_gets() -> None:
    leads_s = ladder_of_leads(LONGEST_S)
    assert leads_s[0] == LONGEST_S
    assert SHORTEST_LEAD_S <= leads_s[-1] < SHORTEST_LEAD_S / LADDER
    assert ladder_of_leads(SHORTEST_LEAD_S / 2) == [SHORTEST_LEAD_S / 2]


def test_quantiles_are_found_to_a_step_of_the_ladder() -> None:
    needed_s = 1e-3 * np.random.default_rng(2).lognormal(0.0, 0.5, 100_000)
    spread = needed_leads(trials_of(needed_s, 2000))
    # With 2000 orders the share in time is known to sqrt(p (1 - p) / 2000) < 0.0112; four of
    # these move a quantile by less than a step, except where the share lies next to a lead.
    for found_s, share in ((spread.low_s, 0.05), (spread.median_s, 0.5), (spread.high_s, 0.95)):
        slack = 4 * math.sqrt(share * (1 - share) / 2000)
        low, high = np.quantile(needed_s, (max(share - slack, 0), min(share + slack, 1)))
        assert low <= found_s < high / LADDER
    assert spread.low_s < spread.median_s < spread.high_s < spread.max_s
    assert spread.n == 2000


def test_what_was_late_with_the_longest_lead_has_no_lead() -> None:
    spread = needed_leads([LeadTrial(2e-3, 20, 19), LeadTrial(1e-3, 20, 20)])
    assert spread.max_s == math.inf
    assert spread.high_s == 1e-3  # a shorter lead with all in time does not make up for it
    assert needed_leads([LeadTrial(1e-3, 20, 0)]).low_s == math.inf


def test_times_have_their_quantiles_and_the_median_its_error() -> None:
    rng = np.random.default_rng(3)
    medians, stds = [], []
    for _ in range(400):
        spread = spread_of(rng.normal(0.05, 1e-3, 50))
        medians.append(spread.median_s)
        stds.append(spread.median_std_s)
    # The deviation of 400 medians is itself known to 1 / sqrt(800) = 3.5 %; three of these, and
    # 2 % that medians of 50 values are better than the formula for many.
    assert np.std(medians) == pytest.approx(np.mean(stds), rel=3 / math.sqrt(800) + 0.02)
    same = spread_of([0.05] * 5)
    assert (same.low_s, same.median_s, same.high_s, same.max_s) == pytest.approx((0.05,) * 4)
    assert same.median_std_s == 0.0


@pytest.mark.parametrize("first", [0, 640, 5000])
def test_the_beginning_of_a_repetition_is_found_in_noise(first: int) -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.05, (2, 20_000))
    samples = (noise[0] + 1j * noise[1]).astype(np.complex64)
    samples[first:] += 0.5
    found = begins_at(samples)
    assert found is not None
    assert 0 <= first - found < 64 or found == first


def test_noise_alone_begins_nowhere() -> None:
    rng = np.random.default_rng(5)
    samples = (rng.normal(size=20_000) + 1j * rng.normal(size=20_000)).astype(np.complex64)
    assert begins_at(samples) in {0, None}


def test_a_distribution_becomes_four_quantities() -> None:
    spread = needed_leads(trials_of(np.array([1e-3]), 20))
    found = latency_measurements("command_to_antenna", spread, "how")
    assert [m.quantity for m in found] == [
        "command_to_antenna_s", "command_to_antenna_low_s", "command_to_antenna_high_s",
        "command_to_antenna_max_s"]  # fmt: skip
    assert {m.unit for m in found} == {"s"}
    assert advised_lead_s(found[2].value) == 2 * found[2].value
