"""A of the paper from loss curves whose A is known."""

import numpy as np
import pytest

from sdr_ota.runs.contraction import contraction
from sdr_ota.runs.run_records import Evaluation


def curve(losses: dict[int, float | None]) -> list[Evaluation]:
    return [Evaluation(rounds, 0.5, loss) for rounds, loss in losses.items()]


@pytest.mark.parametrize("a", [0.9, 0.998, 0.999_99])
def test_a_geometric_curve_has_its_ratio(a: float) -> None:
    losses = {t: 0.2 + 0.7 * a**t for t in (0, 50, 100, 200)}
    assert contraction(curve(losses), least_loss=0.2) == pytest.approx(a, rel=1e-9)
    # A least loss that is too low makes A too large, never too small.
    assert a < contraction(curve(losses)) < 1


def test_it_is_the_fastest_stretch_from_the_start() -> None:
    """Eq. of section VII-D.2: the least of all roots, whatever comes later."""
    losses = {0: 1.0, 10: 0.5, 20: 0.45, 30: 2.0}
    roots = [losses[t] ** (1 / t) for t in (10, 20, 30)]
    assert contraction(curve(losses)) == pytest.approx(min(roots)) == pytest.approx(0.5**0.1)


@pytest.mark.parametrize(
    "losses",
    [
        {},
        {0: 0.7},
        {0: 0.7, 50: 0.7, 100: 0.9},
        {0: None, 50: 0.5},
        {50: 0.7, 100: 0.5},
        {0: 0.0, 50: 0.0},
        {0: 0.7, 50: 0.0},
    ],
)
def test_a_loss_that_never_fell_has_none(losses: dict[int, float | None]) -> None:
    assert contraction(curve(losses)) is None


def test_a_run_that_ends_before_its_first_round_has_none() -> None:
    assert contraction([Evaluation(0, 0.5, 0.7), Evaluation(0, 0.5, 0.6)]) is None


def test_a_loss_that_is_not_known_is_left_out() -> None:
    found = contraction(curve({0: 1.0, 10: None, 20: 0.25}))
    assert found == pytest.approx(np.exp(np.log(0.25) / 20))
