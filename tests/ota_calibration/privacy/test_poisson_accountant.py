import math
import sys

import pytest
from ota_calibration.privacy.adjacency import Relation
from ota_calibration.privacy.gaussian_accountant import gaussian_epsilon
from ota_calibration.privacy.poisson_accountant import (
    LEVEL_RATIO,
    MissingAccountantError,
    poisson_epsilon,
    poisson_noise_multiplier,
    rounds_by_level,
)

pytest.importorskip("dp_accounting")


def test_the_number_that_four_libraries_were_compared_on() -> None:
    epsilon = poisson_epsilon({1.0: 1000}, 0.016, 1e-5, Relation.ADD_REMOVE)
    assert epsilon == pytest.approx(3.050, abs=1e-3)


@pytest.mark.parametrize(("relation", "contributions"), [("add-remove", 1), ("replace", 2)])
@pytest.mark.parametrize("multiplier", [1.0, 2.5])
def test_without_subsampling_it_is_the_exact_accountant_in_both_adjacencies(
    relation: str, contributions: int, multiplier: float
) -> None:
    """The trap: under replacement the library doubles the sensitivity by itself."""
    epsilon = poisson_epsilon({multiplier: 1}, 1.0, 1e-5, Relation(relation))
    exact = gaussian_epsilon(contributions / multiplier, 1e-5)
    assert epsilon == pytest.approx(exact, rel=1e-3)
    assert epsilon >= exact * (1 - 1e-9)


def test_rounds_at_different_levels_compose() -> None:
    both = poisson_epsilon({2.0: 3, 3.0: 5}, 1.0, 1e-5, Relation.ADD_REMOVE)
    exact = gaussian_epsilon(math.sqrt(3 / 4 + 5 / 9), 1e-5)
    assert both == pytest.approx(exact, rel=1e-3)


def test_sampling_fewer_records_costs_less_and_replacing_costs_more() -> None:
    rates = (0.01, 0.1, 1.0)
    costs = [poisson_epsilon({3.0: 10}, q, 1e-5, Relation.ADD_REMOVE) for q in rates]
    assert costs == sorted(costs)
    replaced = poisson_epsilon({3.0: 10}, 0.1, 1e-5, Relation.REPLACE)
    assert costs[1] < replaced


@pytest.mark.slow
@pytest.mark.parametrize("relation", list(Relation))
def test_the_multiplier_found_keeps_the_target_and_hardly_more(relation: Relation) -> None:
    found = poisson_noise_multiplier(8.0, 1e-5, 0.064, 8000, relation)
    kept = poisson_epsilon({found: 8000}, 0.064, 1e-5, relation)
    assert kept <= 8.0
    assert kept == pytest.approx(8.0, rel=5e-3)
    if relation is Relation.ADD_REMOVE:
        # Noise of the mean in units of the clip, five clients with batches of 64.
        assert found / (5 * 64) == pytest.approx(0.011, abs=5e-4)


def test_levels_are_rounded_toward_more_cost_and_silent_rounds_are_free() -> None:
    multipliers = [0.7 * 1.013**k for k in range(200)]
    levels = rounds_by_level([*multipliers, math.inf])
    assert sum(levels.values()) == len(multipliers)
    assert len(levels) < len(multipliers) * math.log(1.013) / math.log(LEVEL_RATIO) + 2
    rounded = sorted(level for level, count in levels.items() for _ in range(count))
    for level, multiplier in zip(rounded, multipliers, strict=True):
        assert multiplier / LEVEL_RATIO * (1 - 1e-6) <= level <= multiplier


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="sampling_rate = 0"):
        poisson_epsilon({1.0: 1}, 0.0, 1e-5, Relation.REPLACE)
    with pytest.raises(ValueError, match="delta = 1"):
        poisson_epsilon({1.0: 1}, 0.1, 1.0, Relation.REPLACE)
    with pytest.raises(ValueError, match="must be positive"):
        poisson_epsilon({-1.0: 1}, 0.1, 1e-5, Relation.REPLACE)
    with pytest.raises(ValueError, match="epsilon = 0"):
        poisson_noise_multiplier(0.0, 1e-5, 0.1, 10, Relation.REPLACE)


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingAccountantError, match=r"pip install 'sdr-ota\[privacy\]'"):
        poisson_epsilon({1.0: 1}, 0.1, 1e-5, Relation.REPLACE)
